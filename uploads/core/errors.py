"""The error tree. Each member has a stable `code`, an HTTP `status` and a sentence for a person.

`uploads.web.errors` turns them into JSON or a page, in one place.
"""

from __future__ import annotations


class FilehubError(Exception):
    """Base of every error that filehub answers with on purpose."""

    code = "error"
    status = 400
    message = "The request could not be carried out."
    #: Seconds after which trying again makes sense, or None.
    retry_after: int | None = None

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        self.message = message or self.message
        self.code = code or self.code
        super().__init__(self.message)


class InvalidRequest(FilehubError):
    """The input is malformed; the message says which part."""

    code = "invalid_request"


class NotAuthenticated(FilehubError):
    code = "not_authenticated"
    status = 401
    message = "Sign in, or send a valid API token as “Authorization: Bearer <token>”."


class CsrfFailed(FilehubError):
    code = "csrf_failed"
    status = 403
    message = "The CSRF token is missing or wrong. Reload the page and try again."


class NotAllowed(FilehubError):
    """Known, and not entitled to it."""

    code = "forbidden"
    status = 403
    message = "You are not allowed to do this."


class FileNotFound(FilehubError):
    """No such file for this user: a stranger's file and an unknown id look the same."""

    code = "file_not_found"
    status = 404
    message = "File not found"


class UploadNotFound(FilehubError):
    """No such upload for this user."""

    code = "upload_not_found"
    status = 404
    message = "Upload not found"


class UploadExpired(UploadNotFound):
    """An upload in parts that was begun too long ago."""

    code = "upload_expired"
    message = "This upload was begun too long ago. Begin it again."


class UploadCompleted(FilehubError):
    """The parts have been put together already."""

    code = "upload_completed"
    status = 409
    message = "This upload is complete already. To be rid of the file, delete it."


class PartsMissing(FilehubError):
    """S3 does not have every part in full; the message names the first few."""

    code = "parts_missing"
    status = 409


class FileTooLarge(FilehubError):
    code = "file_too_large"
    status = 413


class QuotaExceeded(FilehubError):
    """The owner would have more stored than they may; the message has the numbers."""

    code = "quota_exceeded"
    status = 413


class BodyTooLarge(FilehubError):
    code = "body_too_large"
    status = 413
    message = "The request's body is too large. Files go to S3, not here."


class RateLimited(FilehubError):
    """Too many requests within a period; `retry_after` says when the next one begins."""

    code = "rate_limited"
    status = 429
    message = "Too many requests in a short time. Try again in a moment."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TypeNotAllowed(FilehubError):
    code = "type_not_allowed"
    status = 415


class BackendUnavailable(FilehubError):
    """S3, SQS or DynamoDB did not answer, or refused. The cause is chained and logged."""

    code = "unavailable"
    status = 503
    message = "The storage service cannot be reached just now. Try again in a moment."
    retry_after = 5


class MalformedEvent(FilehubError):
    """A queue message that is no S3 event; it belongs in the dead-letter queue."""

    code = "malformed_event"
