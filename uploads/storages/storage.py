"""The storage itself: names, saving, reading, deleting."""

from __future__ import annotations

import posixpath
from datetime import datetime
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.base import File
from django.core.files.storage import Storage
from django.core.files.utils import validate_file_name
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from django.utils.deconstruct import deconstructible

from uploads.aws import downloads
from uploads.core import folders, stored_names
from uploads.core.errors import BackendUnavailable, FilehubError, InvalidRequest
from uploads.core.names import check_name
from uploads.core.texts import describe_error
from uploads.files import actions, browse, queries, quotas, trash
from uploads.files.batches import Actor
from uploads.files.record import OWNED_STATES, FileInfo
from uploads.ingest import confirm
from uploads.storages.content import StoredContent, as_bytes, type_of
from uploads.storages.errors import FileMissing, FileWithheld, NoUrl, UploadRejected
from uploads.storages.ownership import GetOwner, Owner, current_owner
from uploads.transfers import begin, direct

#: Entries of a folder that are requested at a time.
_PAGE = 500
_WITHHELD = {
    "scanning": "The file is still being checked for malware.",
    "quarantined": "The file is in quarantine and cannot be opened.",
}
#: An id of the usual length.
_EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"


def validate_upload(file: FieldFile) -> None:
    """A validator for model fields: forms show what the storage would refuse to save.

    It checks name, size and type, and the quota if there is an owner. Raises ValidationError.
    """
    if getattr(file, "_committed", True) or not isinstance(file.storage, FilehubStorage):
        return
    try:
        file.storage.check(str(file.name), cast("File[Any]", file.file))
    except FilehubError as exc:
        raise ValidationError(describe_error(exc), code=exc.code) from exc


@deconstructible(path="uploads.storages.FilehubStorage")
class FilehubStorage(Storage):
    """Saves files as a user uploads them, and returns once they are recorded.

    Names that `save` returns have the id of the file and stay valid when the file is renamed or
    moved. Every other name is a path below the storage's folder: the newest file there of the
    storage's owner.
    """

    def __init__(
        self,
        *,
        owner: Owner | None = None,
        get_owner: GetOwner | None = None,
        folder: str = "",
    ) -> None:
        """`get_owner` is a function, or its dotted path, and may return None: no owner."""
        self._fixed_owner = owner
        self._get_owner = get_owner
        self._folder = folders.check_folder(folder.strip("/"))

    # --- Saving ---------------------------------------------------------------------------------

    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Send the content to S3, record it, and return its name (see `uploads.core.stored_names`).

        Of a name that is too long for `max_length` characters the record has all. Raises
        ImproperlyConfigured without an owner, SuspiciousFileOperation for a path that leaves the
        storage, InvalidRequest, FileTooLarge, TypeNotAllowed, QuotaExceeded, UploadRejected and
        BackendUnavailable. After an error, there is no file.
        """
        content = content if hasattr(content, "chunks") else File(content, name)
        given = str(name or content.name)
        owner, file = self._required_owner(), self._request(given, content)
        # Fail before anything is sent if the column is too short.
        stored_names.stored_name(_EXAMPLE_ID, file.file_name, max_length)
        with as_bytes(content) as body:
            upload_id = direct.upload(owner, file, body)
        try:
            info = _recorded(upload_id)
        except BaseException:
            direct.discard(upload_id)
            raise
        if info is not None and info.state == "rejected":
            raise UploadRejected(info.reason)
        if info is None or info.state == "deleted":
            raise BackendUnavailable("The file was deleted while it was being recorded.")
        return stored_names.stored_name(upload_id, file.file_name, max_length)

    def check(self, name: str, content: Any) -> None:
        """Raise what `save` would raise about name, type, size and quota. Sends nothing."""
        planned = begin.plan_upload(self._request(name, content, size=content.size))
        if owner := self._current_owner():
            quotas.check(owner, quotas.limit_of_owner(owner), planned.file.size)

    def _request(self, name: str, content: Any, size: int | None = None) -> begin.FileRequest:
        folder, file_name = self._place(name)
        check_name(file_name)
        return begin.FileRequest(
            file_name, size, content_type=type_of(content, file_name), folder=folder
        )

    def _place(self, name: str) -> tuple[str, str]:
        """The folder and the name of the file that a path names."""
        path = str(validate_file_name(name.replace("\\", "/"), allow_relative_path=True))
        folder, file_name = posixpath.split(path)
        return folders.check_folder(self._path(folder)), file_name

    def _path(self, folder: str) -> str:
        names = [part for part in folder.split("/") if part not in {"", "."}]
        return "/".join([*filter(None, [self._folder]), *names])

    def get_valid_name(self, name: str) -> str:
        """The name as it is, but for what no file's name may have: keys do not contain it."""
        return stored_names.valid_file_name(name)

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name as it is: each file has its own id, so that no name is taken."""
        return name

    # --- The owner ------------------------------------------------------------------------------

    def _current_owner(self) -> str | None:
        return current_owner(self._fixed_owner, self._get_owner)

    def _required_owner(self) -> str:
        owner = self._current_owner()
        if owner is None:
            raise ImproperlyConfigured(
                "FilehubStorage does not know whose file this is. Call it within "
                "uploads.storages.as_owner(user), or set the option owner or get_owner."
            )
        return owner

    # --- Reading --------------------------------------------------------------------------------

    def _find(self, name: str) -> FileInfo | None:
        """The file that a name names, in any state; None if there is none."""
        upload_id = stored_names.upload_id_in(name)
        if upload_id is None:
            try:
                folder, file_name = self._place(name)
            except InvalidRequest:
                return None  # no file can have such a path
            found = browse.find_named(self._required_owner(), folder, file_name)
            upload_id = found.id if found else None
        # The index may not know yet that a file is gone.
        info = queries.any_file(upload_id) if upload_id else None
        if info is None or (info.deletion_requested_at and not actions.has_object(info)):
            return None
        return info

    def _known(self, name: str) -> FileInfo:
        """The file of this name, even if it must not be opened. Raises FileMissing."""
        info = self._find(name)
        if info is None or (info.state != "stored" and info.state not in _WITHHELD):
            raise FileMissing
        return info

    def _readable(self, name: str) -> FileInfo:
        """The file of this name. Raises FileMissing and FileWithheld."""
        info = self._known(name)
        if info.state in _WITHHELD:
            raise FileWithheld(_WITHHELD[info.state], code=info.state)
        return info

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        """Raises FileMissing, FileWithheld, and ValueError for any mode but reading."""
        if mode not in {"r", "rb", "rt"}:
            raise ValueError("Stored files cannot be changed. Save a new one.")
        return StoredContent(self._readable(name), name, mode)

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name, also while it is checked for malware."""
        info = self._find(name)
        return info is not None and info.state in {"stored", "scanning"}

    def size(self, name: str) -> int:
        """Bytes. Raises FileMissing."""
        return int(self._known(name).size)

    def url(self, name: str | None) -> str:
        """A presigned URL for `FILEHUB_URL_EXPIRY` seconds, which downloads the file.

        It is not counted as a download: pages ask for URLs that nobody may open. Raises NoUrl.
        """
        try:
            info = self._readable(str(name))
        except (FileMissing, FileWithheld) as exc:
            raise NoUrl(exc) from exc
        return downloads.sign(info.id, file_name=info.file_name)[0]

    def get_created_time(self, name: str) -> datetime:
        """When its upload began. Raises FileMissing."""
        return _in_django(self._known(name).created_at)

    def get_modified_time(self, name: str) -> datetime:
        """When it was stored: content never changes. Raises FileMissing."""
        info = self._known(name)
        return _in_django(info.confirmed_at or info.created_at)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """The subfolders and the files directly in a folder of the storage's owner, by name.

        Reads the whole folder, page by page. A name with a slash, which only other clients can
        give a file, is left out: no path names it.
        """
        folder = folders.check_folder(self._path(path.replace("\\", "/")))
        owner, cursor = self._required_owner(), None
        directories: list[str] = []
        files: dict[str, None] = {}
        while True:
            page = browse.contents(owner, folder, limit=_PAGE, sort="name", cursor=cursor)
            directories += [folders.name_of(entry.folder) for entry in page.folders]
            files |= dict.fromkeys(info.file_name for info in page.files)
            cursor = page.next_cursor
            if cursor is None:
                return directories, [name for name in files if "/" not in name]

    # --- Deleting -------------------------------------------------------------------------------

    def delete(self, name: str) -> None:
        """Move the file to the trash of its owner, who can restore it. Does nothing without one.

        It is deleted if there is no trash, and while it is checked for malware or in quarantine.
        Raises BackendUnavailable.
        """
        info = self._find(name)
        if info is None:
            return
        change = trash.move_to_trash if info.state in OWNED_STATES else trash.delete
        (result,) = change([info.id], Actor(self._current_owner() or info.owner, info.owner))
        if isinstance(result.error, BackendUnavailable):
            raise result.error


def _recorded(upload_id: str) -> FileInfo | None:
    """Record the object as a hint does, and return its record."""
    try:
        confirm.confirm(upload_id)
    except BackendUnavailable:
        # Recorded, but a task could not be queued, for example: S3's event makes up for it.
        info = queries.any_file(upload_id)
        if info is None or info.state not in {"stored", "scanning"}:
            raise
        return info
    return queries.any_file(upload_id)


def _in_django(moment: datetime) -> datetime:
    """A time as Django's storages return it: naive, in the default time zone, without USE_TZ."""
    return moment if settings.USE_TZ else timezone.make_naive(moment)
