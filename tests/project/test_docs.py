"""The documents name exactly what exists."""

from __future__ import annotations

import re
from pathlib import Path

from django.core.management import get_commands

from filehub.env import APP_VARIABLES, Env
from uploads.web.api import api

ROOT = Path(__file__).resolve().parents[2]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _section(document: str, heading: str) -> str:
    """The text under a Markdown heading, up to the next heading of the same level."""
    match = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", document, re.S | re.M)
    assert match, f"README.md has no section “{heading}”"
    return match[1]


def _first_column(section: str) -> list[str]:
    """The words in backticks in the first cell of each row of the section's tables."""
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def _settings() -> set[str]:
    return {*map(str.upper, Env.model_fields), *APP_VARIABLES}


def _commands() -> set[str]:
    return {name for name, app in get_commands().items() if app == "uploads"}


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


def test_every_setting_is_in_the_readme() -> None:
    documented = set(_first_column(_section(_read("README.md"), "Settings")))
    assert _settings() - documented == set()


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    documented = set(_first_column(_section(_read("README.md"), "Settings")))
    assert documented - _settings() == set()


def test_no_document_names_a_filehub_variable_that_does_not_exist() -> None:
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {
        name
        for document in documents
        for name in re.findall(r"\bFILEHUB_[A-Z_]+\b", document.read_text(encoding="utf-8"))
    }
    assert named - _settings() == set()


def test_every_command_is_in_the_readme() -> None:
    cells = _first_column(_section(_read("README.md"), "Commands"))
    assert _commands() - {cell.split()[0] for cell in cells} == set()


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    cells = _first_column(_section(_read("README.md"), "Commands"))
    assert {cell.split()[0] for cell in cells} - _commands() == set()


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


def test_every_package_is_in_the_architecture() -> None:
    text = _read("docs/architecture.md")
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (ROOT / "uploads").glob("*/__init__.py")
    } - {"uploads/migrations"}
    assert len(packages) > 8
    assert [name for name in sorted(packages) if f"`{name}/`" not in text] == []


def test_every_package_has_a_docstring() -> None:
    silent = [
        path.parent.name
        for path in (ROOT / "uploads").rglob("__init__.py")
        if not path.read_text(encoding="utf-8").startswith('"""')
    ]
    assert silent == ["migrations"]
