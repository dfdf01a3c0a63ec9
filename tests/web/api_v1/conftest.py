"""The API under /api/v1 as one user sees it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from django.core.cache import cache

from tests.support.users import Api
from uploads.core.limits import MIB


class V1:
    """Requests with the user's token."""

    def __init__(self, api: Api) -> None:
        self.owner = api.owner
        self._client = api._client

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        return self._client.generic(
            method.upper(),
            path if path.startswith("/api/v1/") else f"/api/v1{path}",
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers=headers,
            query_params=query,
        )

    def begin(self, body: Any, key: str | None = None) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send("post", "/uploads", body, headers)


@pytest.fixture
def v1(api: Api) -> V1:
    return V1(api)


@pytest.fixture
def other_v1(other_api: Api) -> V1:
    return V1(other_api)


@pytest.fixture
def small_parts(settings: Any) -> int:
    """A size, in bytes, above which files go in parts."""
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": 5 * MIB, "PART_SIZE": 5 * MIB}
    return 5 * MIB


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()
