"""Request bodies and file names that are too large, broken or hostile."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.test import Client, RequestFactory

from local.aws import LocalAws
from tests.web.security.routes import UNKNOWN, WRITING, check_json, fill
from uploads.aws import downloads
from uploads.core.errors import FilehubError
from uploads.core.names import check_name
from uploads.transfers import begin

# Pages that need no AWS need static files too.
pytestmark = pytest.mark.usefixtures("_static_files")


class Untouched(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def huge(type_: str) -> dict[str, Any]:
    """The WSGI variables of a request with a terabyte of body."""
    return {"CONTENT_TYPE": type_, "CONTENT_LENGTH": str(10**12), "wsgi.input": Untouched()}


@WRITING
@pytest.mark.parametrize("type_", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    bearer: Client, method: str, path: str, type_: str
) -> None:
    response = bearer.generic(
        method.upper(), fill(path), **huge(type_)
    )  # fmt: skip
    check_json(response)
    # Routes without a body ignore it.
    assert response.json()["code"] in {
        "body_too_large", "file_not_found", "missing_folder", "missing_key", "missing_token"
    }  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/i18n/setlang/", "/files"])
def test_a_form_cannot_fill_the_disk(path: str) -> None:
    """Django would write files of forms to disk before it authenticates the user."""
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    response = client.generic(
        "POST", path, **huge("multipart/form-data; boundary=x")
    )  # fmt: skip
    check_json(response)


@pytest.mark.django_db
def test_files_in_forms_are_dropped() -> None:
    request = RequestFactory().post("/", {"file": io.BytesIO(b"x" * 1000), "field": "kept"})
    assert dict(request.FILES) == {}
    assert request.POST["field"] == "kept"


BODIES: dict[str, tuple[str, bytes]] = {
    "a key twice": ("application/json", b'{"file_name": "a", "file_name": "b"}'),
    "a key twice, further in": ("application/json", b'{"file_name": {"a": 1, "a": 2}}'),
    "nested objects": ("application/json", b'{"a":' * 50_000),
    "a huge exponent": ("application/json", b'{"file_name": "a", "size": 1e400}'),
    "a minus": ("application/json", b'{"file_name": "a", "size": -}'),
    "UTF-16": ("application/json", '{"file_name": "\x00"}'.encode("utf-16")),
    "an odd charset": ("application/json; charset=utf-7", b"+AHs-}"),
    "an unknown charset": ("application/json; charset=no-such", b"{}"),
    "no boundary": ("multipart/form-data", b"--x"),
    "a broken form": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disp"),
    "a form": ("application/x-www-form-urlencoded", b"file_name=a"),
    "XML": ("text/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
}


@pytest.mark.parametrize(("type_", "body"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("path", ["/get-url", f"/uploads/{UNKNOWN}/parts"])
def test_a_strange_body_is_a_4xx_with_the_usual_error(
    bearer: Client, path: str, type_: str, body: bytes
) -> None:
    check_json(bearer.generic("POST", path, body, content_type=type_))


def test_a_million_parts_are_refused(bearer: Client) -> None:
    parts = json.dumps({"token": "x", "parts": [{"part_number": 1}] * 10**6})
    response = bearer.generic("POST", f"/uploads/{UNKNOWN}/parts", parts)
    check_json(response, 413)


NAMES = {
    "line separator": "a\u2028Set-Cookie: x=1",
    "paragraph separator": "a\u2029X: y",
    "quotes": 'a"; filename="b.exe',
    "backslash": 'a\\"b',
    "looks encoded": "a%0d%0aX: y",
    "encoded word": "=?utf-8?q?a=0d=0aX?=",
    "other direction": "a\u202egpj.exe",
    "lone dots": "..",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_cannot_inject_a_header(aws: LocalAws, name: str) -> None:
    request = begin.begin_put("7", file_name=name, size=1).request
    for value in (*request.headers.values(), request.url, downloads.sign(
        UNKNOWN, file_name=name
    )[0]):  # fmt: skip
        assert value.isascii()
        assert value.isprintable()


@pytest.mark.parametrize("char", ["\r", "\n", "\x00", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_control_characters_in_names_are_refused(char: str) -> None:
    with pytest.raises(FilehubError):
        check_name(f"a{char}b")
