"""Requests and responses about files and folders, as in docs/contract.md."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import BaseModel, BeforeValidator, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.errors import BackendUnavailable
from uploads.core.labels import parse_context
from uploads.core.previews import NoPreview, PreviewKind
from uploads.core.texts import describe
from uploads.core.type_lists import Kind
from uploads.core.type_names import type_name
from uploads.files.batches import MAX_IDS, NewState
from uploads.files.browse import Sort
from uploads.files.folder_items import FolderInfo
from uploads.files.record import FileInfo
from uploads.files.thumbnails import thumbnail_url
from uploads.files.trash import EMPTIED_AT_ONCE
from uploads.models import Scope
from uploads.web.api.auth import permits


def null_is_missing(value: Any) -> Any:
    """Treat null and an empty string as a missing field."""
    if value is None or value == "":
        raise PydanticCustomError("missing", "Field required")
    return value


def _empty_is_none(value: Any) -> Any:
    return value or None


class PageQuery(Schema):
    """Pagination, and what lists of one folder and of all have in common."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str = ""
    sort: Sort = "-date"
    kind: Annotated[Kind | None, BeforeValidator(_empty_is_none)] = Field(
        None, alias="type", description="A type group."
    )


class FilesQuery(PageQuery):
    """Filters and pagination for the file list."""

    folder: str | None = Field(
        None,
        description="Only files directly in this folder (empty: the root); with `q`, `name`, `tag` "
        "or another `state`, also those in its subfolders.",
    )
    q: str = Field("", description="Part of the name, whatever the case and the accents.")
    name: str = Field("", description="The exact name.")
    tag: str = Field("", description="One of the file's tags, exactly.")
    state: Literal["stored", "scanning", "trashed", "rejected"] = Field(
        "stored",
        description="Files that are being checked for malware, are in the trash, or were rejected "
        "within the last 28 days, instead.",
    )


class FolderQuery(PageQuery):
    folder: str = Field("", description="The path; empty for the root.")


class FolderOut(Schema):
    folder: str = Field(description="The path.")
    name: str = Field(description="The last name in the path.")
    files: int = Field(description="The number of files directly inside.")
    bytes: int = Field(description="Their total size.")


class FolderDetail(FolderOut):
    moving_to: str | None = Field(description="Where it is being moved to.")

    @staticmethod
    def resolve_moving_to(info: FolderInfo) -> str | None:
        return info.moving_to or None


class FolderRequest(Schema):
    folder: Annotated[StrictStr, BeforeValidator(null_is_missing)]


class FolderMoveRequest(FolderRequest):
    to: Annotated[StrictStr, BeforeValidator(null_is_missing)] = Field(
        description="The new path, with the new name."
    )


class FolderState(Schema):
    folder: str
    state: Literal["created", "exists", "moved", "moving"]


class VersionOut(Schema):
    version: int = Field(description="Changes whenever your list does.")


class _FileFields(Schema):
    id: str
    file_name: str
    folder: str = Field(description="The path of its folder; empty for the root.")
    content_type: str
    kind: Kind = Field(description="The type group, as in `?type=`.")
    type_name: str = Field(
        description="The type in plain words, in the language of `Accept-Language`."
    )
    size: int = Field(description="Bytes.")
    checksum: str = Field(description='Base64 SHA-256 verified by S3; "" if the upload had none.')
    created_at: datetime
    confirmed_at: datetime | None = None
    owner: str = Field(description="Username.")
    tags: list[str] = []
    context: dict[str, Any] = Field(
        {}, description="The JSON object that was sent with the upload, or set later."
    )
    thumbnail_url: str | None = Field(
        None,
        description="A presigned GET of a WebP image, at most 320 pixels wide and high; null if "
        "there is none (yet). It stays the same for some minutes. Needs the scope `read`.",
    )

    @staticmethod
    def resolve_thumbnail_url(file: FileInfo, context: Any) -> str | None:
        """Sign the address. Calls that return a file without the scope to read it show none."""
        request = context["request"]
        if not permits(request, Scope.READ):
            return None
        try:
            return thumbnail_url(file)
        except BackendUnavailable as exc:
            # pydantic replaces it by an error of its own, which only has its text.
            request.response_error = exc
            raise

    @staticmethod
    def resolve_context(file: FileInfo) -> dict[str, Any]:
        return parse_context(file.context)

    @staticmethod
    def resolve_type_name(file: FileInfo) -> str:
        return type_name(file.content_type)

    @staticmethod
    def resolve_owner(_file: FileInfo, context: Any) -> str:
        """Return the caller's name: records have primary keys, and callers see only their files."""
        request: AuthenticatedHttpRequest = context["request"]
        return request.user.get_username()


class FileOut(_FileFields):
    state: Literal["stored"]


class FileDetailOut(FileOut):
    """A file by itself, with what lists do not have."""

    destination: str | None = Field(None, description="The destination that was chosen.")
    kept_until: datetime | None = Field(
        None, description="When it moves to the trash by itself; null: never."
    )

    @staticmethod
    def resolve_destination(file: FileInfo) -> str | None:
        return file.destination or None


class ListedFileOut(_FileFields):
    """A file of a list. What does not apply to its state is left out."""

    state: Literal["stored", "scanning", "trashed", "rejected"] = Field(
        description="A file in quarantine is `rejected`."
    )
    trashed_at: datetime | None = Field(None, description="Only in the trash.")
    purge_at: datetime | None = Field(
        None, description="When it is permanently deleted; only in the trash."
    )
    reason: str | None = Field(
        None, description="Why it was rejected, in the language of `Accept-Language`."
    )
    reason_code: str | None = Field(None, description="Stable; null for records of old versions.")

    @staticmethod
    def resolve_state(file: FileInfo) -> str:
        return "rejected" if file.state == "quarantined" else file.state

    @staticmethod
    def resolve_trashed_at(file: FileInfo) -> datetime | None:
        return file.trashed_at if file.state == "trashed" else None

    @staticmethod
    def resolve_reason(file: FileInfo) -> str | None:
        return describe(file.reason) or None

    @staticmethod
    def resolve_reason_code(file: FileInfo) -> str | None:
        return file.reason.code or None


class FolderContents(Schema):
    """A folder, and a page of what is directly in it: subfolders and files."""

    folder: FolderDetail
    folders: list[FolderOut]
    files: list[FileOut]
    next_cursor: str | None = Field(description="Null on the last page.")


class ListPage(Schema):
    """A page of any list, as the page's scripts use it (static/uploads/page/files/types.js)."""

    folder: FolderDetail | None
    folders: list[FolderOut]
    files: list[ListedFileOut]
    next_cursor: str | None
    examined: int | None


class DownloadOut(Schema):
    url: str
    expires_at: datetime


class PreviewOut(Schema):
    """How a browser shows a file. Without a `kind`, only `reason` is not null."""

    kind: PreviewKind | None = Field(description="What the file is shown as.")
    reason: NoPreview | None = Field(description="Why it is not shown.")
    url: str | None = Field(description="A presigned GET, displayed instead of saved.")
    expires_at: datetime | None
    charset: str | None = Field(
        description="The encoding that was declared for a text; null if none was."
    )
    max_bytes: int | None = Field(description="How many of the first bytes of a text to show.")


class DeletingOut(Schema):
    id: str
    state: Literal["deleting"] = "deleting"


class FileChanges(Schema):
    """What to change; what is missing or null stays."""

    file_name: StrictStr | None = None
    folder: StrictStr | None = Field(None, description="A path; empty for the root.")
    tags: list[StrictStr] | None = Field(None, description="Instead of those that it has.")
    context: dict[str, Any] | None = Field(None, description="Instead of what it has.")


class FileIds(Schema):
    ids: list[StrictStr] = Field(description=f"1 to {MAX_IDS} ids of files.")


class MoveRequest(FileIds):
    folder: Annotated[StrictStr, Field(description="A path; empty for the root.")]


class FileState(BaseModel):
    """The state of a file after the change."""

    id: str
    state: NewState


class FailedChange(BaseModel):
    """Why a file was not changed. Other users' files and unknown ids are `file_not_found`."""

    id: str
    error: str
    code: str


class ChangedFiles(BaseModel):
    """A result for each id, in the order of the request."""

    results: list[FileState | FailedChange]


class EmptyRequest(Schema):
    limit: StrictInt = Field(
        EMPTIED_AT_ONCE, ge=1, le=EMPTIED_AT_ONCE, description="The most files to delete now."
    )


class EmptiedOut(Schema):
    """`more`: the trash has more files, so send the request again."""

    deleted: int = Field(description="Files that are being deleted.")
    failed: int = Field(description="Files that could not be deleted now; they are still there.")
    more: bool
