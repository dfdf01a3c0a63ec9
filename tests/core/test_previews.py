"""What is previewed as what, and what is not."""

from __future__ import annotations

import pytest

from uploads.core.limits import GIB, MIB
from uploads.core.previews import Showing, showing

#: How files of these types are shown.
SHOWN = {
    "image": "image/png image/jpeg image/pjpeg image/gif image/webp image/avif image/apng "
    "image/bmp image/x-ms-bmp image/vnd.microsoft.icon IMAGE/PNG image/png;q=1",
    "pdf": "application/pdf APPLICATION/PDF application/pdf;version=1.4",
    "audio": "audio/mpeg audio/mp3 audio/wav audio/x-wav audio/ogg audio/flac audio/x-m4a "
    "audio/mp4",
    "video": "video/mp4 video/webm video/quicktime video/mp4;codecs=avc1 video/x-matroska",
    # As text, nothing of them runs, and nothing is fetched.
    "text": "text/plain text/plain;charset=utf-16 text/html text/html;charset=iso-8859-1 text/csv "
    "text/markdown text/xml application/xml application/xhtml+xml application/json "
    "application/ld+json application/javascript text/javascript text/x-python application/yaml "
    "text/css application/sql text/calendar text/vtt message/rfc822 model/gltf+json",
}
#: Types that run script, fetch other addresses, or that browsers do not know.
NOT_SHOWN = [
    "image/svg+xml",
    "image/svg+xml;charset=utf-8",
    "image/heic",
    "image/tiff",
    "image/vnd.adobe.photoshop",
    "video/x-msvideo",
    "video/mp2t",
    "audio/x-it",
    "audio/x-mpegurl",
    "application/vnd.apple.mpegurl",
    "application/x-pdf",
    "application/zip",
    "application/octet-stream",
    "application/msword",
    "application/x-shockwave-flash",
    "multipart/related",
    "font/woff2",
]


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [(content_type, kind) for kind, types in SHOWN.items() for content_type in types.split()],
)
def test_a_type_is_shown_as_this(content_type: str, kind: str) -> None:
    assert showing(content_type, 1).kind == kind


@pytest.mark.parametrize("content_type", NOT_SHOWN)
def test_a_type_is_not_shown(content_type: str) -> None:
    assert showing(content_type, 1) == Showing(reason="type")


@pytest.mark.parametrize(
    ("content_type", "size", "expected"),
    [
        ("image/png", 64 * MIB, Showing("image")),
        ("image/png", 64 * MIB + 1, Showing(reason="too_large")),
        ("application/pdf", 128 * MIB, Showing("pdf")),
        ("application/pdf", 128 * MIB + 1, Showing(reason="too_large")),
        # Only the beginning of a text is read, and recordings are read while they play.
        ("text/plain", 200 * MIB, Showing("text")),
        ("video/mp4", 100 * GIB, Showing("video")),
        ("audio/mpeg", 100 * GIB, Showing("audio")),
        ("text/plain", 0, Showing(reason="empty")),
        ("image/png", 0, Showing(reason="empty")),
        ("video/mp4", 0, Showing(reason="empty")),
        # What the browser could not show anyway is not called too large or empty.
        ("application/zip", 0, Showing(reason="type")),
        ("image/svg+xml", 65 * MIB, Showing(reason="type")),
    ],
)
def test_a_size_is_shown(content_type: str, size: int, expected: Showing) -> None:
    assert showing(content_type, size) == expected
