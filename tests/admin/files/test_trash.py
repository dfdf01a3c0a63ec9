"""The trash in the admin: its actions, its filter, and the page of a file in it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.admin.files.helpers import LIST, act, text_of
from tests.support.files import removal, store, upload
from tests.support.records import tamper
from uploads.aws import s3
from uploads.files import queries, trash
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")


def trashed(name: str = "a.txt", owner: str = "7") -> str:
    upload_id = store(owner, name)
    trash.move_to_trash([upload_id], Actor(owner, owner))
    return upload_id


def state_of(upload_id: str) -> str:
    info = queries.any_file(upload_id)
    assert info is not None
    return info.state


def listed(admin: Client, query: str) -> set[str]:
    page = admin.get(f"{LIST}?{query}").content.decode()
    return set(re.findall(r'name="_selected_action" value="([^"]+)"', page))


def test_moving_to_the_trash_asks_first_and_then_reports_each_file(
    admin: Client, root: User
) -> None:
    first, second = store("7", "a.txt"), store("8", "b.txt")
    gone = store("7", "gone.txt")
    removal(gone, 9)
    question = text_of(act(admin, "trash_files", first, second, gone))
    assert "can be restored for 30 days" in question
    assert state_of(first) == "stored"
    text = text_of(act(admin, "trash_files", first, second, gone, confirmed="yes"))
    assert "2 files are now in the trash." in text
    assert "“gone.txt”: The file is not stored." in text
    assert [state_of(upload_id) for upload_id in (first, second)] == ["trashed", "trashed"]
    assert s3.head(first) is not None
    assert {entry.object_id for entry in LogEntry.objects.all()} == {first, second}
    info = queries.any_file(first)
    assert info is not None
    assert info.trashed_by == str(root.pk)


def test_restoring_asks_first_and_then_reports_each_file(admin: Client) -> None:
    first, second, gone = trashed("a.txt"), trashed("b.txt"), trashed("gone.txt")
    removal(gone, 9)
    purging = trashed("purging.txt")
    tamper(purging, StoredFile.deletion_requested_at.set(StoredFile.get(purging).trashed_at))
    assert "return from the trash" in text_of(act(admin, "restore_files", first, second))
    assert state_of(first) == "trashed"
    text = text_of(act(admin, "restore_files", first, second, gone, purging, confirmed="yes"))
    assert "2 files were restored." in text
    assert "“gone.txt”: The file is not in the trash." in text
    assert "“purging.txt”: The file is already being permanently deleted." in text
    assert [state_of(upload_id) for upload_id in (first, second)] == ["stored", "stored"]


def test_files_in_the_trash_can_be_deleted_for_ever(admin: Client) -> None:
    upload_id = trashed()
    question = text_of(act(admin, "delete_files", upload_id))
    assert "cannot be undone" in question
    assert s3.head(upload_id) is not None
    text = text_of(act(admin, "delete_files", upload_id, confirmed="yes"))
    assert "1 file is being deleted" in text
    assert s3.head(upload_id) is None


def test_what_is_left_of_a_rejected_file_can_be_deleted_for_ever(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = upload("7", "a.png", b"<html>", "image/png")
    with monkeypatch.context() as patch:
        patch.setattr(s3, "delete_if_match", lambda upload_id, etag: None)
        assert confirm.confirm(upload_id) == "rejected"
    act(admin, "delete_files", upload_id, confirmed="yes")
    assert s3.head(upload_id) is None


def test_the_filter_shows_files_in_the_trash(admin: Client) -> None:
    mine, others = trashed("a.txt"), trashed("b.txt", "8")
    kept = store("7", "c.txt")
    assert listed(admin, "state=trashed") == {mine, others}
    assert listed(admin, "state=trashed&owner_id=8") == {others}
    assert listed(admin, "state=trashed&q=A.") == {mine}
    assert listed(admin, "") == {kept}
    assert "in the trash" in text_of(admin.get(f"{LIST}?state=trashed"))


def test_without_a_trash_files_are_deleted_for_ever(admin: Client, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 0}
    upload_id = store("7")
    for question in (
        act(admin, "trash_files", upload_id),
        admin.get(f"{LIST}{upload_id}/delete/"),
    ):
        assert "cannot be undone" in text_of(question)
    text = text_of(act(admin, "trash_files", upload_id, confirmed="yes"))
    assert "1 file is being deleted" in text
    assert s3.head(upload_id) is None


def test_the_delete_link_of_a_file_moves_it_to_the_trash(admin: Client) -> None:
    upload_id = store("7")
    page = admin.get(f"{LIST}{upload_id}/delete/").content.decode()
    assert 'name="action" value="trash_files"' in page


def test_the_page_of_a_file_in_the_trash_offers_what_is_possible(admin: Client) -> None:
    upload_id = trashed()
    page = admin.get(f"{LIST}{upload_id}/change/").content.decode()
    for offered in ('value="restore_files"', 'value="delete_files"'):
        assert offered in page
    for missing in ("/download/", "/delete/", 'value="change_owner"', "file-preview"):
        assert missing not in page
    info = queries.any_file(upload_id)
    assert info is not None
    assert info.purge_at is not None
    assert f"until {info.purge_at:%Y-%m-%d}" in text_of(admin.get(f"{LIST}{upload_id}/change/"))
    # Another tab still has the old page.
    assert admin.get(f"{LIST}{upload_id}/download/").status_code == 302
    assert "X-Amz-Signature" not in admin.get(f"{LIST}{upload_id}/download/")["Location"]


def test_the_timeline_tells_of_the_trash(admin: Client, alice: User) -> None:
    upload_id = store(str(alice.pk))
    act(admin, "trash_files", upload_id, confirmed="yes")
    trash.restore([upload_id], Actor(str(alice.pk), str(alice.pk)))
    assert timeline(admin, upload_id)[-2:] == [
        "Moved to the trash by root", "Restored from the trash by alice",
    ]  # fmt: skip
    trash.move_to_trash([upload_id], Actor(str(alice.pk), str(alice.pk)))
    purge_at = StoredFile.get(upload_id).purge_at
    assert trash.purge([upload_id], purge_at) == 1
    removal(upload_id, 9)
    # The time of the purge is that of this test, which comes before the due time.
    assert sorted(timeline(admin, upload_id)[-3:]) == [
        "Deleted", "Moved to the trash by alice", "Retention in the trash ended",
    ]  # fmt: skip


def timeline(admin: Client, upload_id: str) -> list[str]:
    page = admin.get(f"{LIST}{upload_id}/change/").content.decode()
    return [unescape(text) for text in re.findall(r"</time> <span>(.*?)</span>", page)]
