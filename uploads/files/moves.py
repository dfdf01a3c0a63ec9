"""Rename and move files. Only their records change: objects keep their keys and metadata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from uploads.core import keys
from uploads.core.errors import FileNotFound, InvalidRequest
from uploads.core.folders import check_folder
from uploads.core.names import check_name
from uploads.files import store
from uploads.files.queries import MAX_IDS
from uploads.files.record import FileInfo, StoredFile, info_of
from uploads.files.states import in_state


@dataclass(frozen=True)
class Result:
    """What became of one of several files: moved, or the error."""

    id: str
    error: Exception | None = None


def update(
    upload_id: str, owner: str, by: str, *, file_name: str | None = None, folder: str | None = None
) -> FileInfo:
    """Change the name and the folder of a stored file of this owner; None leaves it as it is.

    `by` is the owner string of the user who requested it. Folders that do not exist are created.
    Raises InvalidRequest, FileNotFound and BackendUnavailable.
    """
    name = None if file_name is None else check_name(file_name)
    path = None if folder is None else check_folder(folder)
    parsed = keys.parse_upload_id(upload_id)
    if parsed is None:
        raise FileNotFound

    def changed_place(current: StoredFile | None) -> StoredFile:
        record = _renamed(_own(current, owner), name, by)
        return _moved(record, path, by)

    store.change(parsed, changed_place)
    return info_of(_own(store.get(parsed), owner))


def move(upload_ids: Iterable[str], owner: str, folder: str, by: str) -> list[Result]:
    """Move stored files of this owner to a folder; return a result for each id, in their order.

    Folders that do not exist are created. Raises InvalidRequest for an invalid folder or more than
    MAX_IDS ids, and BackendUnavailable.
    """
    path = check_folder(folder)
    requested = list(dict.fromkeys(upload_ids))
    if len(requested) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids at a time.", code="too_many_ids")
    parsed = {upload_id: keys.parse_upload_id(upload_id) for upload_id in requested}
    outcomes = store.change_all(
        filter(None, parsed.values()), lambda current: _moved(_own(current, owner), path, by)
    )
    results = []
    for upload_id in requested:
        outcome = outcomes.get(parsed[upload_id] or "", FileNotFound())
        results.append(Result(upload_id, outcome if isinstance(outcome, Exception) else None))
    return results


def move_from(upload_ids: Iterable[str], owner: str, folder: str, to: str, by: str) -> int:
    """Move those of these files that are still in `folder`; return how many.

    Raises BackendUnavailable.
    """

    def moved_if_there(current: StoredFile | None) -> StoredFile | None:
        if not _is_own(current, owner) or (current.folder or "") != folder:
            return None
        return _moved(current, to, by)

    outcomes = store.change_all(upload_ids, moved_if_there).values()
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return sum(outcome is True for outcome in outcomes)


def _own(record: StoredFile | None, owner: str) -> StoredFile:
    if not _is_own(record, owner):
        raise FileNotFound
    return record


def _is_own(record: StoredFile | None, owner: str) -> TypeGuard[StoredFile]:
    return record is not None and record.state == "stored" and record.owner == owner


def _renamed(record: StoredFile, name: str | None, by: str) -> StoredFile:
    if name is None or name == record.file_name:
        return record
    return in_state(
        record,
        "stored",
        file_name=name,
        renamed_at=datetime.now(UTC),
        renamed_by=by,
        renamed_from=record.file_name,
    )


def _moved(record: StoredFile, folder: str | None, by: str) -> StoredFile:
    if folder is None or folder == (record.folder or ""):
        return record
    return in_state(
        record,
        "stored",
        folder=folder or None,
        moved_at=datetime.now(UTC),
        moved_by=by,
        moved_from=record.folder,
    )
