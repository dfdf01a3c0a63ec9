"""A client for filehub: `Client`, `AsyncClient` for asyncio, and the command `filehub`.

It needs httpx and nothing else, in particular no Django. docs/client.md has examples.
"""

from filehub_client.client import AsyncClient, Client
from filehub_client.errors import (
    ApiError,
    ChecksumMismatch,
    ConfigurationError,
    ConnectionFailed,
    FileExists,
    FilehubError,
    LocalFileError,
    NotAuthenticated,
    NotFound,
    NotStoredInTime,
    RateLimited,
    StorageError,
    Unavailable,
    UnexpectedResponse,
    UploadDeleted,
    UploadRejected,
)
from filehub_client.local_files import LocalFile
from filehub_client.models import About, File, Outcome, UploadStatus
from filehub_client.retry import Retries

__all__ = [
    "About",
    "ApiError",
    "AsyncClient",
    "ChecksumMismatch",
    "Client",
    "ConfigurationError",
    "ConnectionFailed",
    "File",
    "FileExists",
    "FilehubError",
    "LocalFile",
    "LocalFileError",
    "NotAuthenticated",
    "NotFound",
    "NotStoredInTime",
    "Outcome",
    "RateLimited",
    "Retries",
    "StorageError",
    "Unavailable",
    "UnexpectedResponse",
    "UploadDeleted",
    "UploadRejected",
    "UploadStatus",
]
