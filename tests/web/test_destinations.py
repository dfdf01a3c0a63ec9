"""Destinations: who may choose which, and what that means at signing and at confirmation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from pytest_django import Settings

from tests.support.http import put, send
from tests.support.users import Api, error_of, script_of
from tests.web.companion.uppy import Uppy
from tests.web.test_api import check_error
from uploads.aws import clients, multipart, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.reasons import Reason
from uploads.files import queries
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.transfers import begin, tokens

DESTINATIONS = {
    "small": {"label": "Small files", "max_size": 5},
    "texts": {"types": "text/*,image/svg+xml", "folder": "Texts", "keep_days": 7},
    "staff": {"who": "staff"},
    "press": {"who": ["press", "editors"]},
}
FILE = {"file_name": "a.txt", "size": 5, "content_type": "text/plain"}

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture(autouse=True)
def _destinations(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"DESTINATIONS": DESTINATIONS}


def names(client: Client | Api) -> list[str]:
    return [each["name"] for each in client.get("/uploads/destinations").json()]


def test_the_list_has_what_the_user_may_choose(alice: User, django_assert_num_queries: Any) -> None:
    client = script_of(alice)
    assert client.get("/uploads/destinations").json()[:2] == [
        {
            "name": "small", "label": "Small files", "max_size": 5, "types": None, "folder": "",
            "keep_days": None,
        },
        {
            "name": "texts", "label": "texts", "max_size": None, "folder": "Texts", "keep_days": 7,
            "types": ["text/*", "image/svg+xml"],
        },
    ]  # fmt: skip
    assert names(client) == ["small", "texts"]
    alice.groups.add(Group.objects.create(name="editors"))
    assert names(client) == ["small", "texts", "press"]
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    assert names(client) == ["small", "texts", "staff", "press"]
    alice.groups.clear()
    # A superuser is in no group without being added to it.
    User.objects.filter(pk=alice.pk).update(is_staff=False, is_superuser=True)
    assert names(client) == ["small", "texts"]


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({"destination": "small"}, None),
        ({"destination": "small", "size": 6}, "file_too_large"),
        ({"destination": "texts"}, None),
        ({"destination": "texts", "content_type": "image/png"}, "type_not_allowed"),
        ({"destination": "unknown"}, "unknown_destination"),
        ({"destination": "staff"}, "unknown_destination"),
        ({"destination": "press"}, "unknown_destination"),
        ({"destination": "x\u202e" * 300}, "unknown_destination"),
        ({"destination": 7}, "invalid_destination"),
        ({"destination": ""}, None),
        ({"destination": None, "size": 6}, None),
        ({"destination": "texts", "folder": "a/" * 15 + "é" * 120}, None),
        ({"destination": "texts", "folder": "/".join(["a"] * 32)}, "invalid_folder"),
    ],
    ids=lambda value: str(value)[:60],
)
@pytest.mark.parametrize("path", ["/get-url", "/uploads", "/uploads/batch"])
def test_the_rules_of_a_destination_at_signing(
    api: Api, path: str, about: dict[str, Any], code: str | None
) -> None:
    body = FILE | about
    response = api.post(path, {"files": [body]} if path.endswith("batch") else body)
    if path.endswith("batch"):
        (result,) = response.json()["results"]
        assert result.get("code") == code, result
    elif code:
        assert error_of(response)["code"] == code
    else:
        result = response.json()
    if code is None:
        signed = result["headers"].get("x-amz-meta-destination")
        assert signed == (about["destination"] or None)
        folder = result["headers"].get("x-amz-meta-folder", "")
        assert folder.startswith("Texts") is (about["destination"] == "texts")


def test_a_destination_that_is_not_yours_looks_like_none(api: Api) -> None:
    one, other = (
        error_of(api.post("/uploads", FILE | {"destination": name}))["error"]
        for name in ("staff", "nosuch")
    )
    assert one.replace("staff", "…") == other.replace("nosuch", "…")


def put_object(
    destination: str, body: bytes = b"hello", type_: str = "text/plain", upload_id: str = ""
) -> str:
    """An object with a destination in its metadata, past the checks at signing."""
    upload_id = upload_id or keys.new_upload_id("7", "secret")
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=body,
        ContentType=type_,
        Metadata=s3.metadata("7", "a.txt", "", {"destination": destination}),
    )
    return upload_id


@pytest.mark.parametrize(
    ("destination", "body", "type_", "reason"),
    [
        ("small", b"hello", "text/plain", None),
        ("small", b"hello!", "text/plain", Reason("file_too_large", {"size": 6, "limit": 5})),
        ("texts", b"hello", "text/plain", None),
        (
            "texts", b"hello", "image/png",
            Reason("type_not_allowed", {"type": "image/png", "allowed": "text/*, image/svg+xml"}),
        ),
        (
            "texts", b"<html>", "image/svg+xml",
            Reason("content_mismatch", {"type": "image/svg+xml", "content": "page"}),
        ),
        ("staff", b"hello", "text/plain", None),
        ("gone", b"hello", "text/plain", Reason("unknown_destination", {"destination": "gone"})),
        (
            "x" * 300, b"hello", "text/plain",
            Reason("unknown_destination", {"destination": "x" * 40}),
        ),
    ],
    ids=str,
)  # fmt: skip
def test_the_rules_of_a_destination_at_confirmation(
    destination: str, body: bytes, type_: str, reason: Reason | None
) -> None:
    upload_id = put_object(destination, body, type_)
    assert confirm.confirm(upload_id) == ("rejected" if reason else "stored")
    info = queries.any_file(upload_id)
    assert info is not None
    assert (info.reason or None, info.destination) == (reason, destination[:40])
    keep_for = timedelta(days=7) if destination == "texts" and not reason else None
    expected = info.confirmed_at and keep_for and info.confirmed_at + keep_for
    assert info.kept_until == expected


def test_a_destination_that_was_removed_rejects_what_is_on_its_way(
    api: Api, settings: Settings
) -> None:
    begun = begin.begin_put(api.owner, file_name="a.txt", size=5, destination="small")
    kept = begin.begin_put(api.owner, file_name="a.txt", size=5, destination="texts",
                           content_type="text/plain")  # fmt: skip
    assert put(begun.request, b"hello").status == put(kept.request, b"hello").status == 200
    assert confirm.confirm(kept.id) == "stored"
    settings.FILEHUB = settings.FILEHUB | {"DESTINATIONS": {}}
    assert confirm.confirm(begun.id) == "rejected"
    status = api.get(f"/uploads/{begun.id}").json()
    assert (status["state"], status["reason_code"]) == ("rejected", "unknown_destination")
    assert status["reason"] == "There is no destination “small” here."
    # What was stored before stays, also if its event is repeated.
    assert confirm.check(kept.id) == "consistent"
    file = api.get(f"/files/{kept.id}").json()
    assert (file["destination"], file["folder"]) == ("texts", "Texts")
    assert file["kept_until"] > file["confirmed_at"]


def test_a_lost_record_is_made_again_although_its_destination_was_removed() -> None:
    old = put_object("gone", upload_id=keys._make(1_700_000_000_000, "7", "secret"))
    assert confirm.check(old) == "confirmed"
    info = queries.any_file(old)
    assert info is not None
    assert (info.state, info.destination, info.kept_until) == ("stored", "gone", None)


def test_the_token_of_an_upload_of_unknown_size_carries_the_destination(uppy: Uppy) -> None:
    begun = begin.begin_multipart("7", file_name="a.txt", destination="small")
    token = tokens.read(begun.token.sign(), upload_id=None, owner="7")
    assert token.destination == "small"
    response = uppy.http.post(
        "/s3/multipart",
        {"filename": "a.txt", "type": "text/plain", "metadata": {"destination": "small"}},
        content_type="application/json",
    )
    uppy.key, uppy.upload_id = response.json()["key"], response.json()["uploadId"]
    sent = uppy.send(1, b"hello!")
    check_error(uppy.complete([sent]), 413, "file_too_large")
    # A token without a destination is readable by earlier versions.
    plain = begin.begin_multipart("7", file_name="a.txt").token
    assert "destination" not in tokens.signing.loads(plain.sign(), salt=tokens._SALT)
    for each in (begun.token, plain):
        multipart.abort(each.upload_id, each.s3_upload_id)


@pytest.fixture
def uppy(alice: User) -> Uppy:
    return Uppy(alice)


#: Uppy's metadata, and what becomes of them: the code of the error, or tags, context, destination.
UPPY: list[tuple[dict[str, Any], Any]] = [
    (
        {"tags": "a, b,", "context": '{"n":1}', "destination": "texts"},
        (["a", "b"], {"n": 1}, "texts"),
    ),
    ({"tags": "null", "context": "undefined", "destination": "null"}, ([], {}, None)),
    ({"tags": "", "context": "", "destination": ""}, ([], {}, None)),
    ({"context": "[1]"}, "invalid_context"),
    ({"context": "{"}, "invalid_context"),
    ({"tags": "x" * 65}, "invalid_tags"),
    ({"destination": "staff"}, "unknown_destination"),
]  # fmt: skip
#: The same in JSON only.
UPPY_JSON: list[tuple[dict[str, Any], Any]] = [
    ({"tags": ["a,b"], "context": {"n": 1}, "destination": None}, (["a,b"], {"n": 1}, None)),
    ({"tags": [7]}, "invalid_tags"),
    ({"tags": {"a": 1}}, "invalid_tags"),
    ({"context": 7}, "invalid_context"),
    ({"destination": 7}, "invalid_destination"),
]


def check_answer(answer: Any, expected: Any) -> bool:
    """Whether the answer is good; the error must be the expected one."""
    if isinstance(expected, str):
        check_error(answer, 400, expected)
        return False
    assert answer.status_code == 200, answer.content
    return True


def check_file(upload_id: str, expected: Any) -> None:
    assert confirm.confirm(upload_id) == "stored"
    record = StoredFile.get(upload_id)
    info = queries.any_file(upload_id)
    assert info is not None
    tags, context, destination = expected
    assert list(info.tags) == tags
    assert record.context == ('{"n":1}' if context else None)
    assert record.destination == destination


@pytest.mark.parametrize(("metadata", "expected"), UPPY, ids=str)
def test_uppys_metadata_in_a_query(uppy: Uppy, metadata: dict[str, str], expected: Any) -> None:
    query = {"filename": "a.txt", "type": "text/plain"}
    query |= {f"metadata[{name}]": value for name, value in metadata.items()}
    answer = uppy.http.get("/s3/params", query)
    if check_answer(answer, expected):
        signed = answer.json()
        assert send("PUT", signed["url"], b"hello", signed["headers"]).status == 200
        upload_id = keys.upload_id_of(signed["fields"]["key"])
        assert upload_id
        check_file(upload_id, expected)


@pytest.mark.parametrize(("metadata", "expected"), UPPY + UPPY_JSON, ids=str)
@pytest.mark.parametrize("path", ["/s3/multipart", "/s3/sign"])
def test_uppys_metadata_in_json(
    uppy: Uppy, path: str, metadata: dict[str, Any], expected: Any
) -> None:
    about = {"filename": "a.txt", "type": "text/plain", "method": "POST", "key": "a.txt"}
    answer = uppy.http.post(path, {**about, "metadata": metadata}, content_type="application/json")
    if not check_answer(answer, expected):
        return
    if path == "/s3/sign":
        created = Client().post(
            answer.json()["url"].removeprefix("http://testserver"), content_type="text/plain"
        )
        assert created.status_code == 200, created.content
        text = created.content.decode()
        uppy.key = text[text.index("<Key>") + 5 : text.index("</Key>")]
        uppy.upload_id = text[text.index("<UploadId>") + 10 : text.index("</UploadId>")]
    else:
        uppy.key, uppy.upload_id = answer.json()["key"], answer.json()["uploadId"]
    sent = uppy.send(1, b"hello")
    assert uppy.complete([sent]).status_code == 200
    check_file(uppy.id, expected)
