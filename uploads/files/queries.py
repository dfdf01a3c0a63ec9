"""Read single files and the status of uploads. For lists see `uploads.files.listing`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.conf import settings

from uploads.aws.dynamodb import batch_get
from uploads.core import keys, type_lists
from uploads.core.errors import FileNotFound, InvalidRequest, UploadNotFound
from uploads.core.folders import check_folder
from uploads.core.reasons import NO_REASON, Reason
from uploads.files import browse, store
from uploads.files.listing import FileFilter, Page, find
from uploads.files.record import FileInfo, State, StoredFile, info_of

#: BatchGetItem accepts at most 100 keys.
MAX_IDS = 100


@dataclass(frozen=True)
class UploadStatus:
    """The status of an upload. `file` is set while it is stored."""

    id: str
    state: Literal["pending", "scanning", "stored", "trashed", "rejected", "deleted"]
    reason: Reason = NO_REASON
    file: FileInfo | None = None


def stored_file(upload_id: str, owner: str) -> FileInfo:
    """One stored file of this owner. Raises FileNotFound, including for other owners' files."""
    record = _record(upload_id)
    if record is None or record.state != "stored" or record.owner != owner:
        raise FileNotFound
    return info_of(record)


def own_file(upload_id: str, owner: str) -> FileInfo | None:
    """One file of this owner in any state; None for unknown ids and for other owners' files."""
    record = _record(upload_id)
    return info_of(record) if record is not None and record.owner == owner else None


def any_file(upload_id: str) -> FileInfo | None:
    """One file in any state and of any owner, for the admin."""
    record = _record(upload_id)
    return info_of(record) if record else None


def any_files(upload_ids: Iterable[str]) -> list[FileInfo]:
    """Those of these files that exist, in the order of the ids, at most MAX_IDS of them."""
    requested = list(dict.fromkeys(filter(None, map(keys.parse_upload_id, upload_ids))))[:MAX_IDS]
    records = {
        record.id: record for record in batch_get(StoredFile, requested, consistent_read=True)
    }
    return [info_of(records[upload_id]) for upload_id in requested if upload_id in records]


def any_stored_file(upload_id: str) -> FileInfo:
    """One stored file of any owner, for the admin. Raises FileNotFound."""
    info = any_file(upload_id)
    if info is None or info.state != "stored":
        raise FileNotFound
    return info


def upload_status(upload_id: str, owner: str) -> UploadStatus:
    """The status of one upload. Raises UploadNotFound unless this owner started it."""
    statuses = upload_statuses([upload_id], owner)
    if not statuses:
        raise UploadNotFound
    return statuses[0]


def upload_statuses(upload_ids: list[str], owner: str) -> list[UploadStatus]:
    """The status of several uploads, in the order of the ids, without unknown and foreign ids.

    Raises InvalidRequest for more than MAX_IDS.
    """
    if len(upload_ids) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids at a time.", code="too_many_ids")
    requested = list(dict.fromkeys(filter(None, map(keys.parse_upload_id, upload_ids))))
    records = {
        record.id: record for record in batch_get(StoredFile, requested, consistent_read=True)
    }
    secrets = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    statuses = []
    for upload_id in requested:
        record = records.get(upload_id)
        # The tombstone of an object that was never confirmed has no owner, but the id has a tag.
        issued = (record is None or record.owner is None) and keys.was_issued_to(
            upload_id, owner, secrets
        )
        if record is not None and (record.owner == owner or issued):
            info = info_of(record)
            statuses.append(
                UploadStatus(
                    upload_id,
                    "rejected" if info.state == "quarantined" else info.state,
                    info.reason,
                    info if info.state == "stored" else None,
                )
            )
        elif issued:
            statuses.append(UploadStatus(upload_id, "pending"))
    return statuses


def recorded(upload_ids: Iterable[str]) -> set[str]:
    """Which of these ids (at most MAX_IDS) have a record, in any state."""
    return {record.id for record in batch_get(StoredFile, upload_ids, consistent_read=True)}


def files_of(
    owner: str,
    *,
    limit: int,
    cursor: str | None = None,
    search: str = "",
    name: str = "",
    folder: str = "",
    kind: type_lists.Kind | None = None,
    state: State = "stored",
    tag: str = "",
) -> Page:
    """A page of one user's files of one state, of all folders, newest first.

    Optionally only those whose name contains `search` (whatever the case and the accents) or is
    exactly `name`, those within `folder`, those of a type group, and those with a tag.
    Raises the same errors as `uploads.files.listing.find`.
    """
    criteria = FileFilter(
        state=state, owner=owner, name=search, exact_name=name, folder=folder, kind=kind, tag=tag
    )
    return find(criteria, limit=limit, cursor=cursor)


def files_in(
    owner: str,
    folder: str,
    *,
    limit: int,
    cursor: str | None = None,
    sort: browse.Sort = "-date",
    kind: type_lists.Kind | None = None,
) -> browse.FolderPage:
    """A page of the stored files directly in one folder of a user, without subfolders.

    Raises InvalidRequest for an invalid folder or cursor, and BackendUnavailable.
    """
    path = check_folder(folder)
    return browse.contents(
        owner, path, limit=limit, cursor=cursor, sort=sort, kind=kind, only_files=True
    )


def _record(upload_id: str) -> StoredFile | None:
    parsed = keys.parse_upload_id(upload_id)
    return store.get(parsed) if parsed else None
