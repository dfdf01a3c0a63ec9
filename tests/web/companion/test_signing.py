"""The requests that Uppy 6 has signed by `signRequest`, sent as @uppy/aws-s3 6.3 sends them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects
from tests.support.http import send
from tests.support.local_aws import drain
from tests.support.waiting import wait_for
from tests.transfers.uploads import incomplete
from tests.web.companion.uppy import BODY, CHUNKS, PART, refused
from uploads.accounts import api_tokens
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.logs import context
from uploads.ingest import confirm
from uploads.models import Quota
from uploads.transfers import tickets

HOST = "http://testserver"


class Signing:
    """Uppy 6 with `signRequest`, for one file whose key is its path."""

    def __init__(self, user: User, key: str = "Fotos/große Datei.bin", type_: str = "text/plain"):
        self.key, self.type, self.upload_id = key, type_, ""
        token = api_tokens.create(user)
        self.http = Client(headers={"Authorization": f"Bearer {token}"})
        #: Uppy sends what has been signed without any credentials.
        self.anonymous = Client()

    def sign(self, method: str, **fields: Any) -> Any:
        body = {"method": method, "key": self.key, **fields}
        if self.upload_id:
            body.setdefault("uploadId", self.upload_id)
        return self.http.post("/s3/sign", body, content_type="application/json")

    def url(self, method: str, **fields: Any) -> str:
        response = self.sign(method, **fields)
        assert response.status_code == 200, response.content
        return str(response.json()["url"])

    def send(self, method: str, body: bytes = b"", type_: str = "") -> Any:
        """Have a request signed that filehub answers, and send it."""
        url = self.url(method)
        assert url.startswith(f"{HOST}/s3/signed/")
        return self.anonymous.generic(method, url.removeprefix(HOST), body, CONTENT_TYPE=type_)

    def create(self) -> Any:
        response = self.send("POST", type_=self.type)
        if response.status_code == 200:
            self.key, self.upload_id = value(response, "Key"), value(response, "UploadId")
        return response

    def send_part(self, number: int, body: bytes | None = None) -> str:
        """Send a part; return its ETag as Uppy keeps it."""
        url = self.url("PUT", partNumber=number)
        response = send("PUT", url, body or CHUNKS[number - 1])
        assert response.status == 200, response.body
        return str(response.headers["ETag"]).strip('"')

    def send_parts(self) -> dict[int, str]:
        return {number: self.send_part(number) for number in range(1, len(CHUNKS) + 1)}

    def complete(self, parts: dict[int, str]) -> Any:
        return self.send("POST", xml_of(parts), "application/xml")

    @property
    def id(self) -> str:
        return keys.upload_id_of(self.key) or ""


def xml_of(parts: dict[int, str]) -> bytes:
    inner = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        for number, etag in parts.items()
    )
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


def value(response: Any, name: str) -> str:
    assert response["Content-Type"] == "application/xml"
    found = re.search(f"<{name}>([^<]*)</{name}>", response.content.decode())
    assert found, response.content
    return found[1]


def s3_refused(response: Any, status: int, code: str) -> None:
    assert (response.status_code, value(response, "Code")) == (status, code), response.content
    assert value(response, "Message")
    assert value(response, "RequestId") == response["X-Request-ID"]


@pytest.fixture
def uppy(aws: None, alice: User) -> Signing:
    return Signing(alice)


@pytest.fixture
def begun(uppy: Signing) -> Signing:
    assert uppy.create().status_code == 200
    return uppy


def test_a_file_in_one_request_is_signed(uppy: Signing) -> None:
    signed = uppy.sign("PUT", contentType="text/plain").json()
    assert set(signed) == {"url", "key", "headers"}
    assert send("PUT", signed["url"], b"hello", signed["headers"]).status == 200
    uppy.key = signed["key"]
    assert confirm.confirm(uppy.id) == "stored"
    file = uppy.http.get(f"/files/{uppy.id}").json()
    assert (file["folder"], file["file_name"], file["content_type"], file["owner"]) == (
        "Fotos", "große Datei.bin", "text/plain", "alice",
    )  # fmt: skip
    # The request works once.
    assert send("PUT", signed["url"], b"other", signed["headers"]).status == 412


def test_a_file_in_parts_is_signed(begun: Signing) -> None:
    response = begun.complete(begun.send_parts())
    assert response.status_code == 200, response.content
    assert value(response, "Key") == begun.key
    assert confirm.confirm(begun.id) == "stored"
    file = begun.http.get(f"/files/{begun.id}").json()
    assert (file["folder"], file["file_name"], file["content_type"], file["size"]) == (
        "Fotos", "große Datei.bin", "text/plain", len(BODY),
    )  # fmt: skip
    location = begun.http.get(value(response, "Location").removeprefix(HOST))
    assert send("GET", location["Location"]).body == BODY


def test_parts_are_listed(begun: Signing) -> None:
    etag = begun.send_part(2)
    listed = begun.send("GET").content.decode()
    assert listed == (
        f"<ListPartsResult><Part><PartNumber>2</PartNumber><Size>{PART}</Size>"
        f"<ETag>{etag}</ETag></Part></ListPartsResult>"
    )


def test_an_upload_is_aborted(begun: Signing) -> None:
    begun.send_part(1)
    assert begun.send("DELETE").status_code == 204
    assert incomplete() == []


def test_completing_twice_is_harmless(begun: Signing) -> None:
    parts = begun.send_parts()
    first, again = begun.complete(parts), begun.complete(parts)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    # Its response was lost, and perhaps S3's event too, so a hint is queued.
    wait_for(lambda: drain(conf().tasks_queue))
    s3_refused(begun.send("DELETE"), 409, "upload_completed")
    assert objects() == {begun.id}


def test_sizes_and_quotas_are_checked_before_the_file_exists(
    begun: Signing, alice: User, settings: Settings
) -> None:
    parts = begun.send_parts()
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": len(BODY) - 1}
    s3_refused(begun.complete(parts), 413, "file_too_large")
    refused(begun.sign("PUT", partNumber=4), 413, "file_too_large")
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": len(BODY)}
    Quota.objects.create(user=alice, limit=len(BODY) - 1)
    s3_refused(begun.complete(parts), 413, "quota_exceeded")
    assert objects() == set()


INVALID = [
    ({"method": "PUT", "key": ""}, "missing_file_name"),
    ({"method": "POST", "key": ""}, "missing_file_name"),
    ({"method": "POST", "key": "Photos/"}, "missing_file_name"),
    ({"method": "PUT", "key": "a\nb"}, "invalid_name"),
    ({"method": "POST", "key": "../a"}, "invalid_folder"),
    ({"method": "POST", "key": "a//b"}, "invalid_folder"),
    ({"method": "PUT", "key": f"{'f/' * 33}a"}, "invalid_folder"),
    ({"method": "PUT", "key": "x" * 256}, "name_too_long"),
    ({"method": "PUT", "key": "a", "contentType": "image"}, "invalid_content_type"),
    ({"method": "GET", "key": "a"}, "missing_uploadId"),
    ({"method": "DELETE", "key": "a"}, "missing_uploadId"),
    ({"method": "HEAD", "key": "a"}, "invalid_method"),
    ({"method": "put", "key": "a"}, "invalid_method"),
    ({"key": "a"}, "missing_method"),
    ({"method": "PUT"}, "missing_key"),
    ({"method": "PUT", "key": 1}, "invalid_key"),
    ({"method": "PUT", "key": "a", "contentType": ["text/plain"]}, "invalid_contentType"),
]


def test_what_is_not_valid_is_not_signed(uppy: Signing) -> None:
    for fields, code in INVALID:
        response = uppy.http.post("/s3/sign", fields, content_type="application/json")
        refused(response, 400, code)


INVALID_PARTS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 400, "missing_partNumber"), ({"partNumber": "1"}, 400, "invalid_partNumber"),
    ({"partNumber": True}, 400, "invalid_partNumber"),
    ({"partNumber": 0}, 400, "invalid_part_number"),
    ({"partNumber": 10_001}, 400, "invalid_part_number"),
    ({"partNumber": 1, "uploadId": ""}, 400, "missing_token"),
    ({"partNumber": 1, "uploadId": "x"}, 404, "upload_not_found"),
]  # fmt: skip


def test_parts_are_checked(begun: Signing) -> None:
    for fields, status, code in INVALID_PARTS:
        refused(begun.sign("PUT", **fields), status, code)


@pytest.mark.parametrize("type_", ["", "text/html", "image", "text/plain; charset=utf-8"])
def test_the_type_is_that_of_the_request_and_is_checked(
    uppy: Signing, settings: Settings, type_: str
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("text/plain",)}
    uppy.type = type_
    response = uppy.create()
    if type_.startswith("text/plain"):
        assert response.status_code == 200
    elif type_ == "image":
        s3_refused(response, 400, "invalid_content_type")
    else:
        s3_refused(response, 415, "type_not_allowed")


INVALID_LISTS = [
    b"", b"{}", b"<CompleteMultipartUpload>", b"\xff\xfe",
    b'<!DOCTYPE x [<!ENTITY y "z">]><CompleteMultipartUpload>&y;</CompleteMultipartUpload>',
    b"<CompleteMultipartUpload><Part></Part></CompleteMultipartUpload>",
    xml_of({1: "<x/>"}), xml_of({123456: "x"}), xml_of({1: "x" * 101}), b"<a>" * 100_000,
]  # fmt: skip


def test_other_lists_of_parts_are_refused(begun: Signing) -> None:
    for body in INVALID_LISTS:
        s3_refused(begun.send("POST", body, "application/xml"), 400, "invalid_parts")


def test_parts_that_s3_does_not_have_are_missing(begun: Signing) -> None:
    etag = begun.send_part(1)
    for parts in ({}, {1: "other"}, {1: etag, 2: etag}, {2: etag}):
        s3_refused(begun.complete(parts), 409, "parts_missing")


# Tickets


def test_another_user_cannot_have_requests_signed(begun: Signing, bob: User) -> None:
    other = Signing(bob)
    other.key, other.upload_id = begun.key, begun.upload_id
    for method in ("GET", "POST", "DELETE", "PUT"):
        refused(other.sign(method, partNumber=1), 404, "upload_not_found")


ROUTES = {
    "create": ("POST", "/s3/signed/multipart"), "list": ("GET", "/s3/signed/parts"),
    "complete": ("POST", "/s3/signed/complete"), "abort": ("DELETE", "/s3/signed/abort"),
}  # fmt: skip


def requested(ticket: str) -> dict[str, int]:
    """The statuses of all requests with this ticket, sent without credentials."""
    return {
        name: Client().generic(method, path, query_params={"ticket": ticket}).status_code
        for name, (method, path) in ROUTES.items()
    }


def test_a_ticket_permits_one_operation(begun: Signing, alice: User) -> None:
    operation: Any
    for operation in ROUTES:
        ticket = tickets.Ticket(operation, str(alice.pk), "a.txt", token=begun.upload_id).sign()
        assert {name for name, status in requested(ticket).items() if status != 401} == {operation}


def test_without_a_valid_ticket_nothing_happens(begun: Signing, alice: User) -> None:
    valid = tickets.Ticket("abort", str(alice.pk), token=begun.upload_id).sign()
    edited = valid[:-1] + ("A" if valid[-1] != "A" else "B")
    for forged in ("", edited, begun.upload_id, "x" * 5_000):
        assert set(requested(forged).values()) == {401}
    alice.is_active = False
    alice.save()
    assert set(requested(valid).values()) == {401}
    alice.delete()
    assert set(requested(valid).values()) == {401}
    assert incomplete() == [begun.key]


def test_a_session_is_no_ticket(begun: Signing, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    for method, path in ROUTES.values():
        s3_refused(client.generic(method, path), 401, "not_authenticated")


def test_a_ticket_expires_with_presigned_requests(begun: Signing) -> None:
    url = begun.url("GET").removeprefix(HOST)
    with time_machine.travel(timedelta(seconds=conf().url_expiry - 60), tick=True):
        assert begun.anonymous.get(url).status_code == 200
    with time_machine.travel(timedelta(seconds=conf().url_expiry + 1), tick=True):
        s3_refused(begun.anonymous.get(url), 401, "not_authenticated")


def test_a_ticket_of_a_token_that_another_user_has_is_refused(begun: Signing, bob: User) -> None:
    ticket = tickets.Ticket("abort", str(bob.pk), token=begun.upload_id).sign()
    assert requested(ticket)["abort"] == 404
    assert incomplete() == [begun.key]


def test_log_lines_of_uppys_requests_name_the_user_and_the_upload(
    begun: Signing, alice: User
) -> None:
    expected = (str(alice.pk), keys.upload_id_of(begun.key))
    # The request that created the upload was the last one.
    assert (context.current("user_id"), context.current("upload_id")) == expected
    begun.send("GET")
    assert (context.current("user_id"), context.current("upload_id")) == expected
    Signing(alice).sign("PUT")
    assert context.current("upload_id") not in {None, expected[1]}


def test_pages_of_other_origins_may_send_what_was_signed() -> None:
    for method, path in ROUTES.values():
        response = Client().options(
            path,
            headers={
                "Origin": HOST,
                "Access-Control-Request-Method": method,
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert response["Access-Control-Allow-Origin"] == HOST
        assert method in response["Access-Control-Allow-Methods"]
