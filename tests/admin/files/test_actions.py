"""Delete, check again and change the owner of chosen files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pynamodb.exceptions import UpdateError

from tests.admin.files.helpers import LIST, act, event, ids_on, put_object, text_of
from tests.support.files import removal, store, upload
from uploads.aws import s3
from uploads.core import keys
from uploads.core.errors import BackendUnavailable, FilehubError, FileNotFound
from uploads.files import actions, queries, trash
from uploads.files.batches import Actor, Result
from uploads.files.record import StoredFile
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws")


def test_deleting_asks_first_and_then_reports_each_file(admin: Client, root: User) -> None:
    first, second = store("7", "a.txt"), store("7", "b.txt")
    gone = store("7", "gone.txt")
    removal(gone, 9)
    question = act(admin, "delete_files", first, second, gone)
    assert "cannot be undone" in text_of(question)
    assert ids_on(question) == [first, second, gone]
    assert s3.head(first) is not None
    page = act(admin, "delete_files", first, second, gone, confirmed="yes")
    text = text_of(page)
    assert "2 files are being deleted" in text
    assert "“gone.txt”: The file is not stored." in text
    assert s3.head(first) is s3.head(second) is None
    # The record changes with S3's event, as always.
    assert {entry.object_id for entry in LogEntry.objects.all()} == {first, second}
    info = queries.any_file(first)
    assert info is not None
    assert (info.state, info.deletion_requested_by) == ("stored", str(root.pk))


def test_checking_again_fixes_records(admin: Client) -> None:
    consistent, missing, orphaned = store("7", "a.txt"), store("7", "b.txt"), store("7", "c.txt")
    s3.delete(missing)
    removal(orphaned, 9)
    put_object(orphaned, "7", "c.txt")
    page = act(admin, "check_again", consistent, missing, orphaned, confirmed="yes")
    assert "3 files were checked. 2 records were changed." in text_of(page)
    states = {
        info.id: (info.state, info.reason.code)
        for info in queries.any_files([consistent, missing, orphaned])
    }
    assert states == {
        consistent: ("stored", ""),
        missing: ("deleted", "object_missing"),
        orphaned: ("stored", ""),
    }


def test_a_file_with_a_new_owner_moves_to_their_list_and_stays_there(
    admin: Client, alice: User, bob: User
) -> None:
    upload_id = upload(str(alice.pk))
    confirm.apply_event(event("created", upload_id, 1))
    page = act(admin, "change_owner", upload_id, confirmed="yes", answer="bob")
    assert "1 file now belongs to bob." in text_of(page)
    assert [info.id for info in queries.files_of(str(bob.pk), limit=9).files] == [upload_id]
    assert queries.files_of(str(alice.pk), limit=9).files == []
    # Checking the object again, whose metadata still names alice, does not change the owner back.
    confirm.apply_event(event("created", upload_id, 2))
    confirm.check(upload_id)
    mine = queries.files_of(str(bob.pk), limit=9, search="a").files
    assert [(info.id, info.owner) for info in mine] == [(upload_id, str(bob.pk))]
    assert queries.any_stored_file(upload_id).uploader == str(alice.pk)
    assert queries.files_of(str(alice.pk), limit=9).files == []
    with pytest.raises(Exception, match="File not found"):
        queries.stored_file(upload_id, str(alice.pk))


@pytest.mark.parametrize("answer", ["", "nobody", "  ", "x" * 300])
def test_an_unknown_new_owner_is_refused(admin: Client, answer: str) -> None:
    upload_id = store("7")
    page = admin.post(
        LIST,
        {
            "action": "change_owner",
            "_selected_action": upload_id,
            "confirmed": "yes",
            "answer": answer,
        },
    )
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()
    assert queries.any_stored_file(upload_id).owner == "7"


def test_a_failure_is_reported_and_does_not_stop_the_others(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = store("7", "a.txt"), store("7", "b.txt")
    delete_many = s3.delete_many

    def refuse_first(upload_ids: Collection[str]) -> dict[str, BackendUnavailable]:
        delete_many([upload_id for upload_id in upload_ids if upload_id != first])
        return {first: BackendUnavailable("S3 could not delete the object.")}

    monkeypatch.setattr(s3, "delete_many", refuse_first)
    text = text_of(act(admin, "delete_files", first, second, confirmed="yes"))
    assert "1 file is being deleted" in text
    assert "“a.txt”: Storage is not responding. Try again in a moment." in text
    assert s3.head(second) is None


def test_what_was_changed_after_many_failures_is_reported_and_logged(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All files are changed at once, so nothing is skipped after errors in a row."""
    ids = sorted(store("7", f"{number}.txt") for number in range(5))
    failing = set(ids[:3]) | set(ids[3:4])

    def refuse(upload_ids: Collection[str]) -> dict[str, BackendUnavailable]:
        return dict.fromkeys(failing, BackendUnavailable("S3 could not delete the object."))

    monkeypatch.setattr(s3, "delete_many", refuse)
    text = text_of(act(admin, "delete_files", *ids, confirmed="yes"))
    assert "1 file is being deleted" in text
    assert text.count("Storage is not responding. Try again in a moment.") == len(failing)
    assert "Skipped" not in text
    (entry,) = LogEntry.objects.all()
    assert entry.object_id == ids[4]


LOGGED = {
    "en": [
        "Deletion requested.",
        "Included in a downloaded list.",
        "Owner changed from bob to alice.",
        "Checked: the record is correct.",
    ],
    "de": [
        "Löschung angefordert.",
        "In einer heruntergeladenen Liste enthalten.",
        "Eigentümer von bob auf alice geändert.",
        "Geprüft: Der Datensatz stimmt.",
    ],
}


@pytest.mark.parametrize("acting", ["en", "de"])
@pytest.mark.parametrize("reading", ["en", "de"])
def test_the_history_is_in_the_language_of_who_reads_it(
    admin: Client, alice: User, bob: User, acting: str, reading: str
) -> None:
    upload_id = store(str(bob.pk), "a.txt")
    admin.defaults["HTTP_ACCEPT_LANGUAGE"] = acting
    for action in ("check_again", "change_owner", "download_manifest", "delete_files"):
        act(admin, action, upload_id, confirmed="yes", answer="alice")
    headers = {"Accept-Language": reading}
    history = text_of(admin.get(f"{LIST}{upload_id}/history/", headers=headers))
    shown = {language: [s for s in logged if s in history] for language, logged in LOGGED.items()}
    assert shown == {"en": [], "de": [], reading: LOGGED[reading]}


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (BackendUnavailable("S3 could not delete the object."), "Der Speicher antwortet nicht."),
        (BackendUnavailable("No credentials.", code="no_credentials"), "Der Speicher antwortet"),
        (FileNotFound(), "Die Datei gibt es nicht mehr."),
    ],
)
def test_a_failure_is_in_the_language_of_who_reads_it(
    admin: Client, bob: User, monkeypatch: pytest.MonkeyPatch, error: FilehubError, sentence: str
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(actions, "change_owner", refuse)
    admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    upload_id = store("7", "a.txt")
    text = text_of(act(admin, "change_owner", upload_id, confirmed="yes", answer=bob.username))
    assert f"„a.txt“: {sentence}" in text


@pytest.mark.parametrize("action", ["trash_files", "delete_files"])
def test_a_failure_of_one_of_several_files_is_in_the_language_of_who_reads_it(
    admin: Client, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    def refuse(ids: Sequence[str], actor: Actor) -> list[Result]:
        return [Result(upload_id, error=BackendUnavailable("S3 failed.")) for upload_id in ids]

    for name in ("move_to_trash", "delete"):
        monkeypatch.setattr(trash, name, refuse)
    admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    text = text_of(act(admin, action, store("7", "a.txt"), confirmed="yes"))
    assert "„a.txt“: Der Speicher antwortet nicht." in text


@pytest.mark.parametrize("chosen", [["zz"], ["01900000-0000-7000-8000-000000000000"], ["x"] * 500])
@pytest.mark.parametrize(
    "action",
    [
        "trash_files",
        "restore_files",
        "delete_files",
        "check_again",
        "change_owner",
        "download_manifest",
    ],
)
def test_a_forged_selection_changes_nothing(admin: Client, action: str, chosen: list[str]) -> None:
    for extra in ({}, {"confirmed": "yes", "answer": "root"}, {"select_across": "1"}):
        page = admin.post(LIST, {"action": action, "_selected_action": chosen, **extra})
        assert page.status_code in {200, 302, 400}
    assert not LogEntry.objects.exists()


def test_selecting_across_pages_selects_nothing(admin: Client) -> None:
    upload_id = store("7")
    admin.post(
        LIST,
        {
            "action": "delete_files",
            "_selected_action": "x",
            "select_across": "1",
            "confirmed": "yes",
        },
    )
    assert s3.head(upload_id) is not None


def test_selected_files_that_do_not_exist_are_counted(admin: Client) -> None:
    unknown = keys.new_upload_id("7", "secret")
    text = text_of(act(admin, "check_again", store("7"), unknown, "zz", confirmed="yes"))
    assert "1 file was checked." in text
    assert "2 selected files do not exist." in text


def test_after_three_failures_a_service_is_not_called_again(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempted: list[str] = []

    def refuse(upload_id: str, **kwargs: object) -> None:
        attempted.append(upload_id)
        raise BackendUnavailable

    monkeypatch.setattr(confirm, "check", refuse)
    ids = [store("7", f"{number}.txt") for number in range(6)]
    text = text_of(act(admin, "check_again", *ids, confirmed="yes"))
    assert len(attempted) == 3
    assert text.count("Skipped, because the service is not responding.") == 3


def test_deleting_retries_after_a_transaction_conflict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = store("7")
    update = StoredFile.update
    conflict = ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")
    conflicts = [conflict, conflict]

    def contended(self: StoredFile, *args: Any, **kwargs: Any) -> Any:
        if conflicts:
            raise UpdateError("busy", conflicts.pop())
        return update(self, *args, **kwargs)

    monkeypatch.setattr(StoredFile, "update", contended)
    actions.remove(upload_id, "1")
    assert s3.head(upload_id) is None
    assert queries.any_stored_file(upload_id).deletion_requested_by == "1"
