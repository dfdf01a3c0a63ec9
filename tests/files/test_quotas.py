"""Quotas: refused before signing, and exact when objects are recorded, even concurrently."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import old_upload, removal, store, upload
from tests.support.http import put, send
from tests.support.users import Api
from tests.web.test_api import check_error
from uploads.aws import clients, s3
from uploads.core import keys, policy
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable, QuotaExceeded
from uploads.core.limits import MIB
from uploads.core.reasons import Reason
from uploads.files import actions, queries, quotas, usage
from uploads.files import store as file_store
from uploads.files.quotas import Allowance
from uploads.files.record import Change, StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm, records
from uploads.ingest.events import ObjectEvent
from uploads.models import Quota

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"


@pytest.fixture
def ten_bytes(settings: Settings) -> None:
    """Every user has a quota of ten bytes."""
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": 10}


def created(upload_id: str, number: int = 1) -> confirm.Outcome:
    sequencer = f"{number:018X}".ljust(64, "0")
    return confirm.apply_event(ObjectEvent("created", upload_id, sequencer))


def used(owner: str = OWNER) -> Usage:
    return usage.of_owner(owner)


@pytest.mark.parametrize(
    ("size", "used", "fits"),
    [(10, 0, True), (11, 0, False), (4, 6, True), (5, 6, False), (0, 12, True), (1, 12, False)],
)
def test_quota_boundaries(size: int, used: int, fits: bool) -> None:
    if fits:
        policy.check_quota(size, used=used, limit=10)
    else:
        with pytest.raises(QuotaExceeded):
            policy.check_quota(size, used=used, limit=10)


# Before signing


@pytest.mark.usefixtures("ten_bytes")
def test_a_file_above_the_quota_is_not_signed_and_the_error_has_the_numbers(api: Api) -> None:
    store(api.owner, body=b"123456")
    for path in ("/get-url", "/uploads"):
        response = api.post(path, {"file_name": "a.txt", "size": 1_234})
        check_error(response, 413, "quota_exceeded")
        assert "1,234 bytes" in response.json()["error"]
        assert "6 of your quota of 10 bytes are already used" in response.json()["error"]
        assert api.post(path, {"file_name": "a.txt", "size": 4}).status_code in {200, 201}


@pytest.mark.usefixtures("ten_bytes")
def test_a_large_file_is_refused_before_any_request_to_s3(api: Api) -> None:
    size = conf().multipart_threshold + 1
    check_error(api.post("/uploads", {"file_name": "a.txt", "size": size}), 413, "quota_exceeded")
    bucket = conf().bucket
    assert "Uploads" not in clients.s3().list_multipart_uploads(Bucket=bucket)


def test_parts_that_exceed_the_quota_wait_for_free_space(
    api: Api, alice: User, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": 5 * MIB}
    body = bytes(5 * MIB + 1)
    quota = Quota.objects.create(user=alice, limit=len(body) + 4)
    large = {"file_name": "a.txt", "size": len(body), "checksum": "none"}
    begun = api.post("/uploads", large).json()
    store(api.owner, body=b"12345")
    path, token = f"/uploads/{begun['id']}", {"token": begun["token"]}
    signed = api.post(f"{path}/parts", {**token, "parts": [{"part_number": 1}]}).json()
    (part,) = signed["parts"]
    assert send("PUT", part["url"], body, part["headers"]).status == 200
    check_error(api.post(f"{path}/complete", token), 413, "quota_exceeded")
    assert s3.head(begun["id"]) is None
    quota.limit += 1
    quota.save()
    assert api.post(f"{path}/complete", token).status_code == 202
    assert confirm.confirm(begun["id"]) == "stored"
    # The upload already counts, so that repeating the request is safe.
    assert api.post(f"{path}/complete", token).status_code == 202


@pytest.mark.usefixtures("ten_bytes")
def test_a_file_of_unknown_size_is_checked_after_its_upload(api: Api) -> None:
    assert api.post("/get-url", {"file_name": "a.txt"}).status_code == 200


def test_a_quota_of_the_user_overrides_the_default(
    settings: Settings, api: Api, alice: User, other_api: Api
) -> None:
    Quota.objects.create(user=alice, limit=3)
    for default in (None, 100):
        settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": default}
        large = {"file_name": "a.txt", "size": 4}
        check_error(api.post("/uploads", large), 413, "quota_exceeded")
        assert other_api.post("/uploads", large).status_code == 201
        for owner, expected in ((api.owner, "rejected"), (other_api.owner, "stored")):
            assert confirm.confirm(upload(owner, body=b"1234")) == expected


def test_checking_a_quota_costs_one_read_and_none_without_a_quota(
    api: Api, settings: Settings, aws_requests: AwsRequests
) -> None:
    def cost() -> tuple[dict[str, int], int]:
        aws_requests.sent.clear()
        with CaptureQueriesContext(connection) as queries:
            assert api.post("/get-url", {"file_name": "a.txt", "size": 5}).status_code == 200
        # The audit log writes.
        reads = [query for query in queries if query["sql"].startswith("SELECT")]
        return aws_requests.counts(), len(reads)

    cost()  # reads the token with its user and quota, and records its first use
    assert cost() == ({}, 0)
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": 10}
    assert cost() == ({"dynamodb": 1}, 0)


# When an object is recorded


@pytest.mark.usefixtures("ten_bytes")
def test_an_object_above_the_quota_is_rejected_with_the_reason_and_deleted() -> None:
    first, second = upload(OWNER, body=b"123456"), upload(OWNER, body=b"12345")
    assert created(first) == "stored"
    for number, outcome in ((1, "rejected"), (1, "unchanged"), (2, "absent")):
        assert created(second, number) == outcome
    status = queries.upload_status(second, OWNER)
    assert (status.state, s3.head(second)) == ("rejected", None)
    assert status.reason == Reason("quota_exceeded", {"size": 5, "used": 6, "limit": 10})
    assert used() == Usage(1, 6)


@pytest.mark.usefixtures("ten_bytes")
def test_the_last_byte_of_a_quota_can_be_used_and_deleting_frees_space() -> None:
    full = upload(OWNER, body=b"1234567890")
    assert created(full) == "stored"
    assert created(upload(OWNER, body=b"")) == "stored"
    assert created(upload(OWNER, body=b"1")) == "rejected"
    removal(full, 9)
    assert created(upload(OWNER, body=b"1")) == "stored"


@pytest.mark.usefixtures("ten_bytes")
def test_the_quota_is_not_applied_again_to_stored_files() -> None:
    """Not by repeated events, not by a check, and not after a tombstone written by mistake."""
    upload_id = upload(OWNER, body=b"12345678")
    assert confirm.confirm(upload_id) == "stored"
    for number in (1, 2):
        assert created(upload_id, number) == "stored"
    assert confirm.check(upload_id) == "consistent"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(s3, "head", lambda upload_id: None)
        assert confirm.check(upload_id) == "missing"
    store(OWNER, body=b"12345678")
    assert confirm.check(upload_id) == "confirmed"
    assert used() == Usage(2, 16)


@pytest.mark.usefixtures("ten_bytes")
def test_a_file_whose_metadata_is_replaced_in_s3_keeps_its_name_and_uses_no_more_space() -> None:
    upload_id = upload(OWNER, body=b"12345678")
    created(upload_id, 1)
    name = {"Bucket": conf().bucket, "Key": keys.object_key(upload_id)}
    clients.s3().copy_object(
        **name,
        CopySource=name,
        MetadataDirective="REPLACE",
        ContentType="text/plain",
        Metadata=s3.metadata(OWNER, "b.txt"),
    )
    assert created(upload_id, 2) == "stored"
    assert queries.stored_file(upload_id, OWNER).file_name == "a.txt"
    assert used() == Usage(1, 8)


@pytest.mark.usefixtures("ten_bytes")
def test_a_file_that_returns_after_its_removal_is_checked_again() -> None:
    upload_id = upload(OWNER, body=b"12345678")
    request = s3.sign_put(
        upload_id, owner=OWNER, file_name="a.txt", content_type="text/plain", size=8, sha256=None
    )
    created(upload_id, 1)
    removal(upload_id, 2)
    store(OWNER, body=b"12345678")
    assert put(request, b"12345678").status == 200
    assert created(upload_id, 3) == "rejected"
    assert s3.head(upload_id) is None


@pytest.mark.usefixtures("ten_bytes")
def test_concurrent_uploads_never_exceed_the_quota() -> None:
    ids = [upload(OWNER, body=b"1234") for _ in range(6)]

    def apply(upload_id: str) -> confirm.Outcome:
        try:
            return created(upload_id)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert Tally(pool.map(apply, ids)) == {"stored": 2, "rejected": 4}
    assert used() == Usage(2, 8)
    assert len([upload_id for upload_id in ids if s3.head(upload_id)]) == 2


@pytest.mark.usefixtures("ten_bytes")
def test_a_file_stored_between_check_and_write_uses_the_space_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = upload(OWNER, body=b"123456"), upload(OWNER, body=b"12345")
    read, others = quotas.allowances, [second]

    def slow_read(owners: Collection[str]) -> dict[str, Allowance]:
        allowances = read(owners)
        if others:
            assert created(others.pop()) == "stored"
        return allowances

    monkeypatch.setattr(quotas, "allowances", slow_read)
    assert created(first) == "rejected"
    assert used() == Usage(1, 5)


@pytest.mark.usefixtures("ten_bytes")
def test_the_quota_of_a_first_file_is_enforced_at_write_time() -> None:
    """An owner without files has no counter, which must not skip the check."""
    record = records.new_record(keys.new_upload_id(OWNER, "secret"), "1" * 64, "stored")
    record.owner, record.size = OWNER, 11
    assert file_store.commit([Change(None, record, limit=10)]).stale == {record.id}
    assert (used(), file_store.get(record.id)) == (Usage(), None)
    assert file_store.commit([Change(None, record, limit=11)]) == file_store.Unwritten()
    assert used() == Usage(1, 11)


@pytest.mark.usefixtures("ten_bytes")
def test_an_old_object_whose_record_is_gone_is_neither_rejected_nor_deleted() -> None:
    upload_id = old_upload(OWNER, b"12345678901")
    assert confirm.confirm(upload_id) == "unchanged"  # a hint, as any client can send it
    assert list(StoredFile.scan(StoredFile.key.exists())) == []
    assert confirm.check(upload_id, dry_run=True) == "confirmed"
    assert confirm.check(upload_id) == "confirmed"
    assert used() == Usage(1, 11)


@pytest.mark.usefixtures("ten_bytes")
def test_an_old_upload_with_an_event_is_checked() -> None:
    """An upload in parts may take days. A hint that overtakes its event changes nothing."""
    upload_id = old_upload(OWNER, b"12345678901")
    assert confirm.confirm(upload_id) == "unchanged"
    assert created(upload_id) == "rejected"
    assert s3.head(upload_id) is None


@pytest.mark.usefixtures("ten_bytes")
def test_checking_a_recent_object_applies_the_quota() -> None:
    upload_id = upload(OWNER, body=b"12345678901")
    assert confirm.check(upload_id, dry_run=True) == "rejected"
    assert s3.head(upload_id) is not None
    assert confirm.check(upload_id) == "rejected"
    assert s3.head(upload_id) is None


@pytest.mark.usefixtures("ten_bytes")
def test_an_operator_can_assign_files_beyond_the_quota() -> None:
    store("8", body=b"12345678")
    upload_id = store(OWNER, body=b"12345678")
    assert actions.change_owner(upload_id, "8", "1")
    assert used("8") == Usage(2, 16)
    assert created(upload(OWNER, body=b"12345678")) == "stored"
    assert created(upload("8", body=b"1")) == "rejected"


@pytest.mark.parametrize("owner", ["", "alice", "99999999999999999999", "07"])
def test_an_owner_who_is_not_a_valid_user_has_the_default_quota(
    owner: str, alice: User, settings: Settings
) -> None:
    Quota.objects.create(user=alice, limit=3)
    for default in (None, 100):
        settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": default}
        assert quotas.limit_of_owner(owner) == default
        assert quotas.limit_of_owner(str(alice.pk)) == 3


# Pages


@pytest.mark.usefixtures("ten_bytes")
def test_the_page_shows_how_much_is_used(alice: User, settings: Settings) -> None:
    page = Client()
    page.force_login(alice)
    store(str(alice.pk), body=b"123456")
    line = "6\xa0bytes of 10\xa0bytes used"
    assert line in page.get("/").content.decode()
    assert page.get("/quota").json() == {"quota": {"used": 6, "limit": 10}}
    settings.FILEHUB = settings.FILEHUB | {"USER_QUOTA": None}
    assert 'id="quota"' not in page.get("/").content.decode()
    assert page.get("/quota").json() == {"quota": None}


@pytest.mark.usefixtures("ten_bytes")
def test_the_page_works_without_the_usage(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(owner: str) -> Usage:
        raise BackendUnavailable

    monkeypatch.setattr(usage, "of_owner", fail)
    page = Client()
    page.force_login(alice)
    response = page.get("/")
    assert (response.status_code, 'id="quota"' in response.content.decode()) == (200, False)
    # The page keeps the line that it has, since an empty response would clear it.
    assert page.get("/quota").status_code == 503
