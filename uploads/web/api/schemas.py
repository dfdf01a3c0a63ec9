"""Requests and responses about uploads, and errors, as in docs/contract.md."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from ninja import Field, Schema
from pydantic import BaseModel, BeforeValidator, SkipValidation, StrictInt, StrictStr

from uploads.core.errors import FilehubError, InvalidRequest
from uploads.core.labels import MAX_CONTEXT_BYTES, MAX_TAG_BYTES, MAX_TAGS, Labels, check
from uploads.core.texts import describe
from uploads.files.queries import UploadStatus
from uploads.transfers import field_tokens
from uploads.transfers.batch import MAX_FILES
from uploads.transfers.begin import FileRequest, StartedMultipart, StartedUpload
from uploads.web.api.file_schemas import FileDetailOut, null_is_missing

FileName = Annotated[
    StrictStr,
    BeforeValidator(null_is_missing),
    Field(description="At most 255 bytes of UTF-8. Text, never a path."),
]


def _null_is_root(value: Any) -> Any:
    return "" if value is None else value


Folder = Annotated[
    StrictStr,
    BeforeValidator(_null_is_root),
    Field(
        description="A path such as `Photos/2024`, at most 400 bytes of UTF-8 and 32 levels; empty "
        "for the root."
    ),
]
Tags = Annotated[
    list[StrictStr] | None,
    Field(description=f"At most {MAX_TAGS}, each at most {MAX_TAG_BYTES} bytes of UTF-8."),
]
Context = Annotated[
    dict[str, Any] | None,
    Field(
        description=f"A JSON object of your own, at most {MAX_CONTEXT_BYTES} bytes without spaces."
    ),
]
Size = Annotated[StrictInt, Field(description="Bytes.", ge=0, lt=2**63)]


class UrlRequest(BaseModel):
    file_name: FileName
    folder: Folder = ""
    content_type: StrictStr | None = Field(None, examples=["image/png"])
    size: Size | None = None
    sha256: StrictStr | None = Field(
        None, description="Base64 of the SHA-256 digest, as `x-amz-checksum-sha256` carries it."
    )
    tags: Tags = None
    context: Context = None
    destination: StrictStr | None = Field(
        None, description="The name of one of `GET /uploads/destinations`."
    )

    @property
    def labels(self) -> Labels:
        """Raises InvalidRequest."""
        return check(self.tags, self.context)


class UploadRequest(UrlRequest):
    size: Size
    checksum: Literal["sha256", "none"] = Field(
        "sha256",
        description="Multipart only: whether each part is sent with its SHA-256.",
    )
    part_size: StrictInt | None = Field(
        None,
        description="The largest part that suits the connection, in bytes.",
        ge=1,
        lt=2**63,
    )
    field: StrictStr | None = Field(
        None,
        description="The token of a form field, which the page with the form has. Only that field "
        "accepts the file then. Not together with `destination`.",
    )

    def as_file(self, owner: str) -> FileRequest:
        """The request of this owner. Raises InvalidRequest."""
        if self.field and self.destination:
            raise InvalidRequest(
                "A file is uploaded for a form field or to a destination, not both.",
                code="field_with_destination",
            )
        return FileRequest(
            file_name=self.file_name,
            size=self.size,
            content_type=self.content_type,
            sha256=self.sha256,
            part_checksums=self.checksum == "sha256",
            part_size=self.part_size,
            folder=self.folder,
            labels=self.labels,
            destination=self.destination or "",
            field=field_tokens.read(self.field, owner) if self.field else None,
        )


class BatchRequest(Schema):
    """`files` is validated file by file, so that an invalid one is that file's error only."""

    files: SkipValidation[list[UploadRequest]] = Field(
        description=f"1 to {MAX_FILES} bodies of `POST /uploads`.",
        json_schema_extra={"minItems": 1, "maxItems": MAX_FILES},
    )


class DestinationOut(Schema):
    """Named rules for uploads. They only narrow the general ones."""

    name: str
    label: str = Field(validation_alias="title", description="For people.")
    max_size: int | None = Field(description="Bytes; null: as everywhere.")
    types: list[str] | None = Field(description="Such as `image/*`; null: as everywhere.")
    folder: str = Field(description="The folder of its files; empty for any.")
    keep_days: int | None = Field(description="Days after which files are deleted; null: never.")


class SignedUpload(BaseModel):
    """Send `method` to `url` with exactly `headers`, once, before `expires_at`."""

    id: str
    method: Literal["PUT"]
    url: str
    headers: dict[str, str]
    expires_at: datetime

    @classmethod
    def of(cls, begun: StartedUpload) -> Self:
        request = begun.request
        return cls(
            id=begun.id,
            method="PUT",
            url=request.url,
            headers=request.headers,
            expires_at=request.expires_at,
        )


class PartsPlan(Schema):
    """How to split the file: parts of `part_size` bytes; the last one has the rest."""

    part_size: int = Field(description="Bytes.")
    part_count: int


class MultipartUpload(BaseModel):
    """Presign parts, send them in any order, then complete: with `token`, until `expires_at`."""

    id: str
    token: str
    multipart: PartsPlan
    expires_at: datetime

    @classmethod
    def of(cls, begun: StartedMultipart) -> Self:
        token = begun.token
        return cls(
            id=token.upload_id,
            token=token.sign(),
            multipart=PartsPlan.from_orm(token),
            expires_at=begun.expires_at,
        )


class FailedUpload(BaseModel):
    """The error that `POST /uploads` would return for this file."""

    error: str
    code: str
    retry_after: int | None = Field(None, description="Seconds; only if a retry makes sense.")

    @classmethod
    def of(cls, error: FilehubError) -> FailedUpload:
        return cls(error=error.message, code=error.code, retry_after=error.retry_after)


class BatchOut(BaseModel):
    """A result for each file, in the order of the request."""

    results: list[SignedUpload | MultipartUpload | FailedUpload]


class PartRequest(Schema):
    part_number: StrictInt = Field(description="From 1.")
    sha256: StrictStr | None = Field(None, description="Base64 of the part's SHA-256 digest.")


class PartsRequest(Schema):
    token: Annotated[StrictStr, BeforeValidator(null_is_missing)]
    parts: list[PartRequest] = Field(description="1 to 1,000.")


class SignedPart(Schema):
    """Send `method` to `url` with exactly `headers`."""

    part_number: int
    method: Literal["PUT"]
    url: str
    headers: dict[str, str]


class SignedParts(Schema):
    parts: list[SignedPart]


class PartOut(Schema):
    part_number: int = Field(validation_alias="number")
    size: int = Field(description="Bytes.")
    etag: str
    sha256: str = Field(
        validation_alias="checksum", description='Base64; "" if the part was sent without one.'
    )


class UploadOut(Schema):
    id: str
    state: Literal["pending", "scanning", "stored", "trashed", "rejected", "deleted"]
    reason: str | None = Field(None, description="In the language of `Accept-Language`.")
    reason_code: str | None = Field(None, description="Stable; null for records of old versions.")
    file: FileDetailOut | None = None

    @staticmethod
    def resolve_reason(status: UploadStatus) -> str | None:
        return describe(status.reason) or None

    @staticmethod
    def resolve_reason_code(status: UploadStatus) -> str | None:
        return status.reason.code or None


class TokenRequest(Schema):
    token: StrictStr | None = None


class AcceptedOut(Schema):
    id: str
    state: Literal["confirming"] = "confirming"


class ErrorOut(Schema):
    error: str
    code: str
    #: Also in the header X-Request-ID. The log lines of the request carry it.
    request_id: str | None = None


#: Error responses that any route may return.
ERRORS = dict.fromkeys((400, 401, 403, 404, 409, 413, 415, 429, 503), ErrorOut)
