"""Move files to the trash, restore or permanently delete them: many at once, each on its own.

The record is changed first. So of a restoration and a purge at the same time only one succeeds: a
file that is being purged cannot be restored, and one that was restored is not purged. IAM:
dynamodb:BatchGetItem, dynamodb:UpdateItem; s3:DeleteObject to delete; dynamodb:Query on the index
OwnerFeed to empty the trash.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from uploads.aws import s3
from uploads.core.conf import conf
from uploads.core.errors import FileBeingDeleted, FilehubError, FileNotFound
from uploads.files import batches, states, store
from uploads.files.batches import Actor, Result, permitted
from uploads.files.listing import FileFilter, find
from uploads.files.record import KEPT_STATES, OWNED_STATES, FileInfo, State, StoredFile, changed
from uploads.files.store import DecideOne

logger = logging.getLogger(__name__)

#: Files that one request to empty the trash deletes at most.
EMPTIED_AT_ONCE = 500

#: What an owner may delete, also before it was checked for malware and in quarantine. Operators may
#: also delete what is left of a rejected file.
_OWNERS_MAY_DELETE = KEPT_STATES
_OPERATORS_MAY_DELETE: tuple[State, ...] = (*KEPT_STATES, "rejected")
_IN_TRASH: tuple[State, ...] = ("trashed",)


@dataclass(frozen=True)
class Emptied:
    """How many files are being deleted, how many could not be, and whether there are more.

    `files` are those that are being deleted.
    """

    deleted: int
    failed: int
    more: bool
    files: tuple[FileInfo, ...] = ()


def move_to_trash(ids: Sequence[str], actor: Actor) -> list[Result]:
    """Move stored files to the trash; return a result for each id, in order.

    If there is no trash (`FILEHUB_TRASH_DAYS` is 0), they are deleted. Files in the trash stay
    there as they are. Errors: FileNotFound, FileBeingDeleted, BackendUnavailable. Raises
    BackendUnavailable if the records cannot be read.
    """
    keep_for = timedelta(days=conf().trash_days)
    if not keep_for:
        return delete(ids, actor)
    now = datetime.now(UTC)

    def decide(record: StoredFile | None) -> StoredFile:
        current = permitted(record, actor, OWNED_STATES)
        if states.is_being_purged(current):
            raise FileBeingDeleted
        if current.state == "trashed":
            return current
        return states.trashed(current, by=actor.by, now=now, keep_for=keep_for)

    return batches.change(ids, "trashed", decide)


def restore(ids: Sequence[str], actor: Actor) -> list[Result]:
    """Restore files from the trash; return a result for each id, in order.

    Stored files stay as they are. Errors: as for `move_to_trash`.
    """
    now = datetime.now(UTC)

    def decide(record: StoredFile | None) -> StoredFile:
        current = permitted(record, actor, OWNED_STATES)
        if states.is_being_purged(current):
            raise FileBeingDeleted
        if current.state == "stored":
            return current
        return states.restored(current, by=actor.by, now=now)

    return batches.change(ids, "stored", decide)


def delete(ids: Sequence[str], actor: Actor) -> list[Result]:
    """Permanently delete files, from the list or the trash; return a result for each, in order.

    The records follow when S3 reports the removals. The object of a file in the trash is certain to
    be deleted: if S3 fails, the next purge does it. Errors: FileNotFound, BackendUnavailable.
    """
    in_states = _OPERATORS_MAY_DELETE if actor.owner is None else _OWNERS_MAY_DELETE
    now = datetime.now(UTC)

    def decide(record: StoredFile | None) -> StoredFile:
        return _deleting(permitted(record, actor, in_states), by=actor.by, now=now)

    return batches.results(ids, "deleting", _delete(batches.parsed(ids), decide))


def empty(owner: str, *, limit: int = EMPTIED_AT_ONCE) -> Emptied:
    """Delete what is in an owner's trash, at most `limit` files. Raises BackendUnavailable.

    A file that was restored meanwhile is left alone.
    """
    page = find(FileFilter(owner=owner, state="trashed"), limit=limit)
    actor, now = Actor(owner, owner), datetime.now(UTC)

    def decide(record: StoredFile | None) -> StoredFile:
        return _deleting(permitted(record, actor, _IN_TRASH), by=actor.by, now=now)

    errors = batches.errors_of(_delete([info.id for info in page.files], decide))
    failed = sum(not isinstance(error, FileNotFound) for error in errors.values())
    deleted = tuple(info for info in page.files if info.id not in errors)
    return Emptied(len(deleted), failed, page.next_cursor is not None, deleted)


def purge(ids: Collection[str], now: datetime) -> int:
    """Delete those of these files that are in the trash and due at this time; return how many.

    Also those whose objects an earlier attempt has not deleted. Raises BackendUnavailable.
    """

    def decide(record: StoredFile | None) -> StoredFile:
        if record is None or record.state != "trashed" or (record.purge_at or now) > now:
            raise FileNotFound
        return _deleting(record, by=None, now=now)

    errors = batches.errors_of(_delete(ids, decide))
    for upload_id, cause in _failures(errors):
        logger.warning("%s was not purged: %r", upload_id, cause, extra={"upload_id": upload_id})
    return len(ids) - len(errors)


def expire(ids: Collection[str], now: datetime) -> int:
    """Move those of these files that have expired to the trash; return how many.

    If there is no trash, their objects are deleted. Raises BackendUnavailable.
    """
    keep_for = timedelta(days=conf().trash_days)

    def decide(record: StoredFile | None) -> StoredFile:
        if record is None or record.state != "stored" or not states.has_expired(record, now):
            raise FileNotFound
        if keep_for:
            return states.trashed(record, by=None, now=now, keep_for=keep_for)
        return _deleting(record, by=None, now=now)

    changes = store.change_many(ids, decide) if keep_for else _delete(ids, decide)
    errors = batches.errors_of(changes)
    for upload_id, cause in _failures(errors):
        about = {"upload_id": upload_id}
        logger.warning("%s has expired and was not trashed: %r", upload_id, cause, extra=about)
    return len(ids) - len(errors)


def _failures(errors: dict[str, FilehubError]) -> Iterator[tuple[str, BaseException]]:
    """The files that a later run has to try again, and why."""
    for upload_id, error in errors.items():
        if not isinstance(error, FileNotFound):
            yield upload_id, error.__cause__ or error


def _deleting(record: StoredFile, *, by: str | None, now: datetime) -> StoredFile:
    """The record of a file whose object is about to be deleted."""
    if states.is_being_purged(record):
        return record
    if record.state == "trashed":
        return states.purging(record, by=by, now=now)
    return changed(record, deletion_requested_at=now, deletion_requested_by=by)


def _delete(ids: Collection[str], decide: DecideOne) -> dict[str, store.Changed]:
    """Change the records, and then delete the objects of those that were; return the results."""
    changes = store.change_many(ids, decide)
    records = {key: item for key, item in changes.items() if isinstance(item, StoredFile)}
    failed = s3.delete_many(records)
    for upload_id in records.keys() - failed.keys():
        logger.info("deleted the object of %s", upload_id, extra={"upload_id": upload_id})
    for upload_id, error in failed.items():
        if records[upload_id].state != "trashed":
            changes[upload_id] = error
            continue
        cause = error.__cause__ or error
        logger.warning(
            "the object of %s will be deleted by the next purge: %r",
            upload_id,
            cause,
            extra={"upload_id": upload_id},
        )
    return changes
