"""The API's routes. Each is thin and calls one function of the layers below."""

from __future__ import annotations

from typing import Any

from ninja.responses import Status

from uploads.accounts.destinations import Choice
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.aws import multipart
from uploads.core.destinations import Destination
from uploads.core.errors import InvalidRequest
from uploads.core.logs import context
from uploads.files import queries, quotas
from uploads.ingest import tasks
from uploads.models import Scope
from uploads.transfers import begin, parts, tokens
from uploads.web.api import auditing, batch, companion, files, folders, uppy_signing
from uploads.web.api.app import COMPANION, api
from uploads.web.api.auth import owner, requires
from uploads.web.api.schemas import (
    ERRORS,
    AcceptedOut,
    BatchOut,
    BatchRequest,
    DestinationOut,
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
)
from uploads.web.api.throttling import SIGN_RATES


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
        labels=body.labels,
        destination=Choice(request.user).check(body.destination),
        quota=quotas.limit_of(request.user),
    )
    context.add(upload_id=begun.upload_id)
    auditing.upload_signed(request, begun.upload_id, body.file_name)
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
    begun = start(request, body.as_file(owner(request)))
    if isinstance(begun, begin.StartedUpload):
        return Status(201, SignedUpload.of(begun))
    return Status(201, MultipartUpload.of(begun))


def start(request: AuthenticatedHttpRequest, file: begin.FileRequest) -> begin.Started:
    """Begin an upload of known size for the caller."""
    Choice(request.user).check(file.destination)
    begun = begin.begin_upload(owner(request), file, quota=quotas.limit_of(request.user))
    context.add(upload_id=begun.upload_id)
    auditing.upload_signed(request, begun.upload_id, file.file_name)
    return begun


# These must precede the routes of one upload, which would match them as an id.
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


@api.get(
    "/uploads/destinations",
    response={200: list[DestinationOut], **ERRORS},
    tags=["upload"],
    auth=requires(Scope.UPLOAD),
)
def destination_list(request: AuthenticatedHttpRequest) -> list[Destination]:
    """List the destinations that you may choose for an upload."""
    return Choice(request.user).available()


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


api.add_router("/files", files.router)
api.add_router("/folders", folders.router)
api.add_router(COMPANION.rstrip("/"), companion.router)
api.add_router(COMPANION.rstrip("/"), uppy_signing.router)
