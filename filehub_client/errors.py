"""The error tree. Each error has a stable `code` and a sentence that can be shown to users.

`code` is the API's code (docs/contract.md), S3's, or one of those below. No text of an error
contains a token or a presigned URL.
"""

from __future__ import annotations

import re
from typing import Literal

#: What helps after an error of S3. `sign again`: the signature or its credentials are no longer
#: valid; `send again`: the bytes were damaged on the way; `wait`: the same request may succeed
#: later; `arrived`: an earlier attempt has succeeded; `give up`: repeating it is pointless.
Remedy = Literal["sign again", "send again", "wait", "arrived", "give up"]

#: By S3's code, because one status has several meanings. The same table as that of
#: static/uploads/client/errors.js; a test compares them.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
REMEDIES: dict[str, Remedy] = {
    "ExpiredToken": "sign again",
    "InvalidToken": "sign again",
    "TokenRefreshRequired": "sign again",
    "InvalidAccessKeyId": "sign again",
    "RequestExpired": "sign again",
    "RequestTimeTooSkewed": "sign again",
    "BadDigest": "send again",
    "XAmzContentChecksumMismatch": "send again",
    "XAmzContentSHA256Mismatch": "send again",
    "InvalidDigest": "send again",
    "IncompleteBody": "send again",
    "SlowDown": "wait",
    "InternalError": "wait",
    "ServiceUnavailable": "wait",
    "RequestTimeout": "wait",
    "RequestTimeoutException": "wait",
    "Throttling": "wait",
    "ThrottlingException": "wait",
    "RequestThrottled": "wait",
    "RequestLimitExceeded": "wait",
    "BandwidthLimitExceeded": "wait",
    "TooManyRequests": "wait",
    "KMS.ThrottlingException": "wait",
    "OperationAborted": "wait",
    "ConditionalRequestConflict": "wait",
    "PreconditionFailed": "arrived",
    "NoSuchUpload": "give up",
    "AccessDenied": "give up",
    "SignatureDoesNotMatch": "give up",
    "EntityTooLarge": "give up",
    "NoSuchBucket": "give up",
    "NotImplemented": "give up",
}


class FilehubError(Exception):
    """Base of all errors of this package.

    `retry_after` is the number of seconds after which the server suggests another attempt, or None.
    `is_temporary` says whether another attempt may succeed; the client has made several by then.
    """

    code = "error"
    is_temporary = False

    def __init__(
        self, message: str, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        self.message = message
        self.code = code or self.code
        self.retry_after = retry_after
        super().__init__(message)


class ConfigurationError(FilehubError):
    """The address of the site or the token is missing or malformed."""

    code = "invalid_configuration"


class ConnectionFailed(FilehubError):
    """A server could not be reached, or the connection broke: it may have got the request."""

    code = "connection_failed"
    is_temporary = True


class UnexpectedResponse(FilehubError):
    """The server's response is not one of filehub's, for example a page of a proxy."""

    code = "unexpected_response"


class ApiError(FilehubError):
    """filehub refused the request. `status` is the HTTP status."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, retry_after=retry_after)
        self.status = status


class NotAuthenticated(ApiError):
    """The token is wrong, expired or revoked."""


class NotFound(ApiError):
    """You have no such file or upload."""


class RateLimited(ApiError):
    """Too many requests for signatures."""

    is_temporary = True


class Unavailable(ApiError):
    """The server, or a service that it needs, is out of order."""

    is_temporary = True


class StorageError(FilehubError):
    """S3 refused a request. `code` is S3's, or empty; `remedy` says what may help."""

    def __init__(self, status: int, body: bytes) -> None:
        text = body[:100_000].decode("utf-8", "replace")
        found = re.search(r"<Code>([\w.]{1,100})</Code>", text)
        code = found[1] if found else ""
        super().__init__(f"S3 responded with {status} {code}".rstrip() + ".")
        self.code = code or "storage_error"
        self.status = status
        self.remedy = remedy_for(status, code, text)
        self.is_temporary = self.remedy in {"wait", "send again", "sign again"}


class LocalFileError(FilehubError):
    """A local file cannot be read or written, or changed during the transfer."""

    code = "local_file_error"


class FileExists(LocalFileError):
    """A download would overwrite a local file."""

    code = "file_exists"


class ChecksumMismatch(FilehubError):
    """The downloaded bytes are not those that were uploaded."""

    code = "checksum_mismatch"


class UploadRejected(FilehubError):
    """filehub inspected the uploaded file and deleted it; the message says why."""

    code = "rejected"


class UploadDeleted(FilehubError):
    """The file was deleted, or moved to the trash, before it could be returned."""

    code = "deleted"


class NotStoredInTime(FilehubError):
    """The bytes are in S3, but the file was not recorded in the time that you gave."""

    code = "not_stored_in_time"
    is_temporary = True


def remedy_for(status: int, code: str, text: str) -> Remedy:
    """What helps after this response of S3, by the rules of static/uploads/client/errors.js."""
    # S3 reports an expired signature as AccessDenied, and says so only in the message.
    is_expired = re.search("expired", text, re.IGNORECASE)
    if code in {"", "AccessDenied"} and status in {400, 403} and is_expired:
        return "sign again"
    if code in REMEDIES:
        return REMEDIES[code]
    if status == 412:
        return "arrived"
    return "wait" if status >= 500 or status in {408, 409, 425, 429} else "give up"


def api_error(status: int, message: str, code: str, retry_after: float | None = None) -> ApiError:
    """The error for a response of the API with this status and code."""
    kinds: dict[int, type[ApiError]] = {401: NotAuthenticated, 404: NotFound, 429: RateLimited}
    kind = kinds.get(status, Unavailable if status >= 500 else ApiError)
    return kind(message, status=status, code=code, retry_after=retry_after)
