"""The worker checks the content of a file before it confirms it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import put_under, upload
from tests.support.http import put, send
from tests.support.sample_files import GIF, HTML, PE, TYPESCRIPT, png
from tests.support.users import Api
from uploads.aws import s3
from uploads.core.errors import BackendUnavailable
from uploads.files import queries, store, usage
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.transfers import begin

OWNER = "7"


def created(upload_id: str, number: int = 1) -> confirm.Outcome:
    sequencer = f"{number:018X}".ljust(64, "0")
    return confirm.apply_event(ObjectEvent("created", upload_id, sequencer))


def test_a_page_sent_as_an_image_is_rejected_with_the_reason_and_deleted(api: Api) -> None:
    upload_id = upload(api.owner, "a.png", HTML, "image/png")
    assert created(upload_id) == "rejected"
    assert s3.head(upload_id) is None
    status = api.get(f"/uploads/{upload_id}").json()
    assert (status["state"], status["file"]) == ("rejected", None)
    assert status["reason"] == "It was uploaded as image/png, but its content is a web page."
    assert status["reason_code"] == "content_mismatch"
    assert created(upload_id, 2) == "absent"
    assert usage.of_owner(api.owner).files == 0


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("type_", "body", "requests"),
    [
        ("image/png", png(), 2),
        ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(10_000), 2),
        ("image/png", b"", 1),
        ("text/html", HTML, 1),
        ("application/octet-stream", PE, 1),
        ("video/mp2t", TYPESCRIPT, 1),
        ("audio/x-it", HTML, 1),
        ("image/svg+xml", PE, 1),
    ],
    ids=[
        "image", "long image", "empty image", "page", "unknown", "typescript", "page named .it",
        "not shown",
    ],
)  # fmt: skip
def test_content_is_read_only_if_the_type_is_checked(
    type_: str, body: bytes, requests: int, aws_requests: AwsRequests
) -> None:
    upload_id = upload(OWNER, "a", body, type_)
    aws_requests.counts()
    assert created(upload_id) == "stored"
    assert aws_requests.counts()["s3"] == requests
    assert created(upload_id, 2) == "stored"  # the content of a stored file is not read again
    assert aws_requests.counts()["s3"] == 1


def test_a_page_whose_type_was_guessed_from_its_name_is_stored_and_only_downloaded(
    api: Api,
) -> None:
    """Browsers on Linux declare a name that ends with “.it” as audio of Impulse Tracker."""
    upload_id = upload(api.owner, "index.html.it", HTML, "audio/x-it")
    assert created(upload_id) == "stored"
    signed = api.get(f"/files/{upload_id}/download?inline=1").json()
    response = send("GET", signed["url"])
    assert response.body == HTML
    assert response.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("name", "type_", "body"),
    [
        ("a.png", "image/x-anything", PE),
        ("a.it", "audio/x-it", HTML),
        ("a.pdf", "application/x-pdf", PE),
    ],
)
def test_a_client_cannot_get_around_restricted_types(
    settings: Settings, name: str, type_: str, body: bytes
) -> None:
    allowed = ("image/*", "audio/*", "application/pdf")
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": allowed}
    upload_id = upload(OWNER, name, body, type_)
    assert created(upload_id) == "rejected"
    assert s3.head(upload_id) is None


@pytest.mark.usefixtures("aws")
def test_an_object_that_breaks_another_rule_is_not_read(
    settings: Settings, aws_requests: AwsRequests
) -> None:
    upload_id = upload(OWNER, "a.png", HTML, "image/png")
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("text/*",)}
    aws_requests.counts()
    assert created(upload_id) == "rejected"
    assert aws_requests.counts()["s3"] == 2  # HeadObject and DeleteObject
    assert queries.upload_status(upload_id, OWNER).reason.code == "type_not_allowed"


def replaced(upload_id: str, body: bytes) -> None:
    s3.delete(upload_id)
    put_under(upload_id, OWNER, body, "image/png")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("meanwhile", "outcome", "size"),
    [
        (lambda upload_id: replaced(upload_id, HTML), "rejected", len(HTML)),
        (lambda upload_id: replaced(upload_id, GIF), "stored", len(GIF)),
        (s3.delete, "absent", None),
    ],
    ids=["replaced by a page", "replaced by an image", "deleted"],
)
def test_the_recorded_object_is_the_one_whose_content_was_checked(
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[str], None],
    outcome: str,
    size: int | None,
) -> None:
    """The object is replaced between HeadObject and the read of its content."""
    upload_id = upload(OWNER, "a", png(), "image/png")
    head, left = s3.head, [meanwhile]

    def slow_head(upload_id: str) -> s3.StoredObject | None:
        s3_object = head(upload_id)
        if left:
            left.pop()(upload_id)
        return s3_object

    monkeypatch.setattr(s3, "head", slow_head)
    assert created(upload_id) == outcome
    assert left == []
    record = store.get(upload_id)
    assert (record.size if record else None) == size


@pytest.mark.usefixtures("aws")
def test_an_object_that_keeps_changing_is_left_to_a_later_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = upload(OWNER, "a", png(), "image/png")
    monkeypatch.setattr(s3, "_read_first_bytes", lambda upload_id, etag: None)
    with pytest.raises(BackendUnavailable):
        created(upload_id)


@pytest.mark.usefixtures("aws")
def test_a_valid_file_cannot_be_replaced_with_an_invalid_one() -> None:
    """A request works again once its object is deleted. The new object is checked again."""
    begun = begin.begin_put(OWNER, file_name="a.png", content_type="image/png")
    assert put(begun.request, png()).status == 200
    assert created(begun.id, 1) == "stored"
    s3.delete(begun.id)
    assert put(begun.request, HTML).status == 200
    assert created(begun.id, 3) == "rejected"
    assert s3.head(begun.id) is None
