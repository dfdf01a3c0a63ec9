"""The API's routes of folders."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Query, Router
from ninja.responses import Status

from uploads.accounts.audit.record import check_writable
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import InvalidRequest
from uploads.core.folders import check_folder
from uploads.files import browse, folder_actions
from uploads.ingest import tasks
from uploads.models import AuditAction, Scope
from uploads.web.api import auditing
from uploads.web.api.auth import owner, requires
from uploads.web.api.file_schemas import (
    FolderContents,
    FolderMoveRequest,
    FolderQuery,
    FolderRequest,
    FolderState,
)
from uploads.web.api.links import add_link
from uploads.web.api.schemas import (
    ERRORS,
)

router = Router(tags=["folders"])


@router.get("", response={200: FolderContents, **ERRORS}, auth=requires(Scope.READ))
def folder_contents(
    request: AuthenticatedHttpRequest, response: HttpResponse, query: Query[FolderQuery]
) -> dict[str, Any]:
    """Return a folder and a page of what is in it. Newest first and A–Z begin with subfolders."""
    caller = owner(request)
    found = folder_actions.info(caller, query.folder)
    page = browse.contents(
        caller,
        found.folder,
        limit=query.limit,
        cursor=query.cursor,
        sort=query.sort,
        kind=query.kind,
    )
    add_link(request, response, query, page.next_cursor)
    return {
        "folder": found,
        "folders": page.folders,
        "files": page.files,
        "next_cursor": page.next_cursor,
    }


@router.post(
    "", response={200: FolderState, 201: FolderState, **ERRORS}, auth=requires(Scope.UPLOAD)
)
def create_folder(request: AuthenticatedHttpRequest, body: FolderRequest) -> Status[Any]:
    """Create an empty folder, and those that contain it; 200 if it exists already."""
    check_writable()
    is_new = folder_actions.create(owner(request), body.folder)
    if is_new:
        auditing.folder_event(request, AuditAction.FOLDER_CREATED, check_folder(body.folder))
    state = FolderState(folder=check_folder(body.folder), state="created" if is_new else "exists")
    return Status(201 if is_new else 200, state)


@router.delete("", response={204: None, **ERRORS}, auth=requires(Scope.DELETE))
def delete_folder(request: AuthenticatedHttpRequest, folder: str = "") -> Status[Any]:
    """Delete an empty folder."""
    if not folder:
        raise InvalidRequest("Missing folder", code="missing_folder")
    check_writable()
    folder_actions.delete(owner(request), folder)
    auditing.folder_event(request, AuditAction.FOLDER_DELETED, check_folder(folder))
    return Status(204, None)


@router.patch(
    "", response={200: FolderState, 202: FolderState, **ERRORS}, auth=requires(Scope.UPLOAD)
)
def move_folder(request: AuthenticatedHttpRequest, body: FolderMoveRequest) -> Status[Any]:
    """Move or rename a folder with all that is in it; 202 if the rest is moved in the background.

    Repeating the request is harmless.
    """
    caller = owner(request)
    to = check_folder(body.to)
    check_writable()
    is_complete = folder_actions.move(caller, body.folder, to, caller)
    source = check_folder(body.folder)
    auditing.folder_event(request, AuditAction.FOLDER_MOVED, source, detail=f"to {to}")
    if is_complete:
        return Status(200, FolderState(folder=to, state="moved"))
    tasks.enqueue_folder_move(caller, source, to, caller)
    return Status(202, FolderState(folder=to, state="moving"))
