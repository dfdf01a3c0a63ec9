"""Rename, move and label files. Only their records change: objects keep their keys and metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from uploads.core import keys
from uploads.core.errors import FilehubError, FileNotFound
from uploads.core.folders import check_folder
from uploads.core.labels import check_context, check_tags
from uploads.core.names import check_name
from uploads.files import batches, store
from uploads.files.batches import Actor, Result, permitted
from uploads.files.record import FileInfo, State, StoredFile, changed, info_of
from uploads.files.states import in_state

#: A file in the trash is restored to the place that it had.
_MAY_BE_MOVED: tuple[State, ...] = ("stored",)


def update(
    upload_id: str,
    actor: Actor,
    *,
    file_name: str | None = None,
    folder: str | None = None,
    tags: Sequence[str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> FileInfo:
    """Change name, folder, tags and context of a stored file; None leaves it as it is.

    Folders that do not exist are created. Raises InvalidRequest, FileNotFound and
    BackendUnavailable.
    """
    name = None if file_name is None else check_name(file_name)
    path = None if folder is None else check_folder(folder)
    changes: dict[str, Any] = {}
    if tags is not None:
        changes["tags"] = list(check_tags(tags)) or None
    if context is not None:
        changes["context"] = check_context(context) or None
    parsed = keys.parse_upload_id(upload_id)
    if parsed is None:
        raise FileNotFound

    def decide(current: StoredFile | None) -> StoredFile:
        record = _renamed(permitted(current, actor, _MAY_BE_MOVED), name, actor.by)
        return changed(_moved(record, path, actor.by), **changes)

    # Not read again: a removal right after this change would make it look like a failure.
    outcome = store.change_many([parsed], decide)[parsed]
    if isinstance(outcome, FilehubError):
        raise outcome
    return info_of(outcome)


def move(ids: Sequence[str], folder: str, actor: Actor) -> list[Result]:
    """Move stored files to a folder; return a result for each id, in order.

    Folders that do not exist are created. Errors: FileNotFound and BackendUnavailable. Raises
    InvalidRequest for an invalid folder, and BackendUnavailable if the records cannot be read.
    """
    path = check_folder(folder)

    def decide(current: StoredFile | None) -> StoredFile:
        return _moved(permitted(current, actor, _MAY_BE_MOVED), path, actor.by)

    return batches.change(ids, "moved", decide)


def move_from(ids: Iterable[str], folder: str, to: str, actor: Actor) -> int:
    """Move those of these files that are still in `folder`; return how many.

    Raises BackendUnavailable.
    """

    def decide(current: StoredFile | None) -> StoredFile:
        record = permitted(current, actor, _MAY_BE_MOVED)
        if (record.folder or "") != folder:
            raise FileNotFound
        return _moved(record, to, actor.by)

    outcomes = store.change_many(ids, decide).values()
    for each in outcomes:
        if isinstance(each, FilehubError) and not isinstance(each, FileNotFound):
            raise each
    return sum(isinstance(each, StoredFile) for each in outcomes)


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
