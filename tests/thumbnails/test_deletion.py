"""A thumbnail lives exactly as long as its file: also in the trash, and never longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support.files import removal
from tests.support.records import tamper
from tests.thumbnails.helpers import (
    OWNER,
    created,
    put_object,
    queued,
    record,
    stored,
    thumbnail,
    thumbnails,
    with_thumbnail,
)
from tests.thumbnails.samples import encoded, halves
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, moves, purge, queries, trash
from uploads.files.batches import Actor
from uploads.files.listing import FileFilter, find
from uploads.files.record import OWNED_STATES, STATES, FileInfo, State, StoredFile
from uploads.files.thumbnails import thumbnail_url
from uploads.ingest import confirm
from uploads.thumbnails import make

pytestmark = pytest.mark.usefixtures("aws", "render_once")

OTHER = encoded(halves(40, 40), "PNG")
ACTOR = Actor(OWNER, OWNER)


def due(upload_id: str) -> None:
    """Put the file into the trash, where its time is over."""
    trash.move_to_trash([upload_id], ACTOR)
    tamper(upload_id, StoredFile.purge_at.set(datetime.now(UTC)))


def purge_now(upload_id: str) -> None:
    due(upload_id)
    assert purge.purge().files == 1


def delete_from_trash(upload_id: str) -> None:
    trash.move_to_trash([upload_id], ACTOR)
    trash.delete([upload_id], ACTOR)


def empty_trash(upload_id: str) -> None:
    trash.move_to_trash([upload_id], ACTOR)
    assert trash.empty(OWNER).deleted == 1


#: The ways in which files are permanently deleted.
DELETIONS: dict[str, Callable[[str], object]] = {
    "removed from the bucket": s3.delete,
    "permanently deleted": lambda upload_id: trash.delete([upload_id], ACTOR),
    "deleted from the trash": delete_from_trash,
    "trash emptied": empty_trash,
    "purged": purge_now,
}


@pytest.mark.parametrize("deletion", DELETIONS)
def test_it_is_deleted_with_its_file(deletion: str) -> None:
    upload_id, other = with_thumbnail(), with_thumbnail()
    DELETIONS[deletion](upload_id)
    assert s3.head(upload_id) is None
    assert removal(upload_id, 9) == "removed"
    assert (record(upload_id).state, thumbnails()) == ("deleted", {other})


def test_it_stays_in_the_trash_and_is_shown_again_after_a_restoration() -> None:
    upload_id = with_thumbnail()
    url = thumbnail_url(queries.stored_file(upload_id, OWNER))
    trash.move_to_trash([upload_id], ACTOR)
    confirm.apply_event(created(upload_id, 2))
    (info,) = find(FileFilter(owner=OWNER, state="trashed"), limit=9).files
    assert (info.thumbnail, thumbnail_url(info), thumbnails()) == ("60x40", url, {upload_id})
    trash.restore([upload_id], ACTOR)
    assert thumbnail_url(queries.stored_file(upload_id, OWNER)) == url
    assert queued() == [upload_id]  # only that of the first event


@pytest.mark.parametrize("state", STATES)
def test_a_file_that_is_gone_shows_none(state: State) -> None:
    info = FileInfo("x", state, datetime.now(UTC), thumbnail="60x40")
    assert (thumbnail_url(info) is not None) == (state in OWNED_STATES)


def change_owner(upload_id: str) -> None:
    actions.change_owner(upload_id, "8", "1")


def rename_and_move(upload_id: str) -> None:
    moves.update(upload_id, ACTOR, file_name="b.png", folder="Photos")


@pytest.mark.parametrize("change", [change_owner, rename_and_move])
def test_it_stays_if_only_the_record_changes(change: Callable[[str], None]) -> None:
    upload_id = with_thumbnail()
    change(upload_id)
    confirm.apply_event(created(upload_id, 2))
    assert (record(upload_id).thumbnail, thumbnails()) == ("60x40", {upload_id})


def test_a_repeated_removal_deletes_what_an_earlier_attempt_did_not() -> None:
    upload_id = with_thumbnail()
    content = thumbnail(upload_id)
    removal(upload_id, 9)
    # As if the worker had been killed between the record and the deletion.
    client, key = clients.s3(), keys.thumbnail_key(upload_id)
    client.put_object(Bucket=conf().bucket, Key=key, Body=content)
    assert removal(upload_id, 9) == "unchanged"
    assert thumbnails() == set()


@pytest.mark.parametrize("trashed", [False, True], ids=["stored", "in the trash"])
def test_it_is_deleted_if_a_reconciliation_finds_the_file_missing(trashed: bool) -> None:
    upload_id = with_thumbnail()
    if trashed:
        trash.move_to_trash([upload_id], ACTOR)
    s3.delete(upload_id)
    assert confirm.check(upload_id) == "missing"
    assert thumbnails() == set()


# What replaces a file.


def test_it_is_deleted_if_the_file_is_rejected() -> None:
    upload_id = with_thumbnail()
    put_object(upload_id, b"<html>", "image/png")
    assert confirm.apply_event(created(upload_id, 2)) == "rejected"
    assert thumbnails() == set()
    (info,) = find(FileFilter(owner=OWNER, state="rejected"), limit=9).files
    assert not info.has_thumbnail


def test_it_is_deleted_if_another_type_replaces_the_file() -> None:
    upload_id = with_thumbnail()
    put_object(upload_id, b"hello", "text/plain")
    assert confirm.apply_event(created(upload_id, 2)) == "stored"
    assert (record(upload_id).thumbnail, thumbnails(), queued()[1:]) == (None, set(), [])


@pytest.mark.parametrize("trashed", [False, True], ids=["stored", "in the trash"])
def test_it_is_made_again_if_another_image_replaces_the_file(trashed: bool) -> None:
    upload_id = with_thumbnail()
    if trashed:
        trash.move_to_trash([upload_id], ACTOR)
    queued()
    put_object(upload_id, OTHER, "image/png")
    assert confirm.apply_event(created(upload_id, 2)) == "stored"
    assert (record(upload_id).thumbnail, queued()) == (None, [upload_id])
    assert make.make(upload_id) == "made"
    assert record(upload_id).thumbnail == "40x40"


@pytest.mark.exhaustive
def test_it_is_made_again_if_the_file_comes_back() -> None:
    upload_id = with_thumbnail()
    queued()
    body = clients.s3().get_object(Bucket=conf().bucket, Key=keys.object_key(upload_id))
    content, metadata = body["Body"].read(), body["Metadata"]
    removal(upload_id, 9)
    clients.s3().put_object(
        Bucket=conf().bucket, Key=keys.object_key(upload_id), Body=content, Metadata=metadata,
        ContentType="image/png",
    )  # fmt: skip
    assert confirm.check(upload_id) == "confirmed"
    assert (record(upload_id).thumbnail, queued()) == (None, [upload_id])


def test_one_that_could_not_be_made_again_is_deleted() -> None:
    upload_id = with_thumbnail()
    tamper(upload_id, StoredFile.content_type.set("application/pdf"))
    assert make.make(upload_id, again=True) == "none"
    assert (record(upload_id).thumbnail, thumbnails()) == ("none", set())


def test_a_file_that_is_deleted_before_its_event_is_tried_again_later() -> None:
    upload_id = stored()
    s3.delete(upload_id)
    with pytest.raises(BackendUnavailable):
        make.make(upload_id)
    removal(upload_id, 9)
    assert make.make(upload_id) == "gone"
