"""Entries are written together, whatever is in them, and are never changed afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.support.files import store
from tests.support.users import Api, signed_in
from uploads.accounts.audit import record as recording
from uploads.accounts.audit import retention
from uploads.accounts.audit.record import Target, record
from uploads.aws import s3
from uploads.files import browse, queries
from uploads.models import AppendOnly, AuditAction, AuditEntry
from uploads.web import rates, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

UPLOAD = AuditAction.UPLOAD_SIGNED


def request_of(user: User, agent: str = "") -> Any:
    request = RequestFactory().get("/", headers={"User-Agent": agent})
    request.user = user
    return request


def add(days: float = 0) -> AuditEntry:
    at = timezone.now() - timedelta(days=days)
    entry = AuditEntry(at=at, action="sign_in", outcome="ok")
    entry.save()
    return entry


def inserts(captured: CaptureQueriesContext) -> list[str]:
    return [query["sql"] for query in captured if "INSERT" in query["sql"]]


def test_a_hundred_signatures_are_one_insert(api: Api) -> None:
    files = [{"file_name": f"{n}.txt", "size": 1} for n in range(100)]
    api.get("/files")  # The token is in memory now.
    with CaptureQueriesContext(connection) as captured:
        assert api.post("/uploads/batch", {"files": files}).status_code == 200
    assert len(captured) == len(inserts(captured)) == 1
    names = set(AuditEntry.objects.values_list("object_name", flat=True))
    assert names == {f"{n}.txt" for n in range(100)}


def test_one_signature_is_one_statement(api: Api) -> None:
    api.get("/files")
    with CaptureQueriesContext(connection) as captured:
        assert api.post("/get-url", {"file_name": "a.txt"}).status_code == 200
    assert len(captured) == len(inserts(captured)) == 1


HOSTILE = [
    "=cmd|' /C calc'!A0",
    "a\0b",
    "\ud800",
    "\u202egnp.exe",
    "'; DROP TABLE x; --",
    "%s %%",
    "😀",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_ordinary_input(alice: User, text: str) -> None:
    long = text + "x" * 1_000
    record(request_of(alice), UPLOAD, [Target("file", "1", long, long)])
    entry = AuditEntry.objects.get()
    for stored, limit in ((entry.object_name, 255), (entry.detail, 500)):
        assert len(stored) == limit
        assert stored.endswith("x")
        assert "\0" not in stored
    if text.isprintable() and "\0" not in text:
        assert entry.object_name.startswith(text)


def test_a_user_agent_is_bounded(alice: User) -> None:
    record(request_of(alice, "a" * 10_000), UPLOAD)
    assert AuditEntry.objects.get().agent == "a" * 200


def test_each_entry_is_a_log_line_without_names(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "uploads.accounts.audit.record")
    record(request_of(alice), UPLOAD, [Target("file", n, "secret.txt") for n in ("1", "2")])
    first, second = caplog.records
    assert first.getMessage() == "audit: upload_signed ok"
    assert [vars(line)["upload_id"] for line in (first, second)] == ["1", "2"]
    assert vars(first)["user_id"] == str(alice.pk)
    assert "secret.txt" not in str(vars(first))
    assert "alice" not in str(vars(first))


def test_nothing_is_recorded_while_the_log_is_off(alice: User, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"AUDIT": "off"}
    signed_in(alice)
    record(request_of(alice), UPLOAD)
    recording.check_writable()
    assert not AuditEntry.objects.exists()


def test_checking_whether_entries_can_be_written_leaves_none() -> None:
    recording.check_writable()
    assert not AuditEntry.objects.exists()


# Append-only

CHANGES: dict[str, Callable[[AuditEntry], object]] = {
    "save": lambda entry: entry.save(),
    "delete": lambda entry: entry.delete(),
    "update": lambda entry: AuditEntry.objects.update(action="x"),
    "delete all": lambda entry: AuditEntry.objects.filter(pk=entry.pk).delete(),
    "bulk_update": lambda entry: AuditEntry.objects.bulk_update([entry], ["action"]),
    "upsert": lambda entry: AuditEntry.objects.bulk_create(
        [entry], update_conflicts=True, unique_fields=["id"], update_fields=["action"]
    ),
    "update_or_create": lambda entry: AuditEntry.objects.update_or_create(
        {"action": "x"}, pk=entry.pk
    ),
    "base manager": lambda entry: AuditEntry._base_manager.all().delete(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_entries_cannot_be_changed(change: Callable[[AuditEntry], object]) -> None:
    entry = add()
    with pytest.raises(AppendOnly), transaction.atomic():
        change(entry)
    assert AuditEntry.objects.get().action == "sign_in"


def test_entries_outlive_their_user_and_token(api: Api, alice: User) -> None:
    api.post("/get-url", {"file_name": "a.txt"})
    alice.delete()
    assert AuditEntry.objects.get().user_name == "alice"


# Retention


def test_entries_are_deleted_after_their_days_and_not_before(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"AUDIT_DAYS": 30}
    minute = 1 / 24 / 60
    expired, kept = add(days=30 + minute), add(days=30 - minute)
    assert retention.expire() == retention.Expired(1, more=False)
    assert list(AuditEntry.objects.all()) == [kept]
    assert expired.pk != kept.pk


def test_entries_are_deleted_in_batches_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    oldest, *_, newest = [add(days=1_000 - n) for n in range(5)]
    assert retention.expire(budget=timedelta()) == retention.Expired(2, more=True)
    left = set(AuditEntry.objects.values_list("pk", flat=True))
    assert oldest.pk not in left
    assert newest.pk in left
    assert retention.expire() == retention.Expired(3, more=False)


# A database that accepts no entries


@pytest.fixture
def no_inserts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and no entry can be written any more, as on a full disk."""

    def refuse(rows: object) -> None:
        raise OperationalError("database or disk is full")

    return lambda: monkeypatch.setattr(recording, "_insert", refuse)


REQUESTS: dict[str, Callable[[Api, str], Any]] = {
    "sign": lambda api, _: api.post("/get-url", {"file_name": "a.txt"}),
    "sign many": lambda api, _: api.post(
        "/uploads/batch", {"files": [{"file_name": "a", "size": 1}]}
    ),
    "download": lambda api, i: api.get(f"/files/{i}/download"),
    "delete": lambda api, i: api.delete(f"/files/{i}"),
    "delete many": lambda api, i: api.post("/files/delete", {"ids": [i]}),
    "rename": lambda api, i: api.patch(f"/files/{i}", {"file_name": "other"}),
    "folder": lambda api, _: api.post("/folders", {"folder": "new"}),
    "trash": lambda api, i: api.post("/files/trash", {"ids": [i]}),
}


def test_requests_that_cannot_be_recorded_fail_and_change_nothing(
    api: Api, no_inserts: Callable[[], None]
) -> None:
    upload_id = store(api.owner)
    no_inserts()
    for name, send in REQUESTS.items():
        response = send(api, upload_id)
        assert (name, response.status_code) == (name, 503)
        assert response.json()["code"] == "unavailable"
        assert "url" not in response.json()
    stored = queries.stored_file(upload_id, api.owner)
    assert (stored.state, stored.file_name) == ("stored", "a.txt")
    assert browse.contents(api.owner, "", limit=10).folders == []
    assert s3.head(upload_id) is not None


def test_a_token_that_cannot_be_recorded_is_neither_created_nor_revoked(
    alice: User, no_inserts: Callable[[], None]
) -> None:
    page = signed_in(alice)
    page.post("/account/tokens/", {"name": "ci", "scopes": ["read"]})
    (token,) = alice.filehub_api_tokens.all()  # type: ignore[attr-defined]
    no_inserts()
    for path in ("/account/tokens/", f"/account/tokens/{token.pk}/revoke/"):
        assert page.post(path, {"name": "x", "scopes": ["read"]}).status_code == 503
    assert [each.name for each in alice.filehub_api_tokens.all()] == ["ci"]  # type: ignore[attr-defined]


def test_rights_that_cannot_be_recorded_are_not_changed(
    admin: Any, no_inserts: Callable[[], None]
) -> None:
    no_inserts()
    form = {"username": "eve", "usable_password": "false"}
    assert admin.post("/admin/auth/user/add/", form).status_code == 503
    assert not User.objects.filter(username="eve").exists()


def test_a_bug_is_not_taken_for_an_outage(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rows: object) -> None:
        raise DatabaseError("syntax error")

    monkeypatch.setattr(recording, "_insert", refuse)
    assert api.post("/get-url", {"file_name": "a.txt"}).status_code == 500


def test_a_flood_of_failed_sign_ins_does_not_fill_the_database(
    alice: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates._storage.cache_clear()
    settings.FILEHUB = settings.FILEHUB | {"SIGN_IN_RATE_USER": None, "SIGN_IN_RATE_ADDRESS": None}
    monkeypatch.setattr(sign_in, "MAX_AUDITED_FAILURES", "3/h")
    for _ in range(5):
        sign_in.count_failure(request_of(alice), "alice")
    assert AuditEntry.objects.count() == 3
