"""Routes of files and of the trash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from ninja import Query, Router
from ninja.responses import Status

from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import BackendUnavailable
from uploads.files import trash
from uploads.files.record import FileInfo
from uploads.models import Scope
from uploads.web.api import file_schemas, files
from uploads.web.api.auth import owner, requires
from uploads.web.api.file_schemas import (
    DownloadOut,
    EmptiedOut,
    EmptyRequest,
    FileIds,
    FilesQuery,
    PreviewOut,
    VersionOut,
)
from uploads.web.api.links import add_link
from uploads.web.api.v1.app import api
from uploads.web.api.v1.responses import errors
from uploads.web.api.v1.schemas import (
    ChangedFiles,
    File,
    FileChanges,
    FilePage,
    FilesToMove,
    StateOfFile,
)
from uploads.web.api.v1.states import own_file, while_in

router = Router(tags=["files"])
_TRASH = ["trash"]


def _change(
    request: AuthenticatedHttpRequest,
    file_id: str,
    change: Callable[[AuthenticatedHttpRequest, FileIds], file_schemas.ChangedFiles],
) -> StateOfFile:
    """Move one file to the trash, or restore it, with the function for many."""
    file = own_file(file_id, owner(request), "stored", "trashed")
    (result,) = change(request, FileIds(ids=[file.id])).results
    if isinstance(result, file_schemas.FileState):
        return StateOfFile.model_validate(result.model_dump())
    # The state has changed meanwhile.
    own_file(file_id, owner(request), "stored", "trashed")
    raise BackendUnavailable


@router.get("", response={200: FilePage, **errors()}, auth=requires(Scope.READ))
def list_files(
    request: AuthenticatedHttpRequest, response: HttpResponse, query: Query[FilesQuery]
) -> dict[str, Any]:
    """List your files, newest first. A page of a search may have few files and still not be the
    last one.
    """
    page = files.page_of(owner(request), query)
    add_link(request, response, query, page.next_cursor)
    return {"items": page.files, "next_cursor": page.next_cursor, "examined": page.examined}


# These must precede the routes of one file, which would match them as an id.
@router.get(
    "/version", response={200: VersionOut, 304: None, **errors()}, auth=requires(Scope.READ)
)
def get_version(request: AuthenticatedHttpRequest, response: HttpResponse) -> Status[Any]:
    """Return a number that changes whenever your list does: cheap to poll, with `If-None-Match`."""
    return files.list_version(request, response)


@router.post("/move", response={200: ChangedFiles, **errors(413)}, auth=requires(Scope.UPLOAD))
def move_files(request: AuthenticatedHttpRequest, body: FilesToMove) -> ChangedFiles:
    """Move up to 100 files to a folder; each has a result or an error of its own."""
    return ChangedFiles.of(files.move_files(request, body))


@router.post(
    "/trash", response={200: ChangedFiles, **errors(413)}, auth=requires(Scope.DELETE), tags=_TRASH
)
def trash_files(request: AuthenticatedHttpRequest, body: FileIds) -> ChangedFiles:
    """Move up to 100 files to the trash; each has a result or an error of its own.

    If there is no trash, they are permanently deleted.
    """
    return ChangedFiles.of(files.trash_files(request, body))


@router.post(
    "/restore",
    response={200: ChangedFiles, **errors(413)},
    auth=requires(Scope.DELETE),
    tags=_TRASH,
)
def restore_files(request: AuthenticatedHttpRequest, body: FileIds) -> ChangedFiles:
    """Restore up to 100 files from the trash; each has a result or an error of its own."""
    return ChangedFiles.of(files.restore_files(request, body))


@router.post("/delete", response={200: ChangedFiles, **errors(413)}, auth=requires(Scope.DELETE))
def delete_files(request: AuthenticatedHttpRequest, body: FileIds) -> ChangedFiles:
    """Permanently delete up to 100 files; each has a result or an error of its own."""
    return ChangedFiles.of(files.delete_files(request, body))


@router.post(
    "/trash/empty",
    response={200: EmptiedOut, **errors(413)},
    auth=requires(Scope.DELETE),
    tags=_TRASH,
)
def empty_trash(
    request: AuthenticatedHttpRequest, body: EmptyRequest | None = None
) -> trash.Emptied:
    """Permanently delete up to 500 files from the trash. `more` says whether some are left."""
    return files.empty_trash(request, body)


@router.get("/{file_id}", response={200: File, **errors(404)}, auth=requires(Scope.READ))
def get_file(request: AuthenticatedHttpRequest, file_id: str) -> FileInfo:
    """Return one file, in any state."""
    return own_file(file_id, owner(request))


@router.patch(
    "/{file_id}", response={200: File, **errors(404, 409, 413)}, auth=requires(Scope.UPLOAD)
)
def change_file(request: AuthenticatedHttpRequest, file_id: str, body: FileChanges) -> FileInfo:
    """Rename a stored file, move it to another folder, or both."""
    return while_in(
        file_id, owner(request), "stored", call=lambda: files.change_file(request, file_id, body)
    )


@router.delete(
    "/{file_id}", response={202: StateOfFile, **errors(404, 409)}, auth=requires(Scope.DELETE)
)
def delete_file(
    request: AuthenticatedHttpRequest, response: HttpResponse, file_id: str
) -> Status[Any]:
    """Permanently delete a file, also from the trash. Safe to repeat.

    The state is `deleting`, or `deleted` if S3 has reported it already.
    """
    response["Location"] = request.path
    file = own_file(file_id, owner(request), "stored", "trashed", "deleting", "deleted")
    if file.state == "deleted":
        return Status(202, StateOfFile(id=file.id, state="deleted"))
    files.delete_file(request, file_id)
    return Status(202, StateOfFile(id=file.id, state="deleting"))


@router.post(
    "/{file_id}/trash",
    response={200: StateOfFile, **errors(404, 409)},
    auth=requires(Scope.DELETE),
    tags=_TRASH,
)
def trash_file(request: AuthenticatedHttpRequest, file_id: str) -> StateOfFile:
    """Move a file to the trash. If there is no trash, it is permanently deleted."""
    return _change(request, file_id, files.trash_files)


@router.post(
    "/{file_id}/restore",
    response={200: StateOfFile, **errors(404, 409)},
    auth=requires(Scope.DELETE),
    tags=_TRASH,
)
def restore_file(request: AuthenticatedHttpRequest, file_id: str) -> StateOfFile:
    """Restore a file from the trash."""
    return _change(request, file_id, files.restore_files)


@router.get(
    "/{file_id}/download",
    response={200: DownloadOut, **errors(404, 409)},
    auth=requires(Scope.READ),
)
def get_download(
    request: AuthenticatedHttpRequest, file_id: str, inline: bool = False
) -> DownloadOut | HttpResponse:
    """Presign a GET. `inline` lets browsers show the file if its type is safe."""
    return while_in(
        file_id,
        owner(request),
        "stored",
        call=lambda: files.download_file(request, file_id, inline=inline),
    )


@router.get(
    "/{file_id}/preview", response={200: PreviewOut, **errors(404, 409)}, auth=requires(Scope.READ)
)
def get_preview(request: AuthenticatedHttpRequest, file_id: str) -> Any:
    """Presign a GET with which a browser shows the file, or say why browsers cannot."""
    return while_in(
        file_id, owner(request), "stored", call=lambda: files.preview_file(request, file_id)
    )


api.add_router("/files", router)
