"""Uploads in parts on real local AWS, from the first request to the stored file."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tests.support.http import send, sha256
from tests.support.users import Api
from tests.support.waiting import wait_for
from tests.transfers.uploads import BODY, PART, PARTS, Upload, composite, incomplete
from tests.web.test_api import check_error
from uploads.aws import clients, multipart, s3
from uploads.core import keys, policy
from uploads.core.conf import conf
from uploads.core.limits import MIB, TIB
from uploads.files import queries
from uploads.files.record import StoredFile
from uploads.ingest import confirm, tasks
from uploads.ingest.reconciliation import reconcile
from uploads.transfers import tokens


def test_a_large_file_goes_in_parts_and_a_small_one_does_not(api: Api, begun: Upload) -> None:
    assert set(begun.begun) == {"id", "token", "multipart", "expires_at"}
    assert begun.begun["multipart"] == {"part_size": PART, "part_count": 3}
    assert "url" in api.post("/uploads", {"file_name": "a", "size": PART}).json()
    assert "url" in api.post("/get-url", {"file_name": "a", "size": PART + 1}).json()


@pytest.mark.parametrize(
    ("size", "requested", "planned"),
    [
        pytest.param(12 * MIB, 6 * MIB, 6 * MIB, id="as requested"),
        pytest.param(12 * MIB, 6 * MIB + 1, 6 * MIB + 1, id="not a whole number of MiB"),
        pytest.param(12 * MIB, 1, 5 * MIB, id="below S3's minimum"),
        pytest.param(200 * MIB, 64 * MIB, 16 * MIB, id="above the setting"),
        pytest.param(200 * MIB, 2**63 - 1, 16 * MIB, id="absurd"),
        pytest.param(TIB, 5 * MIB, 105 * MIB, id="too many parts"),
        pytest.param(64 * MIB, None, None, id="not requested: the threshold decides"),
        pytest.param(64 * MIB, 128 * MIB, None, id="the threshold decides as well"),
        pytest.param(6 * MIB, 6 * MIB, None, id="fits in one part"),
        pytest.param(5 * MIB, 1, None, id="fits in S3's smallest part"),
        pytest.param(0, 1, None, id="empty"),
    ],
)
def test_a_client_may_request_smaller_parts(
    api: Api, settings: Settings, size: int, requested: int | None, planned: int | None
) -> None:
    sizes = {"MULTIPART_THRESHOLD": 64 * MIB, "PART_SIZE": 16 * MIB}
    settings.FILEHUB = settings.FILEHUB | sizes
    body = {"file_name": "a", "size": size, "part_size": requested}
    begun = api.post("/uploads", body).json()
    assert begun.get("multipart", {}).get("part_size") == planned
    if planned:
        assert begun["multipart"]["part_count"] == -(-size // planned)


@pytest.mark.parametrize("requested", [0, -1, 2**63, 1.5, "5242880", True, [5_242_880]])
def test_a_part_size_that_is_no_number_of_bytes_is_refused(api: Api, requested: Any) -> None:
    body = {"file_name": "a", "size": 1, "part_size": requested}
    check_error(api.post("/uploads", body), 400, "invalid_part_size")


def test_an_upload_in_parts_is_stored_and_downloaded(begun: Upload) -> None:
    begun.send_all()
    assert begun.complete().status_code == 202
    assert confirm.confirm(begun.id) == "stored"
    file = begun.api.get(f"/files/{begun.id}").json()
    assert file["file_name"] == "große Datei.bin"
    assert file["content_type"] == "text/plain"
    assert file["size"] == len(BODY)
    assert file["checksum"] == composite(PARTS)
    url = begun.api.get(f"/files/{begun.id}/download").json()["url"]
    assert send("GET", url).body == BODY


def test_parts_may_come_in_any_order_and_twice(begun: Upload) -> None:
    for number in (3, 1, 2, 1):
        assert begun.send(number).status == 200
    assert begun.complete().status_code == 202
    assert confirm.confirm(begun.id) == "stored"
    assert begun.api.get(f"/files/{begun.id}").json()["checksum"] == composite(PARTS)


def test_nothing_is_recorded_before_s3s_event(begun: Upload) -> None:
    begun.send_all()
    assert begun.complete().status_code == 202
    assert list(StoredFile.scan()) == []
    assert begun.api.get(f"/uploads/{begun.id}").json()["state"] == "pending"


def test_a_resuming_client_can_list_the_uploaded_parts(begun: Upload) -> None:
    assert begun.listed().json() == []
    begun.send(2)
    (part,) = begun.listed().json()
    assert (part["part_number"], part["size"]) == (2, PART)
    assert part["etag"] == hashlib.md5(PARTS[1]).hexdigest()
    assert part["sha256"] == sha256(PARTS[1])


def test_an_aborted_upload_leaves_nothing(begun: Upload) -> None:
    begun.send(1)
    assert incomplete() == [keys.object_key(begun.id)]
    response = begun.abort()
    assert (response.status_code, response.content) == (204, b"")
    assert incomplete() == []
    assert begun.abort().status_code == 204
    check_error(begun.complete(), 404, "upload_not_found")
    check_error(begun.listed(), 404, "upload_not_found")
    assert begun.send(2).status == 404


def test_the_token_of_an_abort_may_be_in_the_body(begun: Upload) -> None:
    response = begun.api._client.delete(
        begun.path, {"token": begun.token}, content_type="application/json"
    )
    assert response.status_code == 204
    assert incomplete() == []


def test_a_completed_upload_cannot_be_aborted(begun: Upload) -> None:
    begun.send_all()
    begun.complete()
    check_error(begun.abort(), 409, "upload_completed")
    assert s3.head(begun.id) is not None


def test_a_token_stays_valid_after_settings_change(begun: Upload, settings: Settings) -> None:
    begun.send(1)
    settings.FILEHUB = settings.FILEHUB | {"PART_SIZE": 7 * MIB}
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 40, [settings.SECRET_KEY]
    begun.send(2)
    begun.send(3)
    assert begun.complete().status_code == 202


def test_the_rules_apply_to_large_files_too(api: Api, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("text/plain",)}
    body = {"file_name": "a", "content_type": "text/plain", "size": 6 * MIB}
    check_error(api.post("/uploads", body | {"size": 5 * TIB + 1}), 413, "file_too_large")
    check_error(api.post("/uploads", body | {"content_type": "image/png"}), 415, "type_not_allowed")
    check_error(api.post("/uploads", body | {"file_name": "a\n"}), 400, "invalid_name")
    check_error(api.post("/uploads", body | {"sha256": "x"}), 400, "invalid_sha256")
    check_error(api.post("/uploads", body | {"checksum": "md5"}), 400, "invalid_checksum")
    assert incomplete() == []


def test_more_than_five_gib_go_in_parts(api: Api) -> None:
    begun = Upload(api, size=5 * TIB)
    count, size = begun.begun["multipart"]["part_count"], begun.begun["multipart"]["part_size"]
    assert count <= 10_000
    assert (count - 1) * size < 5 * TIB <= count * size


@given(size=st.integers(1, 5 * TIB), smallest=st.integers(5 * MIB, 5 * 1024 * MIB))
def test_no_upload_needs_more_than_ten_thousand_parts(size: int, smallest: int) -> None:
    token = tokens.UploadToken("id", "s3", "1", size, policy.part_size_for(size, smallest))
    assert smallest <= token.part_size <= 5 * 1024 * MIB
    assert token.part_count <= 10_000
    start, rest = token.slice_of(token.part_count)
    assert (start, start + rest) == (token.part_size * (token.part_count - 1), size)
    assert 0 < rest <= token.part_size


def test_all_pages_of_parts_are_listed(begun: Upload) -> None:
    """S3 lists 1,000 parts on a page; here every request gets a page of one part."""
    begun.send_all()

    def one_at_a_time(params: dict[str, Any], **_: Any) -> None:
        params["MaxParts"] = 1

    hooks, name = clients.s3().meta.events, "before-parameter-build.s3.ListParts"
    hooks.register(name, one_at_a_time)
    try:
        assert [part["part_number"] for part in begun.listed().json()] == [1, 2, 3]
    finally:
        hooks.unregister(name, one_at_a_time)


@pytest.mark.parametrize("route", ["begin", "list", "complete", "abort"])
def test_an_outage_of_s3_is_a_503(begun: Upload, settings: Settings, route: str) -> None:
    settings.FILEHUB = settings.FILEHUB | {"BUCKET": "no-such-bucket"}
    response = {
        "begin": lambda: begun.api.post("/uploads", {"file_name": "a", "size": len(BODY)}),
        "list": begun.listed,
        "complete": begun.complete,
        "abort": begun.abort,
    }[route]()
    check_error(response, 503, "unavailable")


def test_an_upload_in_one_request_cannot_be_aborted(api: Api) -> None:
    upload_id = api.post("/uploads", {"file_name": "a", "size": 5}).json()["id"]
    check_error(api.delete(f"/uploads/{upload_id}"), 400, "missing_token")


def test_an_id_may_be_in_upper_case(begun: Upload) -> None:
    path = f"/uploads/{begun.id.upper()}"
    assert begun.api.get(path).status_code == 200
    assert begun.api.get(f"{path}/parts?token={begun.token}").status_code == 200


def test_every_periodic_task_waits_longer_after_each_failure(settings: Settings) -> None:
    periodic = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    queues = settings.CELERY_BROKER_TRANSPORT_OPTIONS["predefined_queues"]
    assert periodic <= set(queues._retried_tasks)


def test_a_file_that_took_days_to_upload_is_found_without_its_event(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id, and so its place in the listing, has the time at which the upload began."""
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    moment = keys.created_at(begun.id) - timedelta(days=6, hours=23)
    old = keys._make(int(moment.timestamp() * 1000), begun.api.owner, "secret")
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(old),
        Body=b"x",
        Metadata=s3.metadata(begun.api.owner, "a.txt"),
    )
    tasks.reconcile_recent()
    assert queries.recorded([old]) == set()
    tasks.reconcile_multipart()
    assert queries.recorded([old]) == {old}


@pytest.mark.usefixtures("pipeline")
def test_the_event_of_a_multipart_upload_reaches_the_list(api: Api) -> None:
    begun = Upload(api)
    begun.send_all()
    begun.complete()
    wait_for(lambda: api.get(begun.path).json()["state"] == "stored")
    assert [file["checksum"] for file in api.get("/files").json()] == [composite(PARTS)]


def test_url_encoded_keys_of_unfinished_uploads_are_decoded() -> None:
    encoded: Any = {"EncodingType": "url"}
    assert multipart._key(encoded, "uploads/a%01+b%2B%C3%A4") == "uploads/a\x01 b+ä"
    assert multipart._key({}, "uploads/a+%41") == "uploads/a+%41"  # type: ignore[typeddict-item]
