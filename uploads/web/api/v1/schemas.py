"""Requests and responses, where they differ from those of the other routes."""

from __future__ import annotations

from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import BaseModel, BeforeValidator, ConfigDict, SkipValidation, StrictStr

from uploads.core import media_types, policy
from uploads.core.conf import rules
from uploads.core.errors import FilehubError
from uploads.core.folders import check_folder
from uploads.core.names import check_name
from uploads.files.batches import NewState
from uploads.files.record import FileInfo
from uploads.transfers.batch import MAX_FILES, Outcome
from uploads.transfers.begin import Started, StartedUpload
from uploads.web.api import file_schemas, schemas
from uploads.web.api.v1.errors import FieldError, InvalidFields, checked
from uploads.web.api.v1.states import FileState, state_of

#: Fields of responses are always there, so generated clients need not treat them as optional.
_COMPLETE = ConfigDict(json_schema_serialization_defaults_required=True)

_Folder = Annotated[schemas.Folder, checked(check_folder)]
_OptionalFolder = Annotated[StrictStr | None, checked(lambda path: check_folder(path or ""))]
_RequiredFolder = Annotated[StrictStr, checked(check_folder)]
_Path = Annotated[
    StrictStr,
    BeforeValidator(file_schemas.null_is_missing),
    Field(min_length=1),
    checked(check_folder),
]


def _check_optional_name(name: str | None) -> None:
    if name is not None:
        check_name(name)


def _check_optional_sha256(digest: str | None) -> None:
    if digest is not None:
        policy.check_sha256(digest)


# --- Uploads --------------------------------------------------------------------------------------


class NewUpload(schemas.UploadRequest):
    """A file to upload. Everything that is wrong with it is reported at once."""

    file_name: Annotated[schemas.FileName, Field(min_length=1), checked(check_name)]
    folder: _Folder = ""
    content_type: Annotated[
        StrictStr | None, checked(lambda value: media_types.check_type(value, rules()))
    ] = Field(None, examples=["image/png"])
    size: Annotated[
        schemas.Size, checked(lambda size: policy.check_size(size, rules(), in_parts=True))
    ]
    sha256: Annotated[StrictStr | None, checked(_check_optional_sha256)] = Field(
        None,
        description="Base64 of the SHA-256 digest. S3 refuses other bytes. Not used for parts.",
    )


class NewUploads(Schema):
    """`files` is validated file by file, so that an invalid one is that file's error only."""

    files: SkipValidation[list[NewUpload]] = Field(
        description=f"1 to {MAX_FILES}.",
        json_schema_extra={"minItems": 1, "maxItems": MAX_FILES},
    )


class SingleUpload(schemas.SignedUpload):
    """Send `method` to `url` with exactly `headers`, once, before `expires_at`."""

    model_config = _COMPLETE

    kind: Literal["single"] = "single"


class MultipartUpload(schemas.MultipartUpload):
    """Have parts signed, send them in any order, then complete: with `token`, until `expires_at`.

    The last part has the rest of the file.
    """

    model_config = _COMPLETE

    kind: Literal["multipart"] = "multipart"


class FailedUpload(BaseModel):
    """Why this file of a batch was not begun."""

    model_config = _COMPLETE

    kind: Literal["error"] = "error"
    error: str
    code: str
    retry_after: int | None = Field(description="Seconds; only if a retry makes sense.")
    errors: list[FieldError] = Field(description="Every invalid field; its pointers are relative.")


BegunUpload = Annotated[SingleUpload | MultipartUpload, Field(discriminator="kind")]
UploadResult = Annotated[SingleUpload | MultipartUpload | FailedUpload, Field(discriminator="kind")]


class BegunUploads(BaseModel):
    """A result for each file, in the order of the request."""

    results: list[UploadResult]


def upload_of(begun: Started) -> SingleUpload | MultipartUpload:
    """What a client needs to send the file, in the shape of its kind."""
    if isinstance(begun, StartedUpload):
        return SingleUpload.of(begun)
    return MultipartUpload.of(begun)


def result_of(outcome: Outcome) -> SingleUpload | MultipartUpload | FailedUpload:
    """What became of a file of a batch."""
    if not isinstance(outcome, FilehubError):
        return upload_of(outcome)
    return FailedUpload(
        error=outcome.message,
        code=outcome.code,
        retry_after=outcome.retry_after,
        errors=outcome.errors if isinstance(outcome, InvalidFields) else [],
    )


# --- Files ----------------------------------------------------------------------------------------


class File(file_schemas.ListedFileOut):
    """A file in any state. What does not apply to its state is null."""

    model_config = _COMPLETE

    state: FileState = Field(  # type: ignore[assignment]  # more states than in lists
        description="`deleting`: its deletion was requested, and S3 has not reported it so far. "
        "`deleted`: kept for 28 days. Lists do not have files of these two states."
    )

    @staticmethod
    def resolve_state(file: FileInfo) -> FileState:
        return state_of(file)


class FileChanges(file_schemas.FileChanges):
    """What to change; what is missing or null stays."""

    file_name: Annotated[StrictStr | None, checked(_check_optional_name)] = None
    folder: _OptionalFolder = Field(None, description="A path; empty for the root.")


class FilesToMove(file_schemas.MoveRequest):
    folder: _RequiredFolder = Field(description="A path; empty for the root.")


class Upload(schemas.UploadOut):
    """What became of an upload."""

    model_config = _COMPLETE

    file: File | None = Field(None, description="Only while it is stored.")  # type: ignore[assignment]


class StateOfFile(Schema):
    """The state of a file after a call, or of one that it had before."""

    id: str
    state: FileState


class ChangedFile(Schema):
    """What became of one file: a state, or an error."""

    model_config = _COMPLETE

    id: str
    state: NewState | None = None
    error: str | None = Field(None, description="A sentence.")
    code: str | None = None


class ChangedFiles(Schema):
    """A result for each id, in the order of the request."""

    results: list[ChangedFile]

    @classmethod
    def of(cls, changed: file_schemas.ChangedFiles) -> ChangedFiles:
        return cls(results=[ChangedFile(**result.model_dump()) for result in changed.results])


# --- Folders --------------------------------------------------------------------------------------


class NewFolder(file_schemas.FolderRequest):
    folder: _Path


class FolderMove(NewFolder, file_schemas.FolderMoveRequest):
    to: _Path = Field(description="The new path, with the new name.")


# --- Pages ----------------------------------------------------------------------------------------


class FilePage(Schema):
    model_config = _COMPLETE

    items: list[File]
    next_cursor: str | None = Field(None, description="For `cursor`; null on the last page.")
    examined: int | None = Field(
        None, description="Of a search or a type group: how many files this page examined."
    )


class FolderPage(Schema):
    """A folder, and a page of what is directly in it."""

    folder: file_schemas.FolderDetail
    folders: list[file_schemas.FolderOut]
    files: list[File]
    next_cursor: str | None = Field(description="For `cursor`; null on the last page.")


class UploadPage(Schema):
    model_config = _COMPLETE

    items: list[Upload]
    next_cursor: None = None


class PartPage(Schema):
    model_config = _COMPLETE

    items: list[schemas.PartOut]
    next_cursor: None = None
