"""The app works below any prefix, beside a project's own routes and names of CSRF."""

from __future__ import annotations

import json
import re
import sys
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path, reverse
from pytest_django import Settings

from local.aws import LocalAws
from tests.project import documents
from tests.support.processes import ROOT

#: The routes of a project that has nothing but the app. Signing in is somewhere else.
HOST = ModuleType("tests.web.host_urls")
vars(HOST)["urlpatterns"] = [path("my/files/", include("uploads.urls"))]
SCRIPTS = sorted((ROOT / "static/uploads").rglob("*.js"))
TEMPLATES = sorted((ROOT / "templates/uploads").rglob("*.html"))


@pytest.fixture
def host(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setitem(sys.modules, HOST.__name__, HOST)
    settings.ROOT_URLCONF = HOST.__name__
    settings.LOGIN_URL = "/sign-in/"
    settings.CSRF_COOKIE_NAME = "host_csrf"
    settings.CSRF_HEADER_NAME = "HTTP_X_HOST_CSRF"
    return settings


def names(patterns: list[Any], namespace: str = "") -> list[tuple[str, URLPattern]]:
    found: list[tuple[str, URLPattern]] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            found += names(pattern.url_patterns, inner)
        elif pattern.name:
            found.append((f"{namespace}{pattern.name}", pattern))
    return found


def test_every_route_is_below_the_prefix(host: Settings) -> None:
    found = names(get_resolver(HOST.__name__).url_patterns)
    assert {"filehub:home", "filehub:api:download_file"} <= {name for name, _ in found}
    for name, pattern in found:
        arguments = dict.fromkeys(pattern.pattern.converters, 1)
        assert reverse(name, kwargs=arguments).startswith("/my/files/"), name


def test_the_page_names_the_prefix_and_the_projects_csrf(
    host: Settings, aws: LocalAws, client: Client, alice: User
) -> None:
    client.force_login(alice)
    text = client.get("/my/files/").content.decode()
    config = json.loads(re.search(r'id="upload-config"[^>]*>(.*?)</script>', text)[1])  # type: ignore[index]
    assert [config[name] for name in ("base", "csrf_cookie", "csrf_header")] == [
        "/my/files", "host_csrf", "X-HOST-CSRF",
    ]  # fmt: skip
    assert re.findall(r'(?:href|src|action)="(/(?!my/files/|static/|sign-in/)[^"]*)"', text) == []
    assert client.get("/my/files/account/").status_code == 200
    assert client.get("/my/files/api/docs").status_code == 200


def test_errors_are_pages_that_lead_back_to_the_prefix(host: Settings, client: Client) -> None:
    host.MIDDLEWARE = [name for name in host.MIDDLEWARE if "ErrorMiddleware" not in name]
    response = client.get("/my/files/quota", headers={"Accept": "application/json"})
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    response = client.get("/my/files/", headers={"Accept": "text/html"})
    assert response.headers["Location"] == "/sign-in/?next=/my/files/"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ROOT_URLCONF": "django.contrib.auth.urls"}, "E005"),
        ({"MIDDLEWARE": []}, "W038"),
    ],
)
def test_a_check_says_what_the_project_lacks(
    settings: Settings, change: dict[str, Any], code: str
) -> None:
    for name, value in change.items():
        setattr(settings, name, value)
    ids = {message.id for message in run_checks(tags=["urls"])}
    assert f"filehub.{code}" in ids


def test_scripts_have_no_path_of_the_page_but_those_that_the_client_prefixes() -> None:
    """Only files of the folder `net` and `uppy.js` name paths, which `Api` prefixes."""
    fixed = re.compile(r"""["'`](?:\$\{location\.origin\})?/(?!/|\$)[a-z]""")
    named = {
        script.relative_to(ROOT / "static/uploads").as_posix()
        for script in SCRIPTS
        for line in script.read_text().splitlines()
        if fixed.search(line) and not line.lstrip().startswith(("*", "//", "/*", "import"))
    }
    assert {name for name in named if "/net/" not in name} <= {"page/files/quota.js"}


def test_templates_of_the_app_have_no_fixed_paths_and_names_of_their_own() -> None:
    for template in TEMPLATES:
        text = template.read_text()
        assert not re.search(r'(?:href|src|action)="/', text), template
        for name in re.findall(r'(?:extends|include) "([^"]+)"', text):
            assert name.startswith("uploads/"), (template, name)


def test_the_example_has_what_the_document_shows() -> None:
    """docs/integrating.md names the file of each block in its first line."""
    blocks = documents.blocks(documents.read("docs/integrating.md"), "python")
    assert len(blocks) >= 3
    for block in blocks:
        name, _, code = block.partition("\n")
        example = (ROOT / "examples/mysite" / name.removeprefix("# ")).read_text()
        for paragraph in code.strip().split("\n\n\n"):
            for part in paragraph.split("\n\n"):
                assert part in example, (name, part)
