"""The documents name the settings, commands, routes, log lines and metrics that exist."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

from filehub import env
from filehub_client import config as client_config
from local import reference
from tests.project import documents
from uploads.core import conf
from uploads.core.logs import lines
from uploads.web.api import api

# Settings and commands


def test_the_reference_is_what_make_reference_writes() -> None:
    assert reference.PATH.read_text(encoding="utf-8") == reference.render()


def _settings() -> set[str]:
    return set(reference.settings())


def test_the_dict_of_settings_in_the_reference_is_valid() -> None:
    [block] = documents.blocks(documents.read("docs/reference.md"), "python")
    namespace: dict[str, dict[str, object]] = {}
    exec(block, namespace)
    assert conf.validate(namespace["FILEHUB"]).bucket == "my-files"


def _commands() -> set[str]:
    return {name for name, app in get_commands().items() if app == "uploads"}


def test_the_reference_has_every_setting_and_no_other() -> None:
    documented = documents.first_column(
        documents.section(documents.read("docs/reference.md"), "Settings")
    )
    assert sorted(documented) == sorted(_settings())


def test_every_setting_is_described() -> None:
    assert [name for name, field in reference.settings().items() if not field.description] == []


def test_the_reference_has_every_command_and_no_other() -> None:
    section = documents.section(documents.read("docs/reference.md"), "Commands")
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


@pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)
def test_a_document_names_no_variable_that_does_not_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:FILEHUB|DJANGO|DATABASE|CELERY_BROKER)_[A-Z_]*[A-Z]\b", text))
    named |= set(re.findall(r"\bAWS_(?:REGION|ENDPOINT)[A-Z0-9_]*", text))
    files = {name + "_FILE" for name in env.file_variables()}
    client = {client_config.URL, client_config.TOKEN, client_config.TOKEN_FILE}
    # Django's own.
    named.discard("DJANGO_SETTINGS_MODULE")
    assert named - _settings() - files - client == set()


@pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)
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
    calls = [
        call for path in documents.DOCUMENTS for call in _manage_calls(path.read_text("utf-8"))
    ]
    assert ("reconcile", " --all --dry-run") in calls


@pytest.mark.parametrize("document", documents.DOCUMENTS, ids=documents.name)
def test_a_document_names_no_target_of_make_that_does_not_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", documents.read("Makefile"), re.M))
    text = document.read_text(encoding="utf-8")
    named = [code.split()[1] for code in documents.code(text) if re.match(r"make [a-z]", code)]
    named += re.findall(r"^make ([a-z-]+)", "\n".join(documents.blocks(text, "bash")), re.M)
    assert set(named) - targets == set()


# The README


def test_the_readme_has_the_two_commands_and_ci_runs_the_second() -> None:
    commands = [block.strip() for block in documents.blocks(documents.read("README.md"), "bash")]
    assert commands == ["make run", "make test"]
    assert documents.read(".ci/run").splitlines()[-1] == commands[1]


# The API


def _routes() -> set[tuple[str, str]]:
    paths: dict[str, dict[str, object]] = api.get_openapi_schema()["paths"]
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
        for path, operations in paths.items()
        for method in operations
    }


def _documented_routes() -> set[tuple[str, str]]:
    headings = re.findall(r"^### `([A-Z]+) (/[^`?]*)", documents.read("docs/contract.md"), re.M)
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
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/api/v1/docs"),
    }
    assert _documented_routes() - _routes() - outside_the_schema == set()


# What operators see


def _texts() -> list[str]:
    """Every text in filehub's Python code, with "…" for whatever is put into it."""
    texts = []
    for directory in ("uploads", "filehub"):
        for path in (documents.ROOT / directory).rglob("*.py"):
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
    return documents.first_column(documents.section(documents.read(document), heading))


def test_every_log_line_in_the_operations_guide_is_one_that_filehub_writes() -> None:
    quoted, texts = _quoted("docs/operations.md", "Lines"), _texts()
    assert len(quoted) > 15

    def is_written(line: str) -> bool:
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        return any(re.fullmatch(pattern, text, re.DOTALL) for text in texts)

    assert [line for line in quoted if not is_written(line)] == []


def _written_fields() -> set[str]:
    """The fields of log lines: those of all lines, and what `extra` adds."""
    fields = {*lines._FIRST, "exception"}
    for path in (documents.ROOT / "uploads").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "extra":
                names = node.value.keys if isinstance(node.value, ast.Dict) else []
                fields |= {str(name.value) for name in names if isinstance(name, ast.Constant)}
    return fields


def test_the_operations_guide_has_every_field_of_log_lines_and_no_other() -> None:
    assert set(_quoted("docs/operations.md", "Fields")) == _written_fields()


#: Words of CloudWatch Logs Insights and of Loki.
QUERY_WORDS = {
    "fields", "filter", "sort", "stats", "by", "in", "and", "asc", "count", "max",
    "app", "json", "line_format", "sum", "count_over_time",
}  # fmt: skip


@pytest.mark.parametrize("language", ["json", "sql", "logql"])
def test_examples_of_log_lines_and_queries_use_only_these_fields(language: str) -> None:
    blocks = documents.blocks(
        documents.section(documents.read("docs/operations.md"), "Logs"), language
    )
    assert blocks
    for block in blocks:
        if language == "json":
            names = set(json.loads(block))
        else:
            names = set(re.findall(r"{{\.(\w+)}}", block))
            names |= set(re.findall(r"\b[a-z_]{2,}\b", re.sub(r'"[^"]*"', "", block)))
        assert names - _written_fields() - QUERY_WORDS == set()


def test_the_operations_guide_has_every_metric_and_no_other() -> None:
    modules = ("uploads/operations/metrics.py", "uploads/web/request_metrics.py")
    source = "".join(documents.read(module) for module in modules)
    metrics = set(re.findall(r'"(filehub_\w+)"', source))
    documented = {
        name.removesuffix("_total")
        for name in _quoted("docs/operations.md", "Metrics")
        if name.startswith("filehub_")
    }
    assert documented == metrics
