"""Uploads for a form field: the token, the limits at signing and confirmation, the record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from pytest_django import Settings

from tests.support.http import put, send
from tests.support.users import Api, error_of
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.fields import FieldRules, from_metadata
from uploads.core.reasons import Reason
from uploads.files import queries
from uploads.files.record import FileInfo
from uploads.ingest import confirm
from uploads.transfers import begin, field_tokens

PHOTO = FieldRules("shop.product.photo", ("image/*", "application/pdf"), 5)
FILE = {"file_name": "a.png", "size": 5, "content_type": "image/png"}

pytestmark = pytest.mark.usefixtures("aws")


@pytest.mark.parametrize(
    ("about", "code"),
    [
        ({}, None),
        ({"size": 6}, "file_too_large"),
        ({"content_type": "text/plain"}, "type_not_allowed"),
        ({"destination": "any"}, "field_with_destination"),
        ({"field": "x"}, "invalid_field"),
        ({"field": "x" * 3000}, "invalid_field"),
        ({"field": "of another salt"}, "invalid_field"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("path", ["/uploads", "/uploads/batch", "/api/v1/uploads"])
def test_a_field_at_signing(
    api: Api, path: str, about: dict[str, Any], code: str | None, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"DESTINATIONS": {"any": {}}}
    body = FILE | {"field": field_tokens.sign(PHOTO, api.owner)} | about
    if about == {"field": "of another salt"}:
        fields = {"key": PHOTO.key, "owner": api.owner}
        body["field"] = field_tokens.signing.dumps(fields, salt="filehub.upload")
    response = api.post(path, {"files": [body]} if path.endswith("batch") else body)
    result = response.json()["results"][0] if path.endswith("batch") else response.json()
    assert result.get("code") == code, result
    if code is None:
        signed = {k: v for k, v in result["headers"].items() if "field" in k}
        assert signed == {
            "x-amz-meta-field": PHOTO.key,
            "x-amz-meta-field-limits": "5;image/*,application/pdf",
        }


def test_a_token_counts_for_its_user_and_for_a_day(api: Api, other_api: Api) -> None:
    token = field_tokens.sign(PHOTO, api.owner)
    assert field_tokens.read(token, api.owner) == PHOTO
    answer = other_api.post("/uploads", FILE | {"field": token})
    assert error_of(answer)["code"] == "invalid_field"
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1, seconds=1), tick=False):
        answer, other = (
            each.post("/uploads", FILE | {"field": token}) for each in (api, other_api)
        )
    assert (error_of(answer)["code"], answer.status_code) == ("field_expired", 400)
    assert error_of(other)["code"] == "invalid_field"


def stored_for(field: FieldRules, body: bytes, type_: str, created_ago: timedelta) -> FileInfo:
    """What becomes of an object for this field, past the checks at signing."""
    milliseconds = int((datetime.now(UTC) - created_ago).timestamp() * 1000)
    upload_id = keys._make(milliseconds, "7", "secret")
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=body,
        ContentType=type_,
        Metadata=s3.metadata("7", "a.png", "", field.metadata),
    )
    confirm.confirm(upload_id)
    info = queries.any_file(upload_id)
    assert info is not None
    return info


PNG = b"\x89PNG\r"


@pytest.mark.parametrize(
    ("field", "body", "type_", "reason"),
    [
        (PHOTO, PNG, "image/png", None),
        (PHOTO, PNG + b"\n", "image/png", Reason("file_too_large", {"size": 6, "limit": 5})),
        (
            PHOTO, b"hello", "text/plain",
            Reason(
                "type_not_allowed", {"type": "text/plain", "allowed": "image/*, application/pdf"}
            ),
        ),
        (
            PHOTO, b"%PDF-", "image/png",
            Reason("content_mismatch", {"type": "image/png", "content": "pdf"}),
        ),
        (FieldRules("a"), b"hello", "text/plain", None),
    ],
    ids=str,
)  # fmt: skip
def test_a_field_at_confirmation(
    field: FieldRules, body: bytes, type_: str, reason: Reason | None, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"UNCLAIMED_DAYS": 3}
    info = stored_for(field, body, type_, timedelta())
    assert (info.reason or None, info.field) == (reason, field.key)
    expected = None if reason or not info.confirmed_at else info.confirmed_at + timedelta(days=3)
    assert info.kept_until == expected


def test_a_file_whose_record_was_lost_does_not_expire_as_unclaimed(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"UNCLAIMED_DAYS": 3}
    info = stored_for(PHOTO, PNG, "image/png", timedelta(days=3, minutes=1))
    assert (info.state, info.field, info.kept_until) == ("stored", PHOTO.key, None)


def test_a_file_in_parts_keeps_its_field(api: Api) -> None:
    field, size = FieldRules("a.b.c", ("*",), 6 * 2**20), 5 * 2**20 + 1
    begun = begin.begin_upload(
        api.owner, begin.FileRequest("a.bin", size, part_size=5 * 2**20, field=field)
    )
    assert isinstance(begun, begin.StartedMultipart)
    parts = [{"part_number": 1}, {"part_number": 2}]
    token = begun.token.sign()
    signed = api.post(f"/uploads/{begun.upload_id}/parts", {"token": token, "parts": parts}).json()
    for part, length in zip(
        signed["parts"], (begun.token.size_of(1), begun.token.size_of(2)), strict=True
    ):
        assert send("PUT", part["url"], b"x" * (length or 0), part["headers"]).status == 200
    assert api.post(f"/uploads/{begun.upload_id}/complete", {"token": token}).status_code == 202
    assert confirm.confirm(begun.upload_id) == "stored"
    info = queries.any_file(begun.upload_id)
    assert info is not None
    assert info.field == field.key


@pytest.mark.parametrize(
    ("types", "general", "expected"),
    [
        ((), ("image/*",), ("image/*",)),
        (("*",), ("image/*",), ("image/*",)),
        (("image/*",), ("*",), ("image/*",)),
        (("image/*", "text/plain"), ("image/png", "text/*"), ("text/plain", "image/png")),
        (("audio/*",), ("image/*",), ()),
    ],
)
def test_types_that_both_accept(
    types: tuple[str, ...], general: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    field = FieldRules("a", types)
    assert field.types_within(general) == expected
    signed = field.metadata
    assert from_metadata(signed["field"], signed.get("field-limits", "")) == field


@pytest.mark.parametrize(
    ("key", "types", "max_size"),
    [("", (), None), ("a b", (), None), ("é", (), None), ("a" * 101, (), None), ("a", ("x",), None),
     ("a", ("image/" + "x" * 300,), None), ("a", (), 0)],
)  # fmt: skip
def test_rules_that_cannot_be_signed_are_refused(
    key: str, types: tuple[str, ...], max_size: int | None
) -> None:
    with pytest.raises(ValueError, match=r"key|type|positive"):
        FieldRules(key, types, max_size)


def test_a_put_without_a_token_has_no_field(api: Api) -> None:
    begun = begin.begin_put(api.owner, file_name="a.txt", size=5)
    assert put(begun.request, b"hello").status == 200
    assert confirm.confirm(begun.id) == "stored"
    info = queries.any_file(begun.id)
    assert info is not None
    assert (info.field, info.claimed_by, info.kept_until) == ("", "", None)
