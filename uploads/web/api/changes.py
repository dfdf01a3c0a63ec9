"""Change many files in one request: each has a result of its own."""

from __future__ import annotations

from uploads.accounts.audit.record import check_writable
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import InvalidRequest
from uploads.files.batches import MAX_IDS, Actor, ChangeMany, Result
from uploads.models import AuditAction
from uploads.web.api import auditing
from uploads.web.api.auth import owner
from uploads.web.api.file_schemas import ChangedFiles, FailedChange, FileState


def change_files(
    request: AuthenticatedHttpRequest,
    ids: list[str],
    change: ChangeMany,
    action: AuditAction,
    *,
    detail: str = "",
) -> ChangedFiles:
    """Apply a change to the caller's files with these ids, and record it as this action.

    Nothing is changed unless it can be recorded. Raises InvalidRequest if these are not 1 to
    MAX_IDS, and BackendUnavailable or DatabaseError.
    """
    if not ids:
        raise InvalidRequest("Missing ids", code="missing_ids")
    if len(ids) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids at a time.", code="too_many_ids")
    check_writable()
    results = change(ids, actor_of(request))
    auditing.files_changed(request, action, results, detail=detail)
    return ChangedFiles(results=[_out(result) for result in results])


def actor_of(request: AuthenticatedHttpRequest) -> Actor:
    """The caller, who may change their own files only."""
    caller = owner(request)
    return Actor(by=caller, owner=caller)


def _out(result: Result) -> FileState | FailedChange:
    if result.error is not None:
        return FailedChange(id=result.id, error=result.error.message, code=result.error.code)
    return FileState(id=result.id, state=result.state)
