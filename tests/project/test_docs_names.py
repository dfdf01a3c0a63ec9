"""The documents name packages, files, anchors and Python names that exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from filehub.celery import app as celery_app
from tests.project import documents


@cache
def _files() -> frozenset[str]:
    """Every file of the checkout, and every directory with a slash at its end."""
    found: set[str] = set()
    for directory, names, files in os.walk(documents.ROOT):
        names[:] = [name for name in names if name not in documents.GENERATED]
        base = Path(directory)
        found |= {documents.name(base / name) for name in files}
        found |= {f"{documents.name(base / name)}/" for name in names}
    return frozenset(found)


@cache
def _anchors(document: Path) -> frozenset[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ (.*)$", documents.without_blocks(document.read_text(encoding="utf-8")), re.M
    )
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    )


# Packages


def test_every_package_is_in_the_guide_for_contributors() -> None:
    text = documents.read("CONTRIBUTING.md")
    packages = {
        path.parent.relative_to(documents.ROOT).as_posix()
        for path in (documents.ROOT / "uploads").glob("*/__init__.py")
    } - {"uploads/migrations"}
    assert len(packages) > 8
    assert [name for name in sorted(packages) if f"`{name}/`" not in text] == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        path.parent.name
        for path in (documents.ROOT / "uploads").rglob("__init__.py")
        if not path.read_text(encoding="utf-8").startswith('"""')
    ]
    assert silent == ["migrations"]


# Links, paths and names


def _links(document: Path) -> list[tuple[str, str]]:
    """The relative links of a document: each target, and the anchor in it."""
    text = documents.without_blocks(document.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [
        (target.partition("#")[0] or document.name, target.partition("#")[2])
        for target in targets
        if not re.match(r"[a-z]+:", target)
    ]


@pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)
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
    for code in documents.code(text):
        if PATH.fullmatch(code) and not code.startswith(("/", "~", ".local/")):
            is_source = Path(code).suffix in documents.SOURCES | {".md", ".txt"}
            if is_source or code.endswith("/") or code.split("/")[0] in TOP:
                yield code


def _exists(code: str, document: Path) -> bool:
    if "*" in code:
        return any(documents.ROOT.glob(code))
    if code.startswith(tuple(f"{name}/" for name in TOP)):
        return code in _files() or f"{code}/" in _files()
    beside = (document.parent / code).exists()
    return beside or any(f"/{name}".endswith(f"/{code}") for name in _files())


@pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)
def test_every_path_in_a_document_exists(document: Path) -> None:
    paths = _paths(document.read_text(encoding="utf-8"))
    assert [code for code in paths if not _exists(code, document)] == []


def test_the_documents_do_name_paths() -> None:
    named = {
        code for path in documents.DOCUMENTS for code in _paths(path.read_text(encoding="utf-8"))
    }
    assert {"uploads/files/store.py", "tests/browser/client/*.test.js", "uploads/web/"} <= named
    assert len(named) > 40


def test_every_document_that_the_sources_name_exists() -> None:
    missing = []
    for name in _files():
        if Path(name).suffix in documents.SOURCES or name in {"Makefile", "Procfile", ".ci/run"}:
            named = re.findall(
                r"\b(?:docs/[\w-]+|README|CONTRIBUTING|SECURITY)\.md", documents.read(name)
            )
            missing += [f"{name}: {document}" for document in named if document not in _files()]
    assert missing == []


DOTTED = re.compile(r"(?:filehub|local|tests|uploads)(?:\.\w+)+")


def _dotted_names(text: str) -> set[str]:
    """Dotted names in the text and in blocks. `filehub.yaml` and its like are files."""
    names = set(re.findall(rf"(?<![\w./-]){DOTTED.pattern}(?![\w/(-])", text))
    files = documents.SOURCES | {".log", ".target"}
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


@pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)
def test_every_dotted_name_in_a_document_is_defined(document: Path) -> None:
    names = _dotted_names(document.read_text(encoding="utf-8"))
    assert [name for name in sorted(names) if not _is_defined(name)] == []


def test_the_documents_do_name_python() -> None:
    named = {
        name
        for path in documents.DOCUMENTS
        for name in _dotted_names(path.read_text(encoding="utf-8"))
    }
    assert "uploads.ingest.consumer.Consumer.handle" in named


def test_every_document_can_be_reached_from_the_readme() -> None:
    readme = documents.ROOT / "README.md"
    reached = {(readme.parent / target).resolve() for target, _ in _links(readme)}
    assert [
        documents.name(path) for path in documents.DOCUMENTS if path not in {readme, *reached}
    ] == []
