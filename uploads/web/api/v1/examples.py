"""An example of each operation, by its name. A test sends each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FILE_ID = "0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d7"
OTHER_ID = "0199f7a1-6a53-7d21-8c04-0f6d2b8e51a3"
#: Not valid, of course.
TOKEN = "eyJ1cGxvYWRfaWQiOiIwMTk5ZjdhMSJ9:1v3Zxk:Jd0c2bQ6mX1oV4lq9sT7wYz8aBcDeFgHiJkLmNoPqRs"  # noqa: S105
#: Examples of parameters that mean the same everywhere.
PARAMETERS = {"file_id": FILE_ID, "upload_id": FILE_ID, "token": TOKEN}

_SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
_SIGNED = (
    "https://filehub-uploads.s3.eu-central-1.amazonaws.com/uploads/7/0199f7a1-6a52-7c3e-9d10-"
    "4be2a1f0c9d7?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=5d41402abc4b2a76b9719d911017c592"
)
_SINGLE = {
    "kind": "single",
    "id": FILE_ID,
    "method": "PUT",
    "url": _SIGNED,
    "headers": {
        "Content-Type": "image/png",
        "If-None-Match": "*",
        "x-amz-meta-filename": "beach.png",
        "x-amz-meta-folder": "Photos/2024",
        "x-amz-meta-owner": "1",
    },
    "expires_at": "2026-01-01T12:15:00Z",
}
_MULTIPART = {
    "kind": "multipart",
    "id": OTHER_ID,
    "token": TOKEN,
    "multipart": {"part_size": 16777216, "part_count": 64},
    "expires_at": "2026-01-08T12:00:00Z",
}
_PHOTO = {
    "file_name": "beach.png",
    "folder": "Photos/2024",
    "content_type": "image/png",
    "size": 48213,
}
_VIDEO = {"file_name": "surf.mp4", "content_type": "video/mp4", "size": 1073741824}
_FILE = {
    "id": FILE_ID,
    "file_name": "beach.png",
    "folder": "Photos/2024",
    "content_type": "image/png",
    "kind": "image",
    "type_name": "Image",
    "size": 48213,
    "checksum": "",
    "created_at": "2026-01-01T12:00:00Z",
    "confirmed_at": "2026-01-01T12:00:03Z",
    "owner": "demo",
    "tags": [],
    "context": {},
    "thumbnail_url": None,
    "state": "stored",
    "trashed_at": None,
    "purge_at": None,
    "reason": None,
    "reason_code": None,
}
_UPLOAD = {"id": FILE_ID, "state": "stored", "reason": None, "reason_code": None, "file": _FILE}
_IDS = {"ids": [FILE_ID, OTHER_ID]}


def _changed(state: str) -> dict[str, Any]:
    return {
        "results": [
            {"id": FILE_ID, "state": state, "error": None, "code": None},
            {"id": OTHER_ID, "state": None, "error": "File not found", "code": "file_not_found"},
        ]
    }


@dataclass(frozen=True)
class Example:
    """A request, and the response that it gets, apart from ids, times and signatures."""

    status: int
    response: Any = None
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)


EXAMPLES: Mapping[str, Example] = {
    "begin_upload": Example(201, _SINGLE, _PHOTO, {"Idempotency-Key": "8e03978e-40d5-43dd-bc93"}),
    "begin_uploads": Example(
        200,
        {
            "results": [
                _SINGLE,
                _MULTIPART,
                {
                    "kind": "error",
                    "error": "Missing size",
                    "code": "missing_size",
                    "retry_after": None,
                    "errors": [
                        {
                            "field": "size",
                            "pointer": "/size",
                            "error": "Missing size",
                            "code": "missing_size",
                        }
                    ],
                },
            ]
        },
        {"files": [_PHOTO, _VIDEO, {"file_name": "notes.txt"}]},
        {"Idempotency-Key": "0d9f5a62-9c1b-4f0e-a7a5"},
    ),
    "list_uploads": Example(
        200, {"items": [_UPLOAD], "next_cursor": None}, query={"ids": [FILE_ID, OTHER_ID]}
    ),
    "get_upload": Example(200, _UPLOAD),
    "complete_upload": Example(202, {"id": FILE_ID, "state": "confirming"}, {"token": TOKEN}),
    "abort_upload": Example(204),
    "list_parts": Example(
        200,
        {
            "items": [
                {
                    "part_number": 1,
                    "size": 5242880,
                    "etag": "9b2cf535f27731c974343645a3985328",
                    "sha256": _SHA256,
                }
            ],
            "next_cursor": None,
        },
    ),
    "sign_parts": Example(
        200,
        {
            "parts": [
                {
                    "part_number": 1,
                    "method": "PUT",
                    "url": _SIGNED,
                    "headers": {"x-amz-checksum-sha256": _SHA256},
                }
            ]
        },
        {"token": TOKEN, "parts": [{"part_number": 1, "sha256": _SHA256}]},
    ),
    "list_files": Example(
        200,
        {"items": [_FILE], "next_cursor": None, "examined": 1},
        query={"limit": 50, "q": "beach", "type": "image"},
    ),
    "get_version": Example(200, {"version": 42}),
    "move_files": Example(200, _changed("moved"), {**_IDS, "folder": "Photos/Best"}),
    "trash_files": Example(200, _changed("trashed"), _IDS),
    "restore_files": Example(200, _changed("stored"), _IDS),
    "delete_files": Example(200, _changed("deleting"), _IDS),
    "empty_trash": Example(200, {"deleted": 12, "failed": 0, "more": False}, {"limit": 100}),
    "get_file": Example(200, _FILE),
    "change_file": Example(
        200,
        {**_FILE, "file_name": "sunset.png"},
        {"file_name": "sunset.png", "folder": "Photos/2024"},
    ),
    "delete_file": Example(202, {"id": FILE_ID, "state": "deleting"}),
    "trash_file": Example(200, {"id": FILE_ID, "state": "trashed"}),
    "restore_file": Example(200, {"id": FILE_ID, "state": "stored"}),
    "get_download": Example(
        200, {"url": _SIGNED, "expires_at": "2026-01-01T12:15:00Z"}, query={"inline": True}
    ),
    "get_preview": Example(
        200,
        {
            "kind": "image",
            "reason": None,
            "url": _SIGNED,
            "expires_at": "2026-01-01T12:15:00Z",
            "charset": None,
            "max_bytes": None,
        },
    ),
    "get_folder": Example(
        200,
        {
            "folder": {
                "folder": "Photos",
                "name": "Photos",
                "files": 0,
                "bytes": 0,
                "moving_to": None,
            },
            "folders": [{"folder": "Photos/2024", "name": "2024", "files": 1, "bytes": 48213}],
            "files": [],
            "next_cursor": None,
        },
        query={"folder": "Photos", "sort": "name"},
    ),
    "create_folder": Example(
        201, {"folder": "Photos/2025", "state": "created"}, {"folder": "Photos/2025"}
    ),
    "move_folder": Example(
        200,
        {"folder": "Archive/2024", "state": "moved"},
        {"folder": "Photos/2024", "to": "Archive/2024"},
    ),
    "delete_folder": Example(204, query={"folder": "Empty"}),
}
