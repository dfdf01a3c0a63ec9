"""Errors are classified as in the browser, and their texts have no secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from filehub_client import errors
from filehub_client.errors import ApiError, NotAuthenticated, NotFound, RateLimited, Unavailable

ROOT = Path(__file__).parents[2]


def test_the_remedies_are_those_of_the_browsers_client() -> None:
    source = (ROOT / "static/uploads/client/errors.js").read_text(encoding="utf-8")
    block = re.search(r"const REMEDIES = \{(.*?)\n\};", source, re.DOTALL)
    assert block
    browser = dict(re.findall(r'"?([\w.]+)"?: "([\w ]+)"', block[1]))
    assert len(browser) > 25
    # The same with this client's words: bytes are always read again to be sent, and a new upload is
    # begun by running the command again.
    words = {"read again": "send again", "begin again": "give up"}
    assert {code: words.get(remedy, remedy) for code, remedy in browser.items()} == errors.REMEDIES


@pytest.mark.parametrize(
    ("status", "code", "message", "remedy"),
    [
        (403, "AccessDenied", "Request has expired", "sign again"),
        (400, "", "token EXPIRED", "sign again"),
        (403, "AccessDenied", "Access Denied", "give up"),
        (400, "ExpiredToken", "", "sign again"),
        (400, "BadDigest", "", "send again"),
        (400, "RequestTimeout", "", "wait"),
        (409, "ConditionalRequestConflict", "", "wait"),
        (412, "PreconditionFailed", "", "arrived"),
        (412, "", "", "arrived"),
        (429, "", "", "wait"),
        (500, "", "", "wait"),
        (503, "SlowDown", "", "wait"),
        (408, "Unknown", "", "wait"),
        (404, "NoSuchUpload", "", "give up"),
        (400, "EntityTooLarge", "", "give up"),
        (302, "", "", "give up"),
    ],
)
def test_the_code_of_s3_decides_what_helps(
    status: int, code: str, message: str, remedy: str
) -> None:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if code else message
    assert errors.StorageError(status, body.encode()).remedy == remedy


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"<Code>" * 10_000, b"<Code>a b</Code>"])
def test_any_body_of_an_error_is_understood(body: bytes) -> None:
    error = errors.StorageError(500, body)
    assert (error.code, error.message) == ("storage_error", "S3 responded with 500.")


@pytest.mark.parametrize(
    ("status", "kind", "is_temporary"),
    [
        (400, ApiError, False),
        (401, NotAuthenticated, False),
        (404, NotFound, False),
        (409, ApiError, False),
        (413, ApiError, False),
        (429, RateLimited, True),
        (500, Unavailable, True),
        (503, Unavailable, True),
    ],
)
def test_an_error_of_the_api_has_its_class_and_code(
    status: int, kind: type[ApiError], is_temporary: bool
) -> None:
    error = errors.api_error(status, "A sentence.", "a_code", 7)
    assert type(error) is kind
    assert (error.is_temporary, error.code, str(error)) == (is_temporary, "a_code", "A sentence.")
    assert (error.status, error.retry_after) == (status, 7)


def test_every_error_is_a_filehub_error() -> None:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ]
    assert len(kinds) > 12
    assert all(issubclass(kind, errors.FilehubError) for kind in kinds)
