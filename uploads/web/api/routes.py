"""The API's routes. Each is thin and calls one function of the layers below."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from ninja import Query
from ninja.responses import Status

from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.aws import multipart
from uploads.core.errors import InvalidRequest
from uploads.core.folders import check_folder
from uploads.files import actions, moves, queries, quotas, usage
from uploads.files.browse import FolderPage
from uploads.files.listing import Page
from uploads.files.record import FileInfo
from uploads.ingest import tasks
from uploads.models import Scope
from uploads.transfers import begin, parts, tokens
from uploads.web.api import batch, companion, folders
from uploads.web.api.app import COMPANION, api
from uploads.web.api.auth import owner, requires
from uploads.web.api.links import add_link
from uploads.web.api.schemas import (
    ERRORS,
    AcceptedOut,
    BatchOut,
    BatchRequest,
    DeletingOut,
    DownloadOut,
    FileChanges,
    FileOut,
    FilesQuery,
    MovedFile,
    MoveOut,
    MoveRequest,
    MultipartUpload,
    PartOut,
    PartsRequest,
    SignedPart,
    SignedParts,
    SignedUpload,
    TokenRequest,
    UploadOut,
    UploadRequest,
    UrlRequest,
    VersionOut,
)
from uploads.web.api.throttling import SIGN_RATES
from uploads.web.navigation import is_navigation


def _token(
    request: AuthenticatedHttpRequest, upload_id: str, text: str | None
) -> tokens.UploadToken:
    return tokens.read(text or "", upload_id=upload_id, owner=owner(request))


@api.post(
    "/get-url",
    response={200: SignedUpload, **ERRORS},
    tags=["upload"],
    throttle=SIGN_RATES,
    auth=requires(Scope.UPLOAD),
)
def get_url(request: AuthenticatedHttpRequest, body: UrlRequest) -> SignedUpload:
    """Presign a PUT. Nothing is recorded until the object is in the bucket."""
    begun = begin.begin_put(
        owner(request),
        file_name=body.file_name,
        folder=body.folder,
        content_type=body.content_type,
        size=body.size,
        sha256=body.sha256,
        quota=quotas.limit_of(request.user),
    )
    return SignedUpload.of(begun)


@api.post(
    "/uploads",
    response={201: SignedUpload | MultipartUpload, **ERRORS},
    tags=["upload"],
    throttle=SIGN_RATES,
    auth=requires(Scope.UPLOAD),
)
def begin_upload(request: AuthenticatedHttpRequest, body: UploadRequest) -> Status[Any]:
    """Begin an upload of known size: a presigned PUT, or a multipart token for a large file."""
    begun = begin.begin_upload(owner(request), body.as_file(), quota=quotas.limit_of(request.user))
    if isinstance(begun, begin.StartedUpload):
        return Status(201, SignedUpload.of(begun))
    return Status(201, MultipartUpload.of(begun))


# Must precede the routes of one upload, which would match "batch" as an id.
@api.post(
    "/uploads/batch",
    response={200: BatchOut, **ERRORS},
    tags=["upload"],
    exclude_none=True,
    auth=requires(Scope.UPLOAD),
)
def begin_batch(request: AuthenticatedHttpRequest, body: BatchRequest) -> BatchOut:
    """Begin up to 100 uploads, as `POST /uploads` does; each has a result or an error of its own.

    Each file counts as a request. The sum of the files must fit into the quota.
    """
    return batch.begin_uploads(request, body.files)


@api.post(
    "/uploads/{upload_id}/parts",
    response={200: SignedParts, **ERRORS},
    tags=["parts"],
    throttle=SIGN_RATES,
    auth=requires(Scope.UPLOAD),
)
def sign_parts(
    request: AuthenticatedHttpRequest, upload_id: str, body: PartsRequest
) -> SignedParts:
    """Presign some parts. Call this just before sending them: URLs expire before the token does."""
    token = _token(request, upload_id, body.token)
    signed = parts.sign_parts(token, [(part.part_number, part.sha256) for part in body.parts])
    return SignedParts(
        parts=[
            SignedPart(part_number=part.part_number, method="PUT", url=put.url, headers=put.headers)
            for part, put in zip(body.parts, signed, strict=True)
        ]
    )


@api.get(
    "/uploads/{upload_id}/parts",
    response={200: list[PartOut], **ERRORS},
    tags=["parts"],
    auth=requires(Scope.UPLOAD),
)
def part_list(
    request: AuthenticatedHttpRequest, upload_id: str, token: str = ""
) -> list[multipart.Part]:
    """List the parts that S3 already has; the client sends the others."""
    return parts.uploaded_parts(_token(request, upload_id, token))


@api.delete(
    "/uploads/{upload_id}",
    response={204: None, **ERRORS},
    tags=["parts"],
    auth=requires(Scope.UPLOAD),
)
def abort_upload(
    request: AuthenticatedHttpRequest,
    upload_id: str,
    body: TokenRequest | None = None,
    token: str = "",
) -> Status[Any]:
    """Abort a multipart upload. Clients that send no body here can put the token in the query."""
    parts.abort(_token(request, upload_id, (body and body.token) or token))
    return Status(204, None)


@api.get(
    "/uploads",
    response={200: list[UploadOut], **ERRORS},
    tags=["upload"],
    auth=requires(Scope.UPLOAD),
)
def upload_list(request: AuthenticatedHttpRequest, ids: str = "") -> list[queries.UploadStatus]:
    """Return the states of up to 100 uploads (`ids=a,b,c`), omitting ids that are not yours."""
    upload_ids = [part.strip() for part in ids.split(",") if part.strip()]
    if not upload_ids:
        raise InvalidRequest("Missing ids", code="missing_ids")
    return queries.upload_statuses(upload_ids, owner(request))


@api.get(
    "/uploads/{upload_id}",
    response={200: UploadOut, **ERRORS},
    tags=["upload"],
    auth=requires(Scope.UPLOAD),
)
def upload_detail(request: AuthenticatedHttpRequest, upload_id: str) -> queries.UploadStatus:
    """Return the state of an upload."""
    return queries.upload_status(upload_id, owner(request))


@api.post(
    "/uploads/{upload_id}/complete",
    response={202: AcceptedOut, **ERRORS},
    tags=["upload"],
    auth=requires(Scope.UPLOAD),
)
def complete_upload(
    request: AuthenticatedHttpRequest, upload_id: str, body: TokenRequest | None = None
) -> Status[Any]:
    """Complete a multipart upload (with a token), or have the object checked now (without).

    The claim is never trusted: filehub checks what is in S3.
    """
    if body is not None and body.token:
        token = _token(request, upload_id, body.token)
        if not parts.complete(token, quota=quotas.limit_of(request.user)):
            tasks.enqueue_hint(token.upload_id)
        return Status(202, AcceptedOut(id=token.upload_id))
    status = queries.upload_status(upload_id, owner(request))
    if status.state == "pending":
        tasks.enqueue_hint(status.id)
    return Status(202, AcceptedOut(id=status.id))


@api.get(
    "/files", response={200: list[FileOut], **ERRORS}, tags=["files"], auth=requires(Scope.READ)
)
def file_list(
    request: AuthenticatedHttpRequest, response: HttpResponse, query: Query[FilesQuery]
) -> list[FileInfo]:
    """List your files, newest first. The `Link` header has the URL of the next page."""
    page = _page(owner(request), query)
    add_link(request, response, query, page.next_cursor)
    if page.examined is not None:
        response["X-Filehub-Examined"] = str(page.examined)
    return page.files


def _page(caller: str, query: FilesQuery) -> Page | FolderPage:
    """A page of one folder, or of all: with a search or without a folder."""
    if query.folder is not None and not (query.q or query.name):
        return queries.files_in(
            caller,
            query.folder,
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
    )


# These two must precede the routes of one file, which would match them as an id.
@api.get(
    "/files/version",
    response={200: VersionOut, 304: None, **ERRORS},
    tags=["files"],
    auth=requires(Scope.READ),
)
def list_version(request: AuthenticatedHttpRequest, response: HttpResponse) -> Status[Any]:
    """Return a number that changes whenever your list does: cheap to poll, with `If-None-Match`."""
    version = usage.changes_of(owner(request))
    response["ETag"] = etag = f'"{version}"'
    response["Cache-Control"] = "private, no-cache"
    conditional = get_conditional_response(request, etag=etag)
    if conditional is not None and conditional.status_code == 304:
        return Status(304, None)
    return Status(200, VersionOut(version=version))


@api.post(
    "/files/move",
    response={200: MoveOut, **ERRORS},
    tags=["files"],
    auth=requires(Scope.UPLOAD),
    exclude_none=True,
)
def move_files(request: AuthenticatedHttpRequest, body: MoveRequest) -> MoveOut:
    """Move up to 100 files to a folder; each has a result or an error of its own."""
    if not body.ids:
        raise InvalidRequest("Missing ids", code="missing_ids")
    results = moves.move(body.ids, owner(request), body.folder, owner(request))
    return MoveOut(results=[MovedFile.of(result) for result in results])


@api.get(
    "/files/{file_id}", response={200: FileOut, **ERRORS}, tags=["files"], auth=requires(Scope.READ)
)
def file_detail(request: AuthenticatedHttpRequest, file_id: str) -> FileInfo:
    """Return one file."""
    return queries.stored_file(file_id, owner(request))


@api.get(
    "/files/{file_id}/download",
    response={200: DownloadOut, **ERRORS},
    tags=["files"],
    auth=requires(Scope.READ),
)
def download_file(
    request: AuthenticatedHttpRequest, file_id: str, redirect: bool = False, inline: bool = False
) -> DownloadOut | HttpResponse:
    """Presign a GET. `inline=1` displays the file in the browser if its type is safe.

    Browsers that open this address are always redirected, as with `redirect=1`.
    """
    info = queries.stored_file(file_id, owner(request))
    url, expires_at = actions.sign_download(info, owner(request), inline=inline)
    if redirect or is_navigation(request):
        response = HttpResponseRedirect(url)
        response["Cache-Control"] = "no-store"
        return response
    return DownloadOut(url=url, expires_at=expires_at)


@api.patch(
    "/files/{file_id}",
    response={200: FileOut, **ERRORS},
    tags=["files"],
    auth=requires(Scope.UPLOAD),
)
def change_file(request: AuthenticatedHttpRequest, file_id: str, body: FileChanges) -> FileInfo:
    """Rename a file, move it to another folder, or both. The object stays as it is."""
    if body.file_name is None and body.folder is None:
        raise InvalidRequest("Missing file_name or folder", code="missing_changes")
    caller = owner(request)
    return moves.update(file_id, caller, caller, file_name=body.file_name, folder=body.folder)


@api.delete(
    "/files/{file_id}",
    response={200: DeletingOut, **ERRORS},
    tags=["files"],
    auth=requires(Scope.DELETE),
)
def delete_file(request: AuthenticatedHttpRequest, file_id: str) -> DeletingOut:
    """Delete the object; the record follows when S3 reports the removal."""
    info = queries.stored_file(file_id, owner(request))
    actions.remove(info.id, owner(request))
    return DeletingOut(id=info.id)


api.add_router("/folders", folders.router)
api.add_router(COMPANION.rstrip("/"), companion.router)
