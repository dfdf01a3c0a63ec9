"""The routes: thin, one service or selector each."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from ninja import Field
from ninja.responses import Status

from uploads.core.errors import InvalidRequest
from uploads.files import actions, queries, quotas
from uploads.files.record import FileInfo
from uploads.ingest import tasks
from uploads.transfers import begin, parts, tokens
from uploads.web.api import companion
from uploads.web.api.app import COMPANION, api
from uploads.web.api.auth import owner
from uploads.web.api.schemas import (
    ERRORS,
    AcceptedOut,
    DeletingOut,
    DownloadOut,
    FileOut,
    MultipartUpload,
    PartOut,
    PartsPlan,
    PartsRequest,
    SignedPart,
    SignedParts,
    SignedUpload,
    TokenRequest,
    UploadOut,
    UploadRequest,
    UrlRequest,
)
from uploads.web.api.throttling import SIGNING, count_user

MAX_LIMIT = 200


def _quota(request: HttpRequest) -> int | None:
    return quotas.limit_of(request.auth)  # type: ignore[attr-defined]  # set by ninja


def _token(request: HttpRequest, upload_id: str, text: str | None) -> tokens.UploadToken:
    return tokens.read(text or "", upload_id=upload_id, owner=owner(request))


def _signed(begun: begin.BegunUpload) -> SignedUpload:
    signed = begun.request
    return SignedUpload(
        id=begun.id,
        method="PUT",
        url=signed.url,
        headers=signed.headers,
        expires_at=signed.expires_at,
    )


def _file(request: HttpRequest, info: FileInfo) -> FileOut:
    username = request.auth.get_username()  # type: ignore[attr-defined]
    return FileOut(
        id=info.id,
        file_name=info.file_name,
        content_type=info.content_type,
        size=info.size,
        checksum=info.checksum,
        created_at=info.created_at,
        confirmed_at=info.confirmed_at,
        owner=username,
        state="stored",
    )


def _upload(request: HttpRequest, status: queries.UploadStatus) -> UploadOut:
    return UploadOut(
        id=status.id,
        state=status.state,
        reason=status.reason or None,
        file=_file(request, status.file) if status.file else None,
    )


@api.post("/get-url", response={200: SignedUpload, **ERRORS}, tags=["upload"], auth=SIGNING)
def get_url(request: HttpRequest, body: UrlRequest) -> SignedUpload:
    """Ask for a presigned PUT. Nothing is recorded until the object is in the bucket."""
    count_user(request, owner(request))
    begun = begin.begin_put(
        owner(request),
        file_name=body.file_name,
        content_type=body.content_type,
        size=body.size,
        sha256=body.sha256,
        quota=_quota(request),
    )
    return _signed(begun)


@api.post(
    "/uploads",
    response={201: SignedUpload | MultipartUpload, **ERRORS},
    tags=["upload"],
    auth=SIGNING,
)
def begin_upload(request: HttpRequest, body: UploadRequest) -> Status[Any]:
    """Begin an upload of known size: a presigned PUT, or for a large file a token for its parts."""
    count_user(request, owner(request))
    begun = begin.begin_sized(
        owner(request),
        file_name=body.file_name,
        content_type=body.content_type,
        size=body.size,
        sha256=body.sha256,
        part_checksums=body.checksum == "sha256",
        quota=_quota(request),
    )
    if isinstance(begun, begin.BegunUpload):
        return Status(201, _signed(begun))
    token = begun.token
    answer = MultipartUpload(
        id=token.upload_id,
        token=token.sign(),
        multipart=PartsPlan(part_size=token.part_size, part_count=token.part_count),
        expires_at=begun.expires_at,
    )
    return Status(201, answer)


@api.post(
    "/uploads/{upload_id}/parts",
    response={200: SignedParts, **ERRORS},
    tags=["parts"],
    auth=SIGNING,
)
def sign_parts(request: HttpRequest, upload_id: str, body: PartsRequest) -> SignedParts:
    """Presign some parts. Ask just before sending them: the URLs expire, the token lasts."""
    count_user(request, owner(request))
    token = _token(request, upload_id, body.token)
    wanted = [(part.part_number, part.sha256) for part in body.parts]
    signed = parts.sign_parts(token, wanted)
    return SignedParts(
        parts=[
            SignedPart(part_number=number, method="PUT", url=part.url, headers=part.headers)
            for (number, _), part in zip(wanted, signed, strict=True)
        ]
    )


@api.get("/uploads/{upload_id}/parts", response={200: list[PartOut], **ERRORS}, tags=["parts"])
def part_list(request: HttpRequest, upload_id: str, token: str = "") -> list[PartOut]:
    """What S3 has already: the others are left to send."""
    return [
        PartOut(part_number=part.number, size=part.size, etag=part.etag, sha256=part.checksum)
        for part in parts.arrived_parts(_token(request, upload_id, token))
    ]


@api.delete("/uploads/{upload_id}", response={204: None, **ERRORS}, tags=["parts"])
def abort_upload(
    request: HttpRequest, upload_id: str, body: TokenRequest | None = None, token: str = ""
) -> Status[Any]:
    """End an upload in parts. The token may be in the query: some clients send no body here."""
    parts.abort(_token(request, upload_id, (body and body.token) or token))
    return Status(204, None)


@api.get("/uploads", response={200: list[UploadOut], **ERRORS}, tags=["upload"])
def upload_list(request: HttpRequest, ids: str = "") -> list[UploadOut]:
    """Where up to 100 uploads stand (`ids=a,b,c`); ids that are not yours are left out."""
    wanted = [part.strip() for part in ids.split(",") if part.strip()]
    if not wanted:
        raise InvalidRequest("Missing ids", code="missing_ids")
    return [_upload(request, s) for s in queries.upload_statuses(wanted, owner(request))]


@api.get("/uploads/{upload_id}", response={200: UploadOut, **ERRORS}, tags=["upload"])
def upload_detail(request: HttpRequest, upload_id: str) -> UploadOut:
    """Where an upload stands."""
    return _upload(request, queries.upload_status(upload_id, owner(request)))


@api.post("/uploads/{upload_id}/complete", response={202: AcceptedOut, **ERRORS}, tags=["upload"])
def complete_upload(
    request: HttpRequest, upload_id: str, body: TokenRequest | None = None
) -> Status[Any]:
    """With a token: put the parts together. Without: a hint that asks for a check now.

    Never trusted: S3 is asked what is there.
    """
    if body is not None and body.token:
        token = _token(request, upload_id, body.token)
        if not parts.complete(token, quota=_quota(request)):
            tasks.enqueue_hint(token.upload_id)
        return Status(202, AcceptedOut(id=token.upload_id))
    status = queries.upload_status(upload_id, owner(request))
    if status.state == "pending":
        tasks.enqueue_hint(status.id)
    return Status(202, AcceptedOut(id=status.id))


@api.get("/files", response={200: list[FileOut], **ERRORS}, tags=["files"])
def file_list(
    request: HttpRequest,
    response: HttpResponse,
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 50,
    cursor: str = "",
    q: Annotated[str, Field(description="Name prefix, case-insensitive.")] = "",
) -> list[FileOut]:
    """Your files, newest first. The next page's address is in the `Link` header."""
    page = queries.files_of(owner(request), limit=limit, cursor=cursor, prefix=q)
    if page.next_cursor:
        query = {"limit": str(limit), "cursor": page.next_cursor, **({"q": q} if q else {})}
        url = request.build_absolute_uri(f"{request.path}?{urlencode(query)}")
        response["Link"] = f'<{url}>; rel="next"'
    return [_file(request, info) for info in page.files]


@api.get("/files/{file_id}", response={200: FileOut, **ERRORS}, tags=["files"])
def file_detail(request: HttpRequest, file_id: str) -> FileOut:
    """One file."""
    return _file(request, queries.stored_file(file_id, owner(request)))


@api.get("/files/{file_id}/download", response={200: DownloadOut, **ERRORS}, tags=["files"])
def download_file(
    request: HttpRequest, file_id: str, redirect: bool = False, inline: bool = False
) -> DownloadOut | HttpResponse:
    """A presigned GET. `inline=1` shows it in the browser, if its type is safe to show."""
    info = queries.stored_file(file_id, owner(request))
    url, expires_at = actions.sign_download(info, owner(request), inline=inline)
    if redirect:
        answer = HttpResponseRedirect(url)
        answer["Cache-Control"] = "no-store"
        return answer
    return DownloadOut(url=url, expires_at=expires_at)


@api.delete("/files/{file_id}", response={200: DeletingOut, **ERRORS}, tags=["files"])
def delete_file(request: HttpRequest, file_id: str) -> DeletingOut:
    """Delete the object; the record follows when S3 reports the removal."""
    info = queries.stored_file(file_id, owner(request))
    actions.remove(info.id, owner(request))
    return DeletingOut(id=info.id)


api.add_router(COMPANION.rstrip("/"), companion.router)
