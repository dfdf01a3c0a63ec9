"""Routes of uploads and their parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpResponse
from ninja import Router
from ninja.params.functions import Header, Query
from ninja.responses import Status

from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import PartsMissing, UploadCompleted
from uploads.files import queries
from uploads.files.queries import MAX_IDS
from uploads.models import Scope
from uploads.transfers import idempotency
from uploads.transfers.begin import FileRequest
from uploads.web.api import batch, routes, schemas
from uploads.web.api.auth import owner, requires
from uploads.web.api.throttling import SIGN_RATES
from uploads.web.api.v1.app import api
from uploads.web.api.v1.errors import InvalidFields, StateConflict
from uploads.web.api.v1.responses import errors
from uploads.web.api.v1.schemas import (
    BegunUpload,
    BegunUploads,
    NewUpload,
    NewUploads,
    PartPage,
    Upload,
    UploadPage,
    result_of,
    upload_of,
)

router = Router(tags=["uploads"], auth=requires(Scope.UPLOAD))

_KEY: Any = Header(
    None,
    alias="Idempotency-Key",
    description="Any text that is new for each upload, such as a random UUID: 1 to 255 visible "
    "ASCII characters. A repeated request with the same key and body gets the same upload.",
)


_IDS: Any = Query(..., min_length=1, max_length=MAX_IDS, description=f"1 to {MAX_IDS} ids.")


@contextmanager
def _conflicts(request: AuthenticatedHttpRequest, upload_id: str | None) -> Iterator[None]:
    """Add the state of the upload to a conflict."""
    try:
        yield
    except (PartsMissing, UploadCompleted) as exc:
        (status,) = queries.upload_statuses([upload_id or ""], owner(request))
        raise StateConflict(status.id, status.state, exc.message, exc.code) from exc


@router.post(
    "",
    response={201: BegunUpload, **errors(409, 413, 415, 422)},
    throttle=SIGN_RATES,
)
def begin_upload(
    request: AuthenticatedHttpRequest,
    response: HttpResponse,
    body: NewUpload,
    idempotency_key: str | None = _KEY,
) -> Status[Any]:
    """Begin an upload: `single` is one request to send, `multipart` a large file in parts."""
    file = body.as_file(owner(request))
    if idempotency_key is not None:
        file = idempotency.claim(owner(request), idempotency_key, file)
    with _conflicts(request, file.upload_id):
        result = upload_of(routes.start(request, file))
    response["Location"] = f"{request.path}/{result.id}"
    return Status(201, result)


# Must precede the routes of one upload, which would match "batch" as an id.
@router.post("/batch", response={200: BegunUploads, **errors(413)})
def begin_uploads(
    request: AuthenticatedHttpRequest, body: NewUploads, idempotency_key: str | None = _KEY
) -> BegunUploads:
    """Begin up to 100 uploads. Each has a result, or an error of its own.

    The key counts for each file with its position in the request. Each file counts as a request for
    the rate limits, and the sum of the files must fit into the quota.
    """

    def claim(index: int, file: FileRequest) -> FileRequest:
        if idempotency_key is None:
            return file
        return idempotency.claim(owner(request), idempotency_key, file, index)

    outcomes = batch.start_all(
        request,
        body.files,
        schema=NewUpload,
        invalid=lambda exc: InvalidFields(exc.errors(include_url=False)),
        claim=claim,
    )
    return BegunUploads(results=[result_of(outcome) for outcome in outcomes])


@router.get("", response={200: UploadPage, **errors()})
def list_uploads(request: AuthenticatedHttpRequest, ids: list[str] = _IDS) -> dict[str, Any]:
    """Return the states of some uploads, in order and without those that are not yours."""
    return {"items": routes.upload_list(request, ",".join(ids)), "next_cursor": None}


@router.get("/{upload_id}", response={200: Upload, **errors(404)})
def get_upload(request: AuthenticatedHttpRequest, upload_id: str) -> Any:
    """Return the state of an upload: `pending` until S3 has reported the file."""
    return routes.upload_detail(request, upload_id)


@router.post("/{upload_id}/complete", response={202: schemas.AcceptedOut, **errors(404, 409, 413)})
def complete_upload(
    request: AuthenticatedHttpRequest, upload_id: str, body: schemas.TokenRequest | None = None
) -> Status[Any]:
    """Complete an upload in parts, with its token; without, have the file in S3 checked now."""
    with _conflicts(request, upload_id):
        return routes.complete_upload(request, upload_id, body)


@router.delete("/{upload_id}", response={204: None, **errors(404, 409)}, tags=["parts"])
def abort_upload(request: AuthenticatedHttpRequest, upload_id: str, token: str) -> Status[Any]:
    """Abort an upload in parts. S3 discards the parts that it has."""
    with _conflicts(request, upload_id):
        return routes.abort_upload(request, upload_id, None, token)


@router.get("/{upload_id}/parts", response={200: PartPage, **errors(404, 409)}, tags=["parts"])
def list_parts(request: AuthenticatedHttpRequest, upload_id: str, token: str) -> dict[str, Any]:
    """List the parts that S3 already has; the client sends the others."""
    with _conflicts(request, upload_id):
        return {"items": routes.part_list(request, upload_id, token), "next_cursor": None}


@router.post(
    "/{upload_id}/parts",
    response={200: schemas.SignedParts, **errors(404, 413)},
    tags=["parts"],
    throttle=SIGN_RATES,
)
def sign_parts(
    request: AuthenticatedHttpRequest, upload_id: str, body: schemas.PartsRequest
) -> schemas.SignedParts:
    """Presign some parts, just before sending them: URLs expire before the token does."""
    return routes.sign_parts(request, upload_id, body)


api.add_router("/uploads", router)
