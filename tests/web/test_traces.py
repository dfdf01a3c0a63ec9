"""Each request is a span, which says neither path nor query."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from opentelemetry.trace import StatusCode
from pytest_django import Settings

from tests.support.spans import Spans, parent_of, recorded, trace_of
from uploads.web import request_id

UPLOAD = "0195d5a1-7f3c-7c4e-8a51-5f0e5f0a1b2c"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded() as result:
        yield result


@pytest.mark.parametrize(
    ("method", "path", "name", "status"),
    [
        ("GET", f"/files/{UPLOAD}?token=secret", "GET /files/<file_id>", 401),
        ("GET", "/secret/page", "GET none", 404),
        ("SECRET", "/secret/page", "other none", 404),
    ],
)
def test_a_request_is_a_span(
    spans: Spans, client: Client, method: str, path: str, name: str, status: int
) -> None:
    response = client.generic(method, path)
    (span,) = spans.all()
    assert span.name == name
    attributes = span.attributes or {}
    assert attributes["http.response.status_code"] == response.status_code == status
    assert attributes["filehub.request_id"] == response[request_id.HEADER]
    assert span.status.status_code == StatusCode.UNSET
    assert "secret" not in span.to_json().lower()


def test_an_error_of_the_server_is_marked_without_its_text(
    spans: Spans, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr("uploads.web.middleware.translation.get_language_from_request", fail)
    client.raise_request_exception = False
    assert client.get("/files", headers={"Authorization": "Bearer x"}).status_code == 500
    (span,) = spans.all()
    assert span.status.status_code == StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "500"
    assert "secret" not in span.to_json()


@pytest.mark.parametrize("proxies", [0, 1])
def test_the_trace_of_a_client_counts_only_from_a_trusted_proxy(
    spans: Spans, client: Client, settings: Settings, proxies: int
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRUSTED_PROXIES": proxies}
    client.get("/no/page", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    (span,) = spans.all()
    assert (trace_of(span) == TRACE) == (parent_of(span) == int(SPAN, 16)) == bool(proxies)


def test_static_files_and_probes_have_none(spans: Spans, client: Client) -> None:
    for path in ("/healthz", "/static/none.css", "/metrics"):
        client.get(path)
    assert spans.all() == []
