"""Upload in the browser, and compare with S3."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import MIB, checksum
from tests.browser.test_page import row
from tests.support.installation import SMALL_PART, THRESHOLD, Installation
from tests.support.proxy import Fault, Request, parts

#: Seconds; longer than a part takes on a slow machine.
EXPIRY = 5
IN_ONE_REQUEST = pytest.param(MIB, id="one request", marks=pytest.mark.exhaustive)


def choose(page: Page, path: Path) -> None:
    page.set_input_files("#file-input", path)


def arrived(installation: Installation) -> int:
    """Bytes of all requests to which S3 has responded with 200."""
    return sum(request.size for request in installation.s3.requests(parts) if request.status == 200)


def stop_after(installation: Installation, size: int) -> Fault:
    """Let parts of this many bytes through to S3, and hold the others until `release`.

    So a test can act in the middle of an upload, on a machine of any speed.
    """

    def is_enough(request: Request) -> bool:
        if not parts(request):
            return False
        others = [other for other in installation.s3.requests(parts) if other is not request]
        # Those in flight count too: several begin before the first is confirmed.
        let_through = [r for r in others if r.fault != "hold" and (r.status == 200 or not r.over)]
        return sum(r.size for r in let_through) >= size

    return installation.s3.hold(is_enough)


def unfinished(installation: Installation) -> dict[str, int]:
    """The unfinished multipart uploads in the bucket, with the bytes of each."""
    sizes = {}
    for upload in installation.bucket.multipart_uploads.all():
        # It may end between the two requests.
        with contextlib.suppress(upload.meta.client.exceptions.NoSuchUpload):
            sizes[upload.id] = sum(part.size for part in upload.parts.all())
    return sizes


def keys(installation: Installation) -> set[str]:
    return {entry.key for entry in installation.bucket.objects.all()}


def assert_stored(page: Page, installation: Installation, path: Path) -> dict[str, Any]:
    """The page lists the file once, and its record and content match the file on disk."""
    expect(row(page, path.name)).to_have_count(1)
    [file] = installation.files(path.name)
    body = path.read_bytes()
    assert file["size"] == len(body)
    assert file["checksum"] == checksum(path, SMALL_PART if len(body) > THRESHOLD else None)
    assert (
        hashlib.sha256(installation.download(file["id"])).digest() == hashlib.sha256(body).digest()
    )
    assert unfinished(installation) == {}
    return file


def rewrite_middle(path: Path, offset: int) -> None:
    """Change a byte, but keep name, size and modification time."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
