"""The error hierarchy. Each error has a stable `code`, an HTTP `status` and a readable message.

`uploads.web.errors` renders them as JSON or as a page.
"""

from __future__ import annotations

from uploads.core.reasons import Parameters, Reason


class FilehubError(Exception):
    """Base of all errors that filehub reports to its callers."""

    code = "error"
    status = 400
    message = "The request could not be completed."
    #: Seconds after which a retry makes sense, or None.
    retry_after: int | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        parameters: Parameters | None = None,
    ) -> None:
        """`parameters` are the values in the message, if the error may be stored as a reason."""
        self.message = message or self.message
        self.code = code or self.code
        self.parameters: Parameters = parameters or {}
        super().__init__(self.message)

    @property
    def reason(self) -> Reason:
        """The error in the form in which it is stored."""
        return Reason(self.code, self.parameters)


class InvalidRequest(FilehubError):
    """The input is invalid; the message says which part."""

    code = "invalid_request"


class NotAuthenticated(FilehubError):
    code = "not_authenticated"
    status = 401
    message = "Sign in, or send a valid API token as “Authorization: Bearer <token>”."


class TokenExpired(NotAuthenticated):
    """The API token was valid until its expiry date."""

    code = "token_expired"
    message = "This API token has expired. Create a new one."


class InsufficientScope(FilehubError):
    """The API token does not permit this request. The user's session does."""

    code = "insufficient_scope"
    status = 403

    def __init__(self, scope: str | None) -> None:
        """`scope` is what the route needs; None if it accepts no API tokens."""
        super().__init__(
            f"This API token does not have the scope “{scope}”. Create a token that has it."
            if scope
            else "API tokens are not accepted here. Sign in instead."
        )


class CsrfFailed(FilehubError):
    code = "csrf_failed"
    status = 403
    message = "The CSRF token is missing or incorrect. Reload the page and try again."


class NotAllowed(FilehubError):
    """The user is signed in but lacks the permission."""

    code = "forbidden"
    status = 403
    message = "You don't have permission to do this."


class FileNotFound(FilehubError):
    """The user has no such file. Another user's file and an unknown id look the same."""

    code = "file_not_found"
    status = 404
    message = "File not found"


class FileBeingDeleted(FilehubError):
    """The file was in the trash and is being permanently deleted; its object may be gone."""

    code = "being_deleted"
    status = 409
    message = "This file is already being deleted."


class FileClaimed(FilehubError):
    """Something else uses the file that was uploaded for a form field."""

    code = "file_claimed"
    status = 409
    message = "This file is already used."


class IdempotencyKeyReused(FilehubError):
    """A key that makes requests repeatable was sent with a different request."""

    code = "idempotency_key_reused"
    status = 422
    message = "This Idempotency-Key was used for another request. Send a new one."


class FolderNotFound(FilehubError):
    """The user has no such folder."""

    code = "folder_not_found"
    status = 404
    message = "Folder not found"


class FolderNotEmpty(FilehubError):
    """Only empty folders can be deleted."""

    code = "folder_not_empty"
    status = 409
    message = "This folder is not empty. Move or delete what is in it first."


class FolderExists(FilehubError):
    """A folder cannot take the place of another one."""

    code = "folder_exists"
    status = 409
    message = "There is already a folder with this name. Choose another name."


class FolderMoving(FilehubError):
    """A folder is being moved to a different place already."""

    code = "folder_moving"
    status = 409
    message = "This folder is being moved already. Try again when that is done."


class UploadNotFound(FilehubError):
    """The user has no such upload."""

    code = "upload_not_found"
    status = 404
    message = "Upload not found"


class UploadExpired(UploadNotFound):
    """A multipart upload was started too long ago."""

    code = "upload_expired"
    message = "This upload has expired. Start it again."


class UploadCompleted(FilehubError):
    """The multipart upload has already been completed."""

    code = "upload_completed"
    status = 409
    message = "This upload is already complete. To remove the file, delete it."


class PartsMissing(FilehubError):
    """S3 does not have every part in full; the message lists the first few missing parts."""

    code = "parts_missing"
    status = 409


class FileTooLarge(FilehubError):
    code = "file_too_large"
    status = 413


class QuotaExceeded(FilehubError):
    """The file would exceed the owner's quota; the message has the numbers."""

    code = "quota_exceeded"
    status = 413


class BodyTooLarge(FilehubError):
    code = "body_too_large"
    status = 413
    message = "The request body is too large. Upload files to S3, not to this API."


class RateLimited(FilehubError):
    """Too many requests within a period; `retry_after` is the time until the next period."""

    code = "rate_limited"
    status = 429
    message = "Too many requests. Try again in a few minutes."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManySignIns(RateLimited):
    """Too many failed attempts to sign in, as one user or from one address."""

    code = "too_many_sign_ins"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        minutes = -(-retry_after // 60)
        unit = "minute" if minutes == 1 else "minutes"
        self.message = f"Too many failed attempts to sign in. Try again in {minutes} {unit}."


class TypeNotAllowed(FilehubError):
    code = "type_not_allowed"
    status = 415


class BackendUnavailable(FilehubError):
    """S3, SQS or DynamoDB failed or did not respond. The cause is chained and logged."""

    code = "unavailable"
    status = 503
    message = "The storage service is temporarily unavailable. Try again in a moment."
    retry_after = 5


class MalformedEvent(FilehubError):
    """A queue message is not an S3 event and belongs in the dead-letter queue.

    `uploads.core.texts` has the sentences of the codes.
    """

    code = "malformed_event"
