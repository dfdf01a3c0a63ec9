"""Imports inside `uploads` point one way; read from the source, nothing is imported."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: From the bottom up. A module imports from the layers below its own, never from its own or above.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"conf", "exceptions"}),
    frozenset(
        {
            "keys",
            "policy",
            "sizes",
            "table",
            "asking",
            "chart",
            "content",
            "owners",
            "parquet",
            "lifecycle",
            "untrusted",
        }
    ),
    frozenset({"events", "tokens", "rules"}),
    frozenset({"storage", "queues", "models", "provisioning", "letters", "cloudwatch", "failures"}),
    frozenset({"multipart", "usage", "listing", "deadletters", "comparison", "inventory", "runs"}),
    frozenset({"records", "quotas"}),
    frozenset({"selectors", "confirmation", "inspection"}),
    frozenset({"services", "api_tokens", "reconcile", "seeding", "recount", "overview"}),
    frozenset({"report", "sending", "metrics"}),
    frozenset({"tasks"}),
    frozenset({"consumer"}),
)
#: What is not listed (api, views, admin, middleware, commands, checks) sits on top, and may use its
#: neighbours there.
TOP = len(LAYERS)

PURE = [
    "exceptions",
    "keys",
    "policy",
    "sizes",
    "events",
    "letters",
    "chart",
    "content",
    "untrusted",
]
#: Of other people's, what asks nobody anything either.
PURE_LIBRARIES = frozenset({"jiter", "puremagic"})

MODULES = {
    ".".join(path.relative_to(ROOT / "uploads").with_suffix("").parts): path
    for path in sorted((ROOT / "uploads").rglob("*.py"))
    if "migrations" not in path.parts and path.name != "__init__.py"
}


def layer_of(module: str) -> int:
    first = module.partition(".")[0]
    return next((number for number, names in enumerate(LAYERS) if first in names), TOP)


def imported_by(node: ast.AST, module: str) -> Iterator[str]:
    """The full names that an import statement in `uploads.<module>` brings in."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = ["uploads", *module.split(".")][: -node.level] if node.level else []
        origin = ".".join([*package, *filter(None, [node.module])])
        # `from uploads import keys` names a module, `from uploads.keys import shard` does not.
        if origin == "uploads":
            yield from (f"uploads.{alias.name}" for alias in node.names)
        else:
            yield origin


def own_imports(tree: ast.AST, module: str) -> set[str]:
    """The modules of `uploads` that this one imports, without the `uploads.` in front."""
    return {
        name.removeprefix("uploads.")
        for node in ast.walk(tree)
        for name in imported_by(node, module)
        if name.startswith("uploads.")
    }


def upward(tree: ast.AST, module: str) -> set[str]:
    """The imports that go against the order."""
    layer = layer_of(module)
    return {
        name
        for name in own_imports(tree, module)
        if layer_of(name) > layer or (layer_of(name) == layer != TOP)
    }


def hidden(tree: ast.AST, module: str) -> set[str]:
    """The modules of `uploads` that are imported inside a function."""
    functions = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return {name for function in functions for name in own_imports(function, module)}


def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    assert upward(parse(module), module) == set()


@pytest.mark.parametrize("module", [module for module in MODULES if module != "apps"])
def test_no_import_is_hidden_in_a_function(module: str) -> None:
    assert hidden(parse(module), module) == set()


def test_services_do_not_import_tasks() -> None:
    assert "tasks" not in own_imports(parse("services"), "services")


@pytest.mark.parametrize(
    "module", [module for module in MODULES if module.startswith("middleware")]
)
def test_middleware_imports_nothing_but_the_errors(module: str) -> None:
    assert own_imports(parse(module), module) <= {"exceptions"}


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_imports_nothing_but_the_standard_library_and_pure_modules(
    module: str,
) -> None:
    tree = parse(module)
    imported = {name for node in ast.walk(tree) for name in imported_by(node, module)}
    allowed = {f"uploads.{name}" for name in PURE}
    harmless = PURE_LIBRARIES | sys.stdlib_module_names
    assert {n for n in imported - allowed if n.split(".")[0] not in harmless} == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_the_settings_past_django(module: str) -> None:
    imported = {name for node in ast.walk(parse(module)) for name in imported_by(node, module)}
    assert "filehub.settings" not in imported


@pytest.mark.parametrize("module", sorted(set().union(*LAYERS)))
def test_every_module_of_the_order_exists(module: str) -> None:
    assert module in MODULES


# The reading of imports itself


AGAINST_THE_ORDER = {
    "from the package": ("services", "from uploads import tasks", {"tasks"}),
    "from the module": ("services", "from uploads.tasks import confirm", {"tasks"}),
    "the plain statement": ("services", "import uploads.tasks", {"tasks"}),
    "under another name": ("services", "from uploads import tasks as t", {"tasks"}),
    "relative to the package": ("services", "from . import tasks", {"tasks"}),
    "relative to the module": ("services", "from .tasks import confirm", {"tasks"}),
    "in a function": ("services", "def f():\n  from uploads import tasks", {"tasks"}),
    "for types only": ("keys", "if TYPE_CHECKING:\n  from uploads.models import X", {"models"}),
    "beside a good one": ("services", "from uploads import keys, views", {"views"}),
    "from a package on top": ("models", "from uploads.api.schemas import X", {"api.schemas"}),
    "from a new module on top": ("services", "from uploads import novelty", {"novelty"}),
    "from a neighbour": ("storage", "from uploads import queues", {"queues"}),
    "downwards": ("services", "from uploads import keys, selectors", set()),
    "between neighbours on top": ("views", "from uploads.middleware import X", set()),
    "relative, in a package on top": ("api.routes", "from .schemas import X", set()),
    "from elsewhere": ("keys", "import hashlib\nfrom django import forms", set()),
}


@pytest.mark.parametrize(
    ("module", "source", "found"), AGAINST_THE_ORDER.values(), ids=AGAINST_THE_ORDER.keys()
)
def test_an_import_against_the_order_is_found(module: str, source: str, found: set[str]) -> None:
    assert upward(ast.parse(source), module) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n  from uploads import keys", {"keys"}),
        ("async def f():\n  import uploads.keys", {"keys"}),
        ("class A:\n  def f(self):\n    if True:\n      from uploads.keys import x", {"keys"}),
        ("def f():\n  import json", set()),
        ("from uploads import keys", set()),
        ("if TYPE_CHECKING:\n  from uploads import keys", set()),
    ],
    ids=["function", "coroutine", "method", "standard library", "top", "types only"],
)
def test_an_import_hidden_in_a_function_is_found(source: str, found: set[str]) -> None:
    assert hidden(ast.parse(source), "views") == found
