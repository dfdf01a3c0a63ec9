"""The documents name what exists, and nothing else."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

from filehub.celery import app as celery_app
from filehub_client import config as client_config
from local import reference
from uploads.core import conf
from uploads.web.api import api

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
#: Directories that no document speaks of as files of the project.
GENERATED = {".git", ".venv", ".local", "node_modules", "__pycache__", "test-results"}
SOURCES = {".py", ".js", ".html", ".yaml", ".toml", ".css"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _section(document: str, heading: str) -> str:
    """The text under a Markdown heading, up to the next heading of the same level or above."""
    found = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,6}} |\Z)", document, re.DOTALL | re.MULTILINE
    )
    assert found, f"there is no section “{heading}”"
    level = len(found[1])
    rest = document[found.start(2) :]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def _first_column(section: str) -> list[str]:
    """What stands in backticks in the first cell of each row of the section's tables."""
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def _without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def _code(text: str) -> list[str]:
    """What stands in backticks, outside of blocks."""
    return re.findall(r"`([^`\n]+)`", _without_blocks(text))


@cache
def _files() -> frozenset[str]:
    """Every file of the checkout, and every directory with a slash at its end."""
    found: set[str] = set()
    for directory, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in GENERATED]
        base = Path(directory)
        found |= {_name(base / name) for name in files}
        found |= {f"{_name(base / name)}/" for name in names}
    return frozenset(found)


@cache
def _anchors(document: Path) -> frozenset[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", _without_blocks(document.read_text(encoding="utf-8")), re.M)
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    )


# Settings and commands


def test_the_reference_is_what_make_reference_writes() -> None:
    assert reference.PATH.read_text(encoding="utf-8") == reference.render()


def _settings() -> set[str]:
    return set(reference.settings())


def test_the_dict_of_settings_in_the_reference_is_valid() -> None:
    [block] = _blocks(_read("docs/reference.md"), "python")
    namespace: dict[str, dict[str, object]] = {}
    exec(block, namespace)
    assert conf.validate(namespace["FILEHUB"]).bucket == "my-files"


def _commands() -> set[str]:
    return {name for name, app in get_commands().items() if app == "uploads"}


def test_the_reference_has_every_setting_and_no_other() -> None:
    documented = _first_column(_section(_read("docs/reference.md"), "Settings"))
    assert sorted(documented) == sorted(_settings())


def test_every_setting_is_described() -> None:
    assert [name for name, field in reference.settings().items() if not field.description] == []


def test_the_reference_has_every_command_and_no_other() -> None:
    section = _section(_read("docs/reference.md"), "Commands")
    assert sorted(re.findall(r"^### `(\w+)`", section, re.M)) == sorted(_commands())


def test_every_command_and_each_of_its_arguments_is_described() -> None:
    common = {action.dest for action in BaseCommand().create_parser("manage.py", "")._actions}
    silent = []
    for name, command in reference.commands().items():
        silent += [] if command.help else [name]
        for action in command.create_parser("manage.py", name)._actions:
            if action.dest not in common and not action.help:
                silent.append(f"{name}: {action.dest}")
    assert silent == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_a_document_names_no_variable_that_does_not_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:FILEHUB|DJANGO|DATABASE|CELERY_BROKER)_[A-Z_]*[A-Z]\b", text))
    named |= set(re.findall(r"\bAWS_(?:REGION|ENDPOINT)[A-Z0-9_]*", text))
    client = {client_config.URL, client_config.TOKEN}
    # A setting, and the client's token, may also be in a file (NAME_FILE).
    assert {name.removesuffix("_FILE") for name in named} - _settings() - client == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_a_document_names_no_command_or_option_that_does_not_exist(document: Path) -> None:
    apps = get_commands()
    unknown = []
    for name, arguments in _manage_calls(document.read_text(encoding="utf-8")):
        if name not in apps:
            unknown.append(name)
            continue
        app = apps[name]
        command = load_command_class(app, name) if isinstance(app, str) else app
        options = command.create_parser("manage.py", name)._option_string_actions
        named = re.findall(r"(?<![\w-])--[a-z][a-z-]*", arguments)
        unknown += [f"{name} {option}" for option in named if option not in options]
    assert unknown == []


def _manage_calls(text: str) -> Iterator[tuple[str, str]]:
    """Each `manage.py <command> …`, in the text and in blocks: the command and the rest."""
    yield from re.findall(r"manage\.py\s+([a-z_]+)([^`\n)]*)", text)


def test_the_documents_do_name_commands_with_options() -> None:
    calls = [call for path in DOCUMENTS for call in _manage_calls(path.read_text("utf-8"))]
    assert ("reconcile", " --all --dry-run") in calls


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_a_document_names_no_target_of_make_that_does_not_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", _read("Makefile"), re.M))
    text = document.read_text(encoding="utf-8")
    named = [code.split()[1] for code in _code(text) if re.match(r"make [a-z]", code)]
    named += re.findall(r"^make ([a-z-]+)", "\n".join(_blocks(text, "bash")), re.M)
    assert set(named) - targets == set()


# The README


def test_the_readme_has_the_two_commands_and_ci_runs_the_second() -> None:
    commands = [block.strip() for block in _blocks(_read("README.md"), "bash")]
    assert commands == ["make run", "make test"]
    assert _read(".ci/run").splitlines()[-1] == commands[1]


def test_every_document_can_be_reached_from_the_readme() -> None:
    readme = ROOT / "README.md"
    reached = {(readme.parent / target).resolve() for target, _ in _links(readme)}
    assert [_name(path) for path in DOCUMENTS if path not in {readme, *reached}] == []


# The API


def _routes() -> set[tuple[str, str]]:
    paths: dict[str, dict[str, object]] = api.get_openapi_schema()["paths"]
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
        for path, operations in paths.items()
        for method in operations
    }


def _documented_routes() -> set[tuple[str, str]]:
    headings = re.findall(r"^### `([A-Z]+) (/[^`?]*)", _read("docs/contract.md"), re.M)
    return {(method, re.sub(r"\{\w+\}", "{id}", path)) for method, path in headings}


def test_every_route_is_in_the_contract() -> None:
    assert _routes() - _documented_routes() == set()


def test_the_contract_names_no_route_that_does_not_exist() -> None:
    outside_the_schema = {
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/api/openapi.json"),
        ("GET", "/api/docs"),
    }
    assert _documented_routes() - _routes() - outside_the_schema == set()


# Packages


def test_every_package_is_in_the_guide_for_contributors() -> None:
    text = _read("CONTRIBUTING.md")
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (ROOT / "uploads").glob("*/__init__.py")
    } - {"uploads/migrations"}
    assert len(packages) > 8
    assert [name for name in sorted(packages) if f"`{name}/`" not in text] == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        path.parent.name
        for path in (ROOT / "uploads").rglob("__init__.py")
        if not path.read_text(encoding="utf-8").startswith('"""')
    ]
    assert silent == ["migrations"]


# Links, paths and names


def _links(document: Path) -> list[tuple[str, str]]:
    """The relative links of a document: each target, and the anchor in it."""
    text = _without_blocks(document.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [
        (target.partition("#")[0] or document.name, target.partition("#")[2])
        for target in targets
        if not re.match(r"[a-z]+:", target)
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target, anchor in _links(document):
        path = (document.parent / target).resolve()
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


#: What looks like the path of a file or directory, perhaps with a pattern in it.
PATH = re.compile(r"[\w.*/-]*/[\w.*/-]*|[\w*-][\w.*-]*\.(?:py|js|html|md|toml|yaml|txt)")
#: Directories at the top of the checkout: what begins with one must be a path from there.
TOP = (
    "benchmarks",
    "deploy",
    "docs",
    "filehub",
    "filehub_client",
    "infra",
    "local",
    "static",
    "templates",
    "tests",
    "uploads",
)


def _paths(text: str) -> Iterator[str]:
    for code in _code(text):
        if PATH.fullmatch(code) and not code.startswith(("/", "~", ".local/")):
            is_source = Path(code).suffix in SOURCES | {".md", ".txt"}
            if is_source or code.endswith("/") or code.split("/")[0] in TOP:
                yield code


def _exists(code: str, document: Path) -> bool:
    if "*" in code:
        return any(ROOT.glob(code))
    if code.startswith(tuple(f"{name}/" for name in TOP)):
        return code in _files() or f"{code}/" in _files()
    beside = (document.parent / code).exists()
    return beside or any(f"/{name}".endswith(f"/{code}") for name in _files())


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    paths = _paths(document.read_text(encoding="utf-8"))
    assert [code for code in paths if not _exists(code, document)] == []


def test_the_documents_do_name_paths() -> None:
    named = {code for path in DOCUMENTS for code in _paths(path.read_text(encoding="utf-8"))}
    assert {"uploads/files/store.py", "tests/browser/client/*.test.js", "uploads/web/"} <= named
    assert len(named) > 40


def test_every_document_that_the_sources_name_exists() -> None:
    missing = []
    for name in _files():
        if Path(name).suffix in SOURCES or name in {"Makefile", "Procfile", ".ci/run"}:
            named = re.findall(r"\b(?:docs/[\w-]+|README|CONTRIBUTING|SECURITY)\.md", _read(name))
            missing += [f"{name}: {document}" for document in named if document not in _files()]
    assert missing == []


DOTTED = re.compile(r"(?:filehub|local|tests|uploads)(?:\.\w+)+")


def _dotted_names(text: str) -> set[str]:
    """Dotted names in the text and in blocks. `filehub.yaml` and its like are files."""
    names = set(re.findall(rf"(?<![\w./-]){DOTTED.pattern}(?![\w/(-])", text))
    files = SOURCES | {".log", ".target"}
    return {name for name in names if f".{name.rpartition('.')[2]}" not in files}


def _is_defined(dotted: str) -> bool:
    """Whether this is a module, something in one, or the name of a Celery task."""
    if dotted in celery_app.tasks:
        return True
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for part in parts[count:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_every_dotted_name_in_a_document_is_defined(document: Path) -> None:
    names = _dotted_names(document.read_text(encoding="utf-8"))
    assert [name for name in sorted(names) if not _is_defined(name)] == []


def test_the_documents_do_name_python() -> None:
    named = {name for path in DOCUMENTS for name in _dotted_names(path.read_text(encoding="utf-8"))}
    assert "uploads.ingest.consumer.Consumer.handle" in named


# What operators see


def _texts() -> list[str]:
    """Every text in filehub's Python code, with "…" for whatever is put into it."""
    texts = []
    for directory in ("uploads", "filehub"):
        for path in (ROOT / directory).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(re.sub(r"%(\.\d+)?[drsf]", "…", node.value))
                elif isinstance(node, ast.JoinedStr):
                    parts = (
                        part.value if isinstance(part, ast.Constant) else "…"
                        for part in node.values
                    )
                    texts.append("".join(map(str, parts)))
    return texts


def _quoted(document: str, heading: str) -> list[str]:
    return _first_column(_section(_read(document), heading))


def test_every_log_line_in_the_operations_guide_is_one_that_filehub_writes() -> None:
    lines, texts = _quoted("docs/operations.md", "Logs"), _texts()
    assert len(lines) > 15

    def is_written(line: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        return any(re.fullmatch(pattern, text, re.DOTALL) for text in texts)

    assert [line for line in lines if not is_written(line)] == []


def test_the_operations_guide_has_every_metric_and_no_other() -> None:
    source = _read("uploads/operations/metrics.py")
    metrics = set(re.findall(r'"(filehub_\w+)"', source))
    documented = {
        name.removesuffix("_total")
        for name in _quoted("docs/operations.md", "Metrics")
        if name.startswith("filehub_")
    }
    assert documented == metrics
