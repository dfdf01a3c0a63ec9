"""Security headers on every page, and error pages that reveal nothing."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.test import Client

from local.aws import LocalAws
from tests.web.security.routes import PAGES, check_headers, fill, operations

# Pages that need no AWS need static files too.
pytestmark = pytest.mark.usefixtures("_static_files")


@pytest.mark.parametrize("who", ["anonymous", "superuser"])
def test_every_page_has_the_security_headers(aws: LocalAws, root: User, who: str) -> None:
    client = Client(headers={"Accept": "text/html"}, raise_request_exception=False)
    if who == "superuser":
        client.force_login(root)
    routes = [fill(path) for method, path in operations() if method == "get"]
    for path in [*(path for path, _ in PAGES), *routes, "/api/docs", "/api/openapi.json", "/none"]:
        response = client.get(path)
        assert response.status_code != 500, path
        check_headers(response)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", ["/", "/folders", "/files"])
def test_an_internal_error_reveals_no_details(
    root: User, broken: None, path: str, accept: str
) -> None:
    client = Client(headers={"Accept": accept}, raise_request_exception=False)
    client.force_login(root)
    response = client.get(path)
    assert response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    for inside in ("Traceback", "only for the log", "RuntimeError", "site-packages"):
        assert inside not in response.content.decode()
    check_headers(response)


def test_try_again_on_an_error_page_reloads_the_page(root: User, broken: None) -> None:
    client = Client(headers={"Accept": "text/html"}, raise_request_exception=False)
    client.force_login(root)
    content = client.get("/").content.decode()
    assert '<a class="button button-primary" href="">Try again</a>' in content


@pytest.mark.django_db
def test_errors_before_any_view_have_the_headers_too() -> None:
    client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    for response in (
        client.get("/", headers={"Host": "evil.example"}),
        client.post("/accounts/login/"),
        client.put("/healthz"),
    ):
        assert response.status_code in {400, 403, 405}
        check_headers(response)
