"""Each request has an id, in its response, its log lines and its tasks."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.support.users import Api, signed_in
from uploads.core.logs import context
from uploads.transfers import begin
from uploads.transfers.begin import StartedMultipart
from uploads.web import request_id

MADE = re.compile(r"[0-9a-f]{16}")
UPLOAD = "0195d5a1-7f3c-7c4e-8a51-5f0e5f0a1b2c"

#: What proxies send.
IDS = [
    "4bf92f3577b34da6a3ce929d0e0e4736",  # nginx
    "0f8fad5b-d9cb-469f-a165-70867728950e",  # Envoy, Heroku
    "1-67891233-abcdef012345678912345678",  # AWS
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "req_8f3k2m1q",
]
NO_IDS = [
    "",
    "short",
    "x" * 129,
    "two words",
    "a,0f8fad5b",
    "0f8fad5b\nSet-Cookie: a=b",
    "<script>alert(1)</script>",
    "0f8fad5b\x1b[2K",
    "0f8fad5b–d9cb",
    "٠١٢٣٤٥٦٧٨٩",
    "-0f8fad5b",
    "'; DROP TABLE x; --",
    "{{ 7 * 7 }}1234",
]


@pytest.fixture(autouse=True)
def _no_ids() -> Iterator[None]:
    context.begin()
    yield
    context.begin()


@pytest.fixture
def trusted(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRUSTED_PROXIES": 1}


def sent(given: str | None) -> str:
    headers = {} if given is None else {"X-Request-ID": given}
    return str(Client().get("/healthz", headers=headers)["X-Request-ID"])


def test_a_request_without_an_id_gets_one() -> None:
    first, second = sent(None), sent(None)
    assert MADE.fullmatch(first)
    assert first != second


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("given", IDS)
def test_the_id_of_a_trusted_proxy_is_kept(given: str) -> None:
    assert sent(given) == given


@pytest.mark.parametrize("given", IDS)
def test_an_id_is_not_kept_if_no_proxy_is_trusted(given: str) -> None:
    assert MADE.fullmatch(sent(given))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("given", NO_IDS)
def test_what_is_not_an_id_is_replaced(given: str) -> None:
    assert MADE.fullmatch(sent(given))


# Where it can be read


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [("/none", 404), ("/files", 401), ("/files/x/download", 401), ("/accounts/logout/", 405)],
)
def test_an_error_of_the_api_has_it(path: str, status: int) -> None:
    response = Client().get(path)
    assert response.status_code == status
    assert response.json()["request_id"] == response["X-Request-ID"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/none", "/accounts/logout/"])
def test_an_error_page_has_it(path: str, _static_files: None) -> None:
    page = Client().get(path, headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert page.status_code >= 400
    assert f"Request ID: {page['X-Request-ID']}" in page.content.decode()


def test_responses_of_every_kind_have_it(api: Api, alice: User) -> None:
    browser = signed_in(alice)
    for path in (
        "/",
        "/readyz",
        "/metrics",
        "/api/openapi.json",
        "/static/none.js",
        "//",
        "/admin",
    ):
        assert browser.get(path)["X-Request-ID"], path
    assert Client().get("/", headers={"Host": "evil.example"})["X-Request-ID"]
    assert Client().options("/files", headers={"Origin": "http://testserver"})["X-Request-ID"]


# Which lines have which ids


@pytest.fixture
def ids(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The ids that each line of filehub had."""
    seen: list[dict[str, Any]] = []

    class Note(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            names = ("request_id", "upload_id", "user_id")
            bound = {name: context.current(name) for name in names}
            seen.append({"message": record.getMessage(), **bound, **vars(record)})

    handler = Note()
    logger = logging.getLogger("uploads")
    monkeypatch.setattr(logger, "handlers", [*logger.handlers, handler])
    return seen


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/uploads", {"file_name": "a.txt", "size": 1}),
        ("post", "/uploads", {"file_name": "a.txt", "size": 100 * 1024**2}),
        ("post", "/get-url", {"file_name": "a.txt"}),
        ("post", "/s3/multipart", {"filename": "a.txt", "type": "text/plain", "metadata": {}}),
        ("get", "/s3/params?filename=a.txt&type=text/plain", None),
    ],
)
def test_the_lines_of_a_signing_request_have_its_id_the_user_and_the_upload(
    api: Api, alice: User, ids: list[dict[str, Any]], method: str, path: str, body: Any
) -> None:
    signed = getattr(api, method)(path, *([body] if body else []))
    assert signed.status_code < 300, signed.content
    assert [line["message"] for line in ids] == [
        "audit: upload_signed ok",
        f"{method.upper()} {path.partition('?')[0]} {signed.status_code}",
    ]
    for line in ids:
        assert line["user_id"] == str(alice.pk)
        assert line["request_id"] == signed["X-Request-ID"]
        assert line["upload_id"] in signed.content.decode()
        assert "a.txt" not in str(line)


def test_a_batch_has_a_line_for_each_upload(api: Api, ids: list[dict[str, Any]]) -> None:
    large = {"file_name": "b", "size": 100 * 1024**2}
    files = [{"file_name": "a", "size": 1}, large, {"file_name": "c", "size": 2}]
    batch = api.post("/uploads/batch", {"files": files})
    signed = [upload["id"] for upload in batch.json()["results"]]
    assert [line["upload_id"] for line in ids] == [*signed, None]
    assert {line["request_id"] for line in ids} == {batch["X-Request-ID"]}


@pytest.mark.parametrize(
    ("call", "is_named"),
    [
        (lambda api: api.get(f"/uploads/{UPLOAD}"), True),
        (lambda api: api.get(f"/uploads/{UPLOAD.upper()}"), True),
        (lambda api: api.get(f"/files/{UPLOAD}"), True),
        (lambda api: api.get("/files/no-id"), False),
        (lambda api: api.get("/s3/multipart/a-secret-token?key=x"), False),
        (lambda api: api.get("/files"), False),
    ],
)
def test_the_path_names_the_upload_of_a_request(
    api: Api, call: Callable[[Api], Any], *, is_named: bool
) -> None:
    call(api)
    # As it was for the line of the access log.
    assert context.current("upload_id") == (UPLOAD if is_named else None)


def test_an_upload_token_names_the_upload(api: Api, alice: User) -> None:
    begun = begin.begin_multipart(str(alice.pk), file_name="a")
    assert isinstance(begun, StartedMultipart)
    key = f"uploads/{begun.token.upload_id[-1]}/{begun.token.upload_id}"
    api.get(f"/s3/multipart/{begun.token.sign()}?key={key}")
    assert context.current("upload_id") == begun.token.upload_id


def test_the_ids_of_a_request_are_forgotten_by_the_next(api: Api, alice: User) -> None:
    api.get(f"/files/{UPLOAD}")
    assert context.current("user_id") == str(alice.pk)
    Client().get("/healthz")
    assert (context.current("user_id"), context.current("upload_id")) == (None, None)


def test_a_page_names_the_user_of_its_session(aws: Any, alice: User, _static_files: None) -> None:
    signed_in(alice).get("/")
    assert context.current("user_id") == str(alice.pk)


@pytest.mark.parametrize(
    ("path", "is_written"),
    [
        ("/files?token=secret-of-a-query", True),
        ("/none", True),
        ("/healthz", False),
        ("/readyz", False),
        ("/metrics", True),  # 401
        ("/static/none.js", True),  # 404
        ("/static/uploads/favicon.svg", False),
    ],
)
@pytest.mark.usefixtures("aws", "_static_files")
def test_the_access_log_leaves_out_queries_and_successful_probes_and_static_files(
    ids: list[dict[str, Any]], path: str, *, is_written: bool
) -> None:
    response = Client().get(path, headers={"X-Forwarded-For": "203.0.113.9"})
    response.close()
    accesses = [line for line in ids if line["name"] == "uploads.web.request_id"]
    assert len(accesses) == is_written
    for line in accesses:
        assert (line["method"], line["path"], line["status"]) == (
            "GET", path.partition("?")[0], response.status_code,
        )  # fmt: skip
        # No proxy is trusted.
        assert line["address"] == "127.0.0.1"
        assert line["milliseconds"] >= 0
        assert "secret-of-a-query" not in str(line)


def test_it_is_the_first_middleware(settings: Settings) -> None:
    first = settings.MIDDLEWARE[0]
    assert first == f"{request_id.__name__}.{request_id.RequestIdMiddleware.__name__}"
    assert request_id.HEADER in settings.CORS_EXPOSE_HEADERS
