"""Why a file could not be saved or opened."""

from __future__ import annotations

from uploads.core.errors import FilehubError, FileNotFound
from uploads.core.reasons import Reason
from uploads.core.texts import describe


class UploadRejected(FilehubError):
    """The file was rejected after it had been sent, and deleted; the code is that of the reason."""

    status = 422

    def __init__(self, reason: Reason) -> None:
        super().__init__(describe(reason), code=reason.code, parameters=reason.parameters)


class FileMissing(FileNotFound, FileNotFoundError):
    """There is no such file, or it is in the trash."""

    #: One deleted file must not break a page with many: templates show nothing in its place.
    silent_variable_failure = True


class FileWithheld(FilehubError, PermissionError):
    """The file must not be opened: it is being checked for malware, or in quarantine."""

    status = 409
    silent_variable_failure = True


class NoUrl(FilehubError, AttributeError):
    """The file has no URL, for one of these reasons.

    An AttributeError, because Django's widget asks for it with `getattr(file, "url", False)`, and
    the form of a row must work without it.
    """

    silent_variable_failure = True

    def __init__(self, reason: FileMissing | FileWithheld) -> None:
        super().__init__(reason.message, code=reason.code)
        self.status = reason.status
