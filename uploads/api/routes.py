"""The routes: thin, one service or selector each."""

from __future__ import annotations

import json
import logging
from typing import Annotated, Any
from urllib.parse import urlencode

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from ninja import Field, NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.responses import Status
from ninja.types import DictStrAny

from uploads.api import companion
from uploads.api.auth import CALLERS, owner
from uploads.api.schemas import (
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
from uploads.api.throttling import SIGNING, count_user
from uploads.core.errors import BodyTooLarge, FilehubError, InvalidRequest, NotAuthenticated
from uploads.core.strict_json import parse_json
from uploads.files import actions, queries, quotas
from uploads.files.listing import FileInfo
from uploads.ingest import tasks
from uploads.middleware import error_response, json_error
from uploads.transfers import begin, parts, tokens

logger = logging.getLogger(__name__)

MAX_LIMIT = 200
#: Where Uppy asks what it asks of its Companion.
COMPANION = "/s3/"


class JsonObjectParser(Parser):
    """Takes one JSON object; everything else is one clear error."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        try:
            body = parse_json(request.body or b"{}")
        except ValueError as exc:
            raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from exc
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
        return body


class Api(NinjaAPI):
    """Answers Uppy's errors as Companion does: it shows its users a `message`."""

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        response = super().on_exception(request, exc)
        if request.path.startswith(COMPANION):
            answer = json.loads(response.content)
            response.content = json.dumps({**answer, "message": answer["error"]}).encode()
        return response


api = Api(
    title="filehub",
    version="1",
    description="Uploads go straight to S3; a file exists once S3 has said so.",
    auth=CALLERS,
    docs_url="/api/docs",
    openapi_url="/api/openapi.json",
    parser=JsonObjectParser(),
    urls_namespace="api",
)


@api.exception_handler(FilehubError)
def _on_filehub_error(request: HttpRequest, exc: FilehubError) -> HttpResponse:
    return error_response(request, exc, as_json=True)


@api.exception_handler(AuthenticationError)
def _on_unauthenticated(request: HttpRequest, exc: AuthenticationError) -> HttpResponse:
    return json_error(401, NotAuthenticated.message, NotAuthenticated.code)


@api.exception_handler(RequestDataTooBig)
def _on_too_large(request: HttpRequest, exc: RequestDataTooBig) -> HttpResponse:
    return _on_filehub_error(request, BodyTooLarge())


@api.exception_handler(Http404)
def _on_not_found(request: HttpRequest, exc: Http404) -> HttpResponse:
    return json_error(404, "Not Found", "not_found")


@api.exception_handler(HttpError)
def _on_http_error(request: HttpRequest, exc: HttpError) -> HttpResponse:
    # ninja wraps what the parser raised.
    if isinstance(exc.__cause__, FilehubError):
        return _on_filehub_error(request, exc.__cause__)
    return json_error(exc.status_code, exc.message, "invalid_request")


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    error = exc.errors[0]
    name = str(error["loc"][-1])
    if error["type"] == "missing":
        return json_error(400, f"Missing {name}", f"missing_{name}")
    return json_error(400, f"{name} is wrong: {error['msg']}.", f"invalid_{name}")


@api.exception_handler(Exception)
def _on_unexpected(request: HttpRequest, exc: Exception) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return json_error(500, "Something went wrong here. It has been logged.", "internal_error")


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
