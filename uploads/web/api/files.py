"""The API's routes of files."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from ninja import Query, Router
from ninja.responses import Status

from uploads.accounts.audit.record import check_writable
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import InvalidRequest
from uploads.core.folders import check_folder
from uploads.core.labels import check_tag
from uploads.files import actions, moves, queries, trash, usage
from uploads.files.browse import FolderPage
from uploads.files.listing import Page
from uploads.files.record import FileInfo
from uploads.models import AuditAction, Scope
from uploads.web.api import auditing
from uploads.web.api.auth import owner, requires
from uploads.web.api.changes import actor_of, change_files
from uploads.web.api.file_schemas import (
    ChangedFiles,
    DeletingOut,
    DownloadOut,
    EmptiedOut,
    EmptyRequest,
    FileChanges,
    FileDetailOut,
    FileIds,
    FilesQuery,
    ListedFileOut,
    MoveRequest,
    PreviewOut,
    VersionOut,
)
from uploads.web.api.links import add_link
from uploads.web.api.schemas import ERRORS
from uploads.web.navigation import is_navigation

router = Router(tags=["files"])


@router.get(
    "", response={200: list[ListedFileOut], **ERRORS}, auth=requires(Scope.READ), exclude_none=True
)
def file_list(
    request: AuthenticatedHttpRequest, response: HttpResponse, query: Query[FilesQuery]
) -> list[FileInfo]:
    """List your files, newest first. The `Link` header has the URL of the next page."""
    page = page_of(owner(request), query)
    add_link(request, response, query, page.next_cursor)
    if page.examined is not None:
        response["X-Filehub-Examined"] = str(page.examined)
    return page.files


def page_of(caller: str, query: FilesQuery) -> Page | FolderPage:
    """A page of one folder, or of all: with a search, without a folder, or of another state."""
    in_folder = query.folder is not None and query.state == "stored"
    if in_folder and not (query.q or query.name or query.tag):
        return queries.files_in(
            caller,
            query.folder or "",
            limit=query.limit,
            cursor=query.cursor,
            sort=query.sort,
            kind=query.kind,
        )
    if query.sort != "-date":
        raise InvalidRequest(
            "Only the files of one folder can be sorted in another order.", code="invalid_sort"
        )
    return queries.files_of(
        caller,
        limit=query.limit,
        cursor=query.cursor,
        search=query.q,
        name=query.name,
        folder=check_folder(query.folder or ""),
        kind=query.kind,
        state=query.state,
        tag=check_tag(query.tag) if query.tag else "",
    )


# These must precede the routes of one file, which would match them as an id.
@router.get("/version", response={200: VersionOut, 304: None, **ERRORS}, auth=requires(Scope.READ))
def list_version(request: AuthenticatedHttpRequest, response: HttpResponse) -> Status[Any]:
    """Return a number that changes whenever your list does: cheap to poll, with `If-None-Match`."""
    version = usage.changes_of(owner(request))
    response["ETag"] = etag = f'"{version}"'
    response["Cache-Control"] = "private, no-cache"
    conditional = get_conditional_response(request, etag=etag)
    if conditional is not None and conditional.status_code == 304:
        return Status(304, None)
    return Status(200, VersionOut(version=version))


@router.post("/move", response={200: ChangedFiles, **ERRORS}, auth=requires(Scope.UPLOAD))
def move_files(request: AuthenticatedHttpRequest, body: MoveRequest) -> ChangedFiles:
    """Move up to 100 files to a folder; each has a result or an error of its own."""
    return change_files(
        request,
        body.ids,
        lambda ids, who: moves.move(ids, body.folder, who),
        AuditAction.FILE_CHANGED,
        detail=auditing.place(body.folder),
    )


@router.post("/trash", response={200: ChangedFiles, **ERRORS}, auth=requires(Scope.DELETE))
def trash_files(request: AuthenticatedHttpRequest, body: FileIds) -> ChangedFiles:
    """Move up to 100 files to the trash; each has a result or an error of its own.

    If there is no trash (`FILEHUB_TRASH_DAYS` is 0), they are permanently deleted.
    """
    return change_files(request, body.ids, trash.move_to_trash, AuditAction.FILE_TRASHED)


@router.post("/restore", response={200: ChangedFiles, **ERRORS}, auth=requires(Scope.DELETE))
def restore_files(request: AuthenticatedHttpRequest, body: FileIds) -> ChangedFiles:
    """Restore up to 100 files from the trash; each has a result or an error of its own."""
    return change_files(request, body.ids, trash.restore, AuditAction.FILE_RESTORED)


@router.post("/delete", response={200: ChangedFiles, **ERRORS}, auth=requires(Scope.DELETE))
def delete_files(request: AuthenticatedHttpRequest, body: FileIds) -> ChangedFiles:
    """Permanently delete up to 100 files, even from the trash; each has a result or an error."""
    return change_files(request, body.ids, trash.delete, AuditAction.FILE_DELETED)


@router.post("/trash/empty", response={200: EmptiedOut, **ERRORS}, auth=requires(Scope.DELETE))
def empty_trash(
    request: AuthenticatedHttpRequest, body: EmptyRequest | None = None
) -> trash.Emptied:
    """Permanently delete up to 500 files from the trash. `more` says whether some are left."""
    check_writable()
    emptied = trash.empty(owner(request), limit=body.limit if body else trash.EMPTIED_AT_ONCE)
    auditing.files_event(request, AuditAction.FILE_DELETED, emptied.files)
    return emptied


@router.get("/{file_id}", response={200: FileDetailOut, **ERRORS}, auth=requires(Scope.READ))
def file_detail(request: AuthenticatedHttpRequest, file_id: str) -> FileInfo:
    """Return one file."""
    return queries.stored_file(file_id, owner(request))


@router.get("/{file_id}/download", response={200: DownloadOut, **ERRORS}, auth=requires(Scope.READ))
def download_file(
    request: AuthenticatedHttpRequest, file_id: str, redirect: bool = False, inline: bool = False
) -> DownloadOut | HttpResponse:
    """Presign a GET. `inline=1` displays the file in the browser if its type is safe.

    Browsers that open this address are always redirected, as with `redirect=1`.
    """
    info = queries.stored_file(file_id, owner(request))
    url, expires_at = actions.sign_download(info, owner(request), inline=inline)
    auditing.files_event(request, AuditAction.DOWNLOAD_SIGNED, [info])
    if redirect or is_navigation(request):
        response = HttpResponseRedirect(url)
        response["Cache-Control"] = "no-store"
        return response
    return DownloadOut(url=url, expires_at=expires_at)


@router.get("/{file_id}/preview", response={200: PreviewOut, **ERRORS}, auth=requires(Scope.READ))
def preview_file(request: AuthenticatedHttpRequest, file_id: str) -> actions.Preview:
    """Presign a GET with which a browser shows the file, or say why browsers cannot."""
    info = queries.stored_file(file_id, owner(request))
    preview = actions.preview(info)
    if preview.url is not None:
        auditing.files_event(request, AuditAction.PREVIEW_SIGNED, [info])
    return preview


@router.patch("/{file_id}", response={200: FileDetailOut, **ERRORS}, auth=requires(Scope.UPLOAD))
def change_file(request: AuthenticatedHttpRequest, file_id: str, body: FileChanges) -> FileInfo:
    """Change name, folder, tags or context of a file. The object stays as it is."""
    changes = body.model_dump(exclude_none=False)
    if all(value is None for value in changes.values()):
        raise InvalidRequest("Missing file_name, folder, tags or context", code="missing_changes")
    check_writable()
    info = moves.update(file_id, actor_of(request), **changes)
    details = []
    if body.file_name is not None:
        details.append(f"name was {info.renamed_from}" if info.renamed_from else "name unchanged")
    if body.folder is not None:
        details.append(auditing.place(info.folder))
    details += [f"{name} set" for name in ("tags", "context") if changes[name] is not None]
    auditing.files_event(request, AuditAction.FILE_CHANGED, [info], detail="; ".join(details))
    return info


@router.delete("/{file_id}", response={200: DeletingOut, **ERRORS}, auth=requires(Scope.DELETE))
def delete_file(request: AuthenticatedHttpRequest, file_id: str) -> DeletingOut:
    """Permanently delete the file, including from the trash; the record follows S3's event."""
    check_writable()
    (result,) = trash.delete([file_id], actor_of(request))
    auditing.files_changed(request, AuditAction.FILE_DELETED, [result])
    if result.error is not None:
        raise result.error
    return DeletingOut(id=result.id.lower())
