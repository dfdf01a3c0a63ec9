"""Reads of single files and of where uploads stand. Lists come from `uploads.files.listing`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from uploads.aws.dynamodb import batch_get
from uploads.core import keys
from uploads.core.errors import FileNotFound, InvalidRequest, UploadNotFound
from uploads.files import store
from uploads.files.listing import FileFilter, Page, find
from uploads.files.record import FileInfo, StoredFile, info_of

#: DynamoDB's BatchGetItem takes at most 100 keys.
MAX_IDS = 100


@dataclass(frozen=True)
class UploadStatus:
    """Where an upload stands. `file` is there once it is stored."""

    id: str
    state: Literal["pending", "stored", "rejected", "deleted"]
    reason: str = ""
    file: FileInfo | None = None


def stored_file(upload_id: str, owner: str) -> FileInfo:
    """One stored file of this owner. Raises FileNotFound, also for other people's files."""
    record = _record(upload_id)
    if record is None or record.state != "stored" or record.owner != owner:
        raise FileNotFound
    return info_of(record)


def any_file(upload_id: str) -> FileInfo | None:
    """One file in whatever state, of whatever owner: for the admin."""
    record = _record(upload_id)
    return info_of(record) if record else None


def any_files(upload_ids: Iterable[str]) -> list[FileInfo]:
    """The files with these ids that exist, in the order asked, at most MAX_IDS of them."""
    wanted = list(dict.fromkeys(filter(None, map(keys.parse_upload_id, upload_ids))))[:MAX_IDS]
    found = {record.id: record for record in batch_get(StoredFile, wanted, consistent_read=True)}
    return [info_of(found[upload_id]) for upload_id in wanted if upload_id in found]


def any_stored_file(upload_id: str) -> FileInfo:
    """One stored file of whatever owner: for the admin. Raises FileNotFound."""
    info = any_file(upload_id)
    if info is None or info.state != "stored":
        raise FileNotFound
    return info


def upload_status(upload_id: str, owner: str) -> UploadStatus:
    """Where one upload stands. Raises UploadNotFound unless this owner started it."""
    statuses = upload_statuses([upload_id], owner)
    if not statuses:
        raise UploadNotFound
    return statuses[0]


def upload_statuses(upload_ids: list[str], owner: str) -> list[UploadStatus]:
    """Where several uploads stand, in the order asked; unknown and foreign ids are left out.

    Raises InvalidRequest for more than MAX_IDS.
    """
    if len(upload_ids) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids at a time.", code="too_many_ids")
    wanted = list(dict.fromkeys(filter(None, map(keys.parse_upload_id, upload_ids))))
    found = {record.id: record for record in batch_get(StoredFile, wanted, consistent_read=True)}
    secrets = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    statuses = []
    for upload_id in wanted:
        record = found.get(upload_id)
        # An object that was removed unseen left a tombstone without an owner; the id still tells.
        issued = (record is None or record.owner is None) and keys.was_issued_to(
            upload_id, owner, secrets
        )
        if record is not None and (record.owner == owner or issued):
            info = info_of(record)
            statuses.append(
                UploadStatus(
                    upload_id, info.state, info.reason, info if info.state == "stored" else None
                )
            )
        elif issued:
            statuses.append(UploadStatus(upload_id, "pending"))
    return statuses


def recorded(upload_ids: Iterable[str]) -> set[str]:
    """Which of these ids (at most MAX_IDS) have a record, in whatever state."""
    return {record.id for record in batch_get(StoredFile, upload_ids, consistent_read=True)}


def files_of(
    owner: str, *, limit: int, cursor: str | None = None, prefix: str = "", name: str = ""
) -> Page:
    """A page of one user's stored files, newest first.

    Optionally only those whose name begins with `prefix`, in any case, or is exactly `name`.
    Raises as `uploads.files.listing.find` does.
    """
    wanted = FileFilter(owner=owner, name=prefix, exact_name=name)
    return find(wanted, limit=limit, cursor=cursor)


def _record(upload_id: str) -> StoredFile | None:
    parsed = keys.parse_upload_id(upload_id)
    return store.get(parsed) if parsed else None
