"""The requests that Uppy 6 has signed by its option `signRequest`, whose names they have.

Uppy speaks S3's protocol with the addresses that it gets. Those of files and parts are S3's. Those
that create, list, complete and abort an upload in parts are filehub's, with S3's XML, so that
filehub checks names, types, sizes and quotas before S3 has the file, and S3's ids stay here. They
contain a ticket instead of credentials, which Uppy does not send.
https://uppy.io/docs/aws-s3/ and the source of @uppy/aws-s3 6.3
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal, cast
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Field, Router, Schema
from pydantic import StrictInt, StrictStr

from uploads.accounts.destinations import Choice
from uploads.accounts.owners import user_of_owner
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core import keys
from uploads.core.errors import InvalidRequest
from uploads.core.folders import check_folder, folder_of_path, name_of
from uploads.core.labels import Labels
from uploads.core.logs import context
from uploads.core.names import check_name
from uploads.files import quotas
from uploads.ingest import tasks
from uploads.models import Scope
from uploads.transfers import parts, tickets, tokens
from uploads.transfers.begin import begin_multipart, begin_put
from uploads.web.api import auditing, uppy_metadata
from uploads.web.api.auth import owner, requires
from uploads.web.api.schemas import ERRORS
from uploads.web.api.throttling import SIGN_RATES
from uploads.web.navigation import download_path

router = Router(tags=["uppy"])

#: How Uppy writes the list of parts. Nothing else is accepted, so no general parser is needed.
_PART = r"<Part><PartNumber>(\d{1,5})</PartNumber><ETag>([^<]{1,100})</ETag></Part>"
_COMPLETE = re.compile(rf"<CompleteMultipartUpload>(?:{_PART})*</CompleteMultipartUpload>")


class SignRequest(Schema):
    """What Uppy passes to `signRequest`."""

    method: Literal["PUT", "POST", "GET", "DELETE"]
    key: StrictStr = Field(
        description="Of a new file: its path, whose folders are created. Otherwise it is ignored."
    )
    content_type: StrictStr | None = Field(None, alias="contentType")
    upload_id: StrictStr | None = Field(
        None, alias="uploadId", description="A signed token, which is valid for seven days."
    )
    part_number: StrictInt | None = Field(None, alias="partNumber")
    metadata: Any = Field(
        None,
        description="Of a new file, which Uppy does not pass by itself: `tags`, `context` and "
        "`destination`, as `POST /s3/multipart` has them.",
    )


class SignedRequest(Schema):
    """Send the request to `url` with exactly `headers`."""

    url: str
    key: str | None = Field(None, description="The key of a file that is sent in one request.")
    headers: dict[str, str] = {}


@router.post(
    "/sign",
    response={200: SignedRequest, **ERRORS},
    exclude_none=True,
    throttle=SIGN_RATES,
    auth=requires(Scope.UPLOAD),
)
def sign(request: AuthenticatedHttpRequest, body: SignRequest) -> dict[str, Any]:
    """Sign any request of Uppy 6 about a file: its option `signRequest` may return the response."""
    if body.upload_id is None:
        return _sign_new(request, body)
    token = tokens.read(body.upload_id, upload_id=None, owner=owner(request))
    if body.method == "PUT":
        if body.part_number is None:
            raise InvalidRequest("Missing partNumber", code="missing_partNumber")
        (signed,) = parts.sign_parts(token, [(body.part_number, None)])
        return {"url": signed.url, "headers": signed.headers}
    ticket = {
        "GET": tickets.Ticket("list", token.owner, token=body.upload_id),
        "POST": tickets.Ticket("complete", token.owner, token=body.upload_id),
        "DELETE": tickets.Ticket("abort", token.owner, token=body.upload_id),
    }[body.method]
    return {"url": _url(request, ticket)}


def _sign_new(request: AuthenticatedHttpRequest, body: SignRequest) -> dict[str, Any]:
    name, folder = name_of(body.key), folder_of_path(body.key)
    about = uppy_metadata.parse(body.metadata)
    destination = Choice(request.user).check(about.destination)
    if body.method == "PUT":
        begun = begin_put(
            owner(request),
            file_name=name,
            folder=folder,
            content_type=body.content_type,
            labels=about.labels,
            destination=destination,
        )
        context.add(upload_id=begun.id)
        auditing.upload_signed(request, begun.id, name)
        put = begun.request
        return {"url": put.url, "key": keys.object_key(begun.id), "headers": put.headers}
    if body.method != "POST":
        raise InvalidRequest("Missing uploadId", code="missing_uploadId")
    check_name(name)
    labels = about.labels
    ticket = tickets.Ticket(
        "create", owner(request), name, check_folder(folder), labels.tags, labels.context,
        destination,
    )  # fmt: skip
    return {"url": _url(request, ticket)}


def _url(request: HttpRequest, ticket: tickets.Ticket) -> str:
    path = reverse(f"filehub:api:uppy_{ticket.operation}")
    return request.build_absolute_uri(f"{path}?{urlencode({'ticket': ticket.sign()})}")


# --- Requests with a ticket -----------------------------------------------------------------------


class WithTicket:
    """Authenticate a request by its ticket, which permits one operation.

    It is never a cookie that authenticates it, so other sites gain nothing by sending it.
    """

    def __init__(self, operation: tickets.Operation) -> None:
        self.operation = operation

    def __call__(self, request: HttpRequest) -> tickets.Ticket | None:
        ticket = tickets.read(request.GET.get("ticket", ""))
        if ticket is None or ticket.operation != self.operation:
            return None
        user = user_of_owner(ticket.owner)
        if user is None or not user.is_active:
            return None
        context.add(user_id=str(user.pk))
        request.user = cast("User", user)
        return ticket


def _route(
    method: str, path: str, operation: tickets.Operation, **options: Any
) -> Callable[[Callable[..., HttpResponse]], Any]:
    return router.api_operation(
        [method],
        path,
        auth=WithTicket(operation),
        url_name=f"uppy_{operation}",
        include_in_schema=False,
        **options,
    )


# Counted again: a ticket can be used more than once, and each use makes S3 create an upload.
@_route("POST", "/signed/multipart", "create", throttle=SIGN_RATES)
def create(request: HttpRequest) -> HttpResponse:
    """CreateMultipartUpload: the type of the file is that of the request."""
    ticket = _ticket(request)
    begun = begin_multipart(
        ticket.owner,
        file_name=ticket.file_name,
        folder=ticket.folder,
        content_type=request.headers.get("Content-Type"),
        part_checksums=False,
        labels=Labels(ticket.tags, ticket.context),
        destination=ticket.destination,
    )
    context.add(upload_id=begun.upload_id)
    auditing.upload_signed(request, begun.upload_id, ticket.file_name)
    return _xml(
        "InitiateMultipartUploadResult",
        Key=keys.object_key(begun.token.upload_id),
        UploadId=begun.token.sign(),
    )


@_route("GET", "/signed/parts", "list")
def list_parts(request: HttpRequest) -> HttpResponse:
    """ListParts, of all parts."""
    arrived = [
        f"<Part><PartNumber>{part.number}</PartNumber><Size>{part.size}</Size>"
        f"<ETag>{escape(part.etag)}</ETag></Part>"
        for part in parts.uploaded_parts(_token(request))
    ]
    return HttpResponse(f"<ListPartsResult>{''.join(arrived)}</ListPartsResult>", content_type=_XML)


@_route("POST", "/signed/complete", "complete")
def complete(request: AuthenticatedHttpRequest) -> HttpResponse:
    """CompleteMultipartUpload, if S3 has exactly the parts that Uppy sent."""
    token, sent = _token(request), _parts_in(request.body)
    if not parts.complete(token, sent=sent, quota=quotas.limit_of(request.user)):
        tasks.enqueue_hint(token.upload_id)
    return _xml(
        "CompleteMultipartUploadResult",
        Location=request.build_absolute_uri(download_path(token.upload_id)),
        Key=keys.object_key(token.upload_id),
    )


@_route("DELETE", "/signed/abort", "abort")
def abort(request: HttpRequest) -> HttpResponse:
    """AbortMultipartUpload."""
    parts.abort(_token(request))
    return HttpResponse(status=204)


_XML = "application/xml"


def _xml(root: str, **fields: str) -> HttpResponse:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return HttpResponse(f"<{root}>{inner}</{root}>", content_type=_XML)


def _ticket(request: Any) -> tickets.Ticket:
    """The ticket that WithTicket has verified; ninja calls it `auth`."""
    ticket: tickets.Ticket = request.auth
    return ticket


def _token(request: HttpRequest) -> tokens.UploadToken:
    ticket = _ticket(request)
    return tokens.read(ticket.token, upload_id=None, owner=ticket.owner)


def _parts_in(body: bytes) -> dict[int, str]:
    """The ETags of the parts in the body of CompleteMultipartUpload, by their numbers."""
    text = body.decode(errors="replace").strip()
    if not _COMPLETE.fullmatch(text):
        raise InvalidRequest("The list of parts is not valid.", code="invalid_parts")
    return {int(number): etag for number, etag in re.findall(_PART, text)}
