"""The S3 protocol of Uppy's Companion, for `@uppy/aws-s3` with this API as its `endpoint` (5) or
`companionEndpoint` (6).

Fields have Uppy's names and case. Uppy's `uploadId` is filehub's signed token, which identifies the
upload and its owner; `key` must match it. Uppy sends no sizes, so checks that need them run when
the upload is completed, and again on the object.
https://uppy.io/docs/aws-s3/ and the source of @uppy/aws-s3 5.1 and 6.3
"""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema
from pydantic import StrictInt, StrictStr

from uploads.accounts.destinations import Choice
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import InvalidRequest
from uploads.core.logs import context
from uploads.files import quotas
from uploads.ingest import tasks
from uploads.models import Scope
from uploads.transfers import parts, tokens
from uploads.transfers.begin import begin_form, begin_multipart, begin_put
from uploads.web.api import auditing, uppy_metadata
from uploads.web.api.auth import owner, requires
from uploads.web.api.schemas import ERRORS
from uploads.web.api.throttling import SIGN_RATES
from uploads.web.navigation import download_path, prefers_json

router = Router(tags=["uppy"], by_alias=True, auth=requires(Scope.UPLOAD, accepts_own_pages=True))


class CreateMultipart(Schema):
    """Of `metadata`, only the fields below are used."""

    filename: StrictStr = Field(description="At most 255 bytes of UTF-8. Text, never a path.")
    type: StrictStr | None = None
    metadata: Any = Field(
        None,
        description="`relativePath`: `Photos/a.jpg` is stored in the folder `Photos`. `tags`: a "
        "list, or text with commas. `context`: an object, or its JSON. `destination`: a name.",
    )


class ParametersQuery(Schema):
    """A file, and fields of Uppy's metadata as they are in a query."""

    filename: str = ""
    type: str = ""
    relative_path: str = Field("", alias="metadata[relativePath]")
    tags: str = Field("", alias="metadata[tags]", description="With commas.")
    context: str = Field("", alias="metadata[context]", description="JSON.")
    destination: str = Field("", alias="metadata[destination]")

    @property
    def metadata(self) -> dict[str, str]:
        return {
            "relativePath": self.relative_path,
            "tags": self.tags,
            "context": self.context,
            "destination": self.destination,
        }


class CreatedMultipart(Schema):
    key: str
    upload_id: str = Field(alias="uploadId", description="A signed token, valid for seven days.")


class UploadParameters(Schema):
    """PUT: send the file to `url` with exactly `headers`. POST: send a form with exactly `fields`,
    and the file as its last one.
    """

    method: Literal["PUT", "POST"]
    url: str
    headers: dict[str, str]
    fields: dict[str, str] = Field(
        description="PUT: only `key`, for Uppy's own use; not sent to S3."
    )
    expires: int = Field(description="Seconds.")


class PartUrl(Schema):
    url: str
    expires: int = Field(description="Seconds.")


class UploadedPart(Schema):
    number: int = Field(alias="PartNumber")
    size: int = Field(alias="Size", description="Bytes.")
    etag: str = Field(alias="ETag")


class CompletedPart(Schema):
    number: StrictInt = Field(alias="PartNumber")
    etag: StrictStr = Field(alias="ETag")


class CompleteMultipart(Schema):
    parts: list[CompletedPart]


class CompletedMultipart(Schema):
    location: str = Field(description="Where to download the file once it is stored.")
    key: str


def _token(request: AuthenticatedHttpRequest, text: str, key: str) -> tokens.UploadToken:
    if not key:
        raise InvalidRequest("Missing key", code="missing_key")
    return tokens.read(text, upload_id=keys.upload_id_of(key) or "", owner=owner(request))


@router.get("/params", response={200: UploadParameters, **ERRORS}, throttle=SIGN_RATES)
def parameters(request: AuthenticatedHttpRequest, query: Query[ParametersQuery]) -> dict[str, Any]:
    """Sign the request of a file that Uppy sends in one: a PUT, or a form for Uppy 6."""
    filename, type_ = query.filename, query.type
    about = _about(request, query.metadata)
    if _sends_forms(request):
        started = begin_form(owner(request), file_name=filename, content_type=type_, **about)
        context.add(upload_id=started.id)
        auditing.upload_signed(request, started.id, filename)
        form = started.form
        return _parameters("POST", form.url, headers={}, fields=form.fields)
    begun = begin_put(owner(request), file_name=filename, content_type=type_, **about)
    context.add(upload_id=begun.id)
    auditing.upload_signed(request, begun.id, filename)
    put, key = begun.request, {"key": keys.object_key(begun.id)}
    return _parameters("PUT", put.url, headers=put.headers, fields=key)


def _about(request: AuthenticatedHttpRequest, metadata: object) -> dict[str, Any]:
    """What Uppy says about a file, as arguments for `uploads.transfers.begin`."""
    about = uppy_metadata.parse(metadata)
    Choice(request.user).check(about.destination)
    return vars(about)


def _sends_forms(request: HttpRequest) -> bool:
    """Whether the client is Uppy 6, which only sends forms. A PUT is better: it works only once.

    Uppy 5 sends either, and accepts JSON by name. Uppy 6 sends what browsers do, `*/*`.
    """
    return "Accept" in request.headers and not prefers_json(request)


def _parameters(method: str, url: str, **more: dict[str, str]) -> dict[str, Any]:
    return {"method": method, "url": url, "expires": conf().url_expiry, **more}


@router.post("/multipart", response={200: CreatedMultipart, **ERRORS}, throttle=SIGN_RATES)
def begin(request: AuthenticatedHttpRequest, body: CreateMultipart) -> dict[str, Any]:
    """Begin a multipart upload of unknown size."""
    begun = begin_multipart(
        owner(request),
        file_name=body.filename,
        content_type=body.type,
        part_checksums=False,
        **_about(request, body.metadata),
    )
    context.add(upload_id=begun.upload_id)
    auditing.upload_signed(request, begun.upload_id, body.filename)
    return {"key": keys.object_key(begun.token.upload_id), "uploadId": begun.token.sign()}


@router.get("/multipart/{upload_id}", response={200: list[UploadedPart], **ERRORS})
def arrived(
    request: AuthenticatedHttpRequest, upload_id: str, key: str = ""
) -> list[dict[str, Any]]:
    """List the parts that S3 already has."""
    return [
        {"PartNumber": part.number, "Size": part.size, "ETag": f'"{part.etag}"'}
        for part in parts.uploaded_parts(_token(request, upload_id, key))
    ]


# Must precede `sign_part`, whose route would match "complete" as a part number.
@router.post("/multipart/{upload_id}/complete", response={200: CompletedMultipart, **ERRORS})
def complete(
    request: AuthenticatedHttpRequest, upload_id: str, body: CompleteMultipart, key: str = ""
) -> dict[str, Any]:
    """Complete the upload if S3 has exactly the parts that Uppy sent."""
    token = _token(request, upload_id, key)
    sent = {part.number: part.etag for part in body.parts}
    if not parts.complete(token, sent=sent, quota=quotas.limit_of(request.user)):
        tasks.enqueue_hint(token.upload_id)
    location = request.build_absolute_uri(download_path(token.upload_id))
    return {"location": location, "key": key}


@router.get(
    "/multipart/{upload_id}/{part_number}", response={200: PartUrl, **ERRORS}, throttle=SIGN_RATES
)
def sign_part(
    request: AuthenticatedHttpRequest, upload_id: str, part_number: int, key: str = ""
) -> dict[str, Any]:
    """Presign one part."""
    (signed,) = parts.sign_parts(_token(request, upload_id, key), [(part_number, None)])
    return {"url": signed.url, "expires": conf().url_expiry}


@router.delete("/multipart/{upload_id}", response={200: dict[str, str], **ERRORS})
def abort(request: AuthenticatedHttpRequest, upload_id: str, key: str = "") -> dict[str, str]:
    """Abort a multipart upload."""
    parts.abort(_token(request, upload_id, key))
    return {}
