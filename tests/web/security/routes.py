"""Every route of the API and every page there is, so that no test forgets a new one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from uploads.web.api import api as root_api
from uploads.web.api import v1
from uploads.web.api.app import Api

#: Created with another secret.
UNKNOWN = "019c0000-0000-7000-8000-0123456789ab"
UNSAFE = {"post", "put", "patch", "delete"}


def descriptions(*apis: Api) -> dict[tuple[str, str], dict[str, Any]]:
    """How OpenAPI describes each route, by method and path. Without `apis`, those of all."""
    return {
        (method, path): operation
        for api in apis or (root_api, v1.api)
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method, operation in methods.items()
    }


def operations(*apis: Api) -> list[tuple[str, str]]:
    """The method and path of each route of the API."""
    return sorted(descriptions(*apis))


def patterns(
    urls: list[URLPattern | URLResolver] | None = None, before: str = ""
) -> Iterator[tuple[str, str]]:
    """The address and name of each page, with "1" for each parameter."""
    for pattern in get_resolver().url_patterns if urls is None else urls:
        path = before + str(pattern.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern.url_patterns, path)
        else:
            path = re.sub(r"<[^>]+>|\(\?P<[^>]+>[^)]*\)", "1", path)
            yield "/" + path.replace("\\", "").replace("?", ""), pattern.name or ""


PAGES = sorted(
    {
        (path, name)
        for path, name in patterns()
        if not path.startswith(("/get-url", "/uploads", "/files", "/folders", "/api/"))
    }
)

WRITING = pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param(*operation, id=" ".join(operation))
        for operation in operations()
        if operation[0] in UNSAFE
    ],
)

ADMIN = [(path, name) for path, name in PAGES if path.startswith("/admin/")]


def fill(path: str, upload_id: str = UNKNOWN) -> str:
    return re.sub(r"\{\w+\}", upload_id, path)


def check_json(response: Any, status: int | None = None) -> None:
    """The response is an error in the documented format."""
    assert status is None or response.status_code == status, response.content
    assert 400 <= response.status_code < 500
    # Uppy shows its users a `message`.
    is_uppys = response.wsgi_request.path.startswith("/s3/")
    # The API for generated clients says more about some errors.
    more = {"errors", "current"} if response.wsgi_request.path.startswith("/api/v1/") else set()
    assert set(response.json()) - more == {"error", "code", "request_id"} | (
        {"message"} if is_uppys else set()
    )


def check_headers(response: Any) -> None:
    assert "default-src 'none'" in response["Content-Security-Policy"], response
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
