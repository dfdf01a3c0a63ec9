"""What the API's routes record in the audit log."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest

from uploads.accounts.audit.record import Target, record
from uploads.core.errors import FileNotFound
from uploads.files.batches import NewState, Result
from uploads.files.record import FileInfo
from uploads.models import AuditAction, AuditOutcome

#: What became of a file -> what was done to it. Without a trash, trashing deletes.
_ACTIONS: dict[NewState | None, AuditAction] = {
    "stored": AuditAction.FILE_RESTORED,
    "trashed": AuditAction.FILE_TRASHED,
    "deleting": AuditAction.FILE_DELETED,
    "moved": AuditAction.FILE_CHANGED,
}


def upload_signed(request: HttpRequest, upload_id: str, file_name: str) -> None:
    """Record that an upload was signed, whether in one request or in parts."""
    record(request, AuditAction.UPLOAD_SIGNED, [Target("file", upload_id, file_name)])


def files_event(
    request: HttpRequest, action: AuditAction, files: Iterable[FileInfo], *, detail: str = ""
) -> None:
    """Record an action on files."""
    record(request, action, [Target("file", file.id, file.file_name, detail) for file in files])


def place(folder: str) -> str:
    """The detail of a move: where the file is now."""
    return f"now in {folder}" if folder else "now at the top level"


def folder_event(
    request: HttpRequest, action: AuditAction, folder: str, *, detail: str = ""
) -> None:
    """Record an action on a folder of the caller. Its id is its path."""
    record(request, action, [Target("folder", folder, folder, detail)])


def uploads_signed(request: HttpRequest, uploads: Iterable[tuple[str, str]]) -> None:
    """Record uploads that were signed together, by id and file name, with one INSERT."""
    targets = [Target("file", upload_id, name) for upload_id, name in uploads]
    record(request, AuditAction.UPLOAD_SIGNED, targets)


def files_changed(
    request: HttpRequest, action: AuditAction, results: Iterable[Result], *, detail: str = ""
) -> None:
    """Record what happened to each of many files, with an INSERT for each kind of change.

    `action` is what was requested. Files that the caller does not have are left out: nothing
    happened to them.
    """
    by_action: dict[AuditAction, list[Target]] = {}
    for result in results:
        if isinstance(result.error, FileNotFound):
            continue
        if result.error is not None:
            target = Target("file", result.id, "", result.error.code, AuditOutcome.FAILED)
        else:
            target = Target("file", result.id.lower(), result.file_name, detail)
        by_action.setdefault(_ACTIONS.get(result.state, action), []).append(target)
    for done, targets in by_action.items():
        record(request, done, targets)
