"""The content of a file against its media type: real beginnings of many kinds, and hostile ones."""

from __future__ import annotations

import gzip
import json
import struct

import pytest

from tests.support.sample_files import (
    DOCTYPE,
    DOCX,
    EBML,
    FAR_PE,
    GIF,
    HTML,
    ID3,
    JPEG,
    MP3_FRAME,
    ODT,
    PDF,
    PE,
    SVG,
    TYPESCRIPT,
    XML,
    ZIP,
    archive,
    bmp,
    box,
    ftyp,
    png,
    riff,
    wav,
)
from uploads.core import sniffing

BEGINNING = 4096


ACCEPTED = {
    "png": ("image/png", png()),
    "apng": ("image/apng", png()),
    "jpeg": ("image/jpeg", JPEG),
    "jpeg as image/jpg": ("image/jpg", JPEG),
    "jpeg with Exif data": ("image/jpeg", b"\xff\xd8\xff\xe1\0\x18Exif\0\0II*\0" + bytes(16)),
    "gif": ("image/gif", GIF),
    "webp": ("image/webp", riff(b"WEBP", b"VP8 " + bytes(20))),
    "avif": ("image/avif", ftyp(b"avif", b"mif1", b"miaf")),
    "heic": ("image/heic", ftyp(b"heic", b"mif1", b"heic")),
    "heif sequence": ("image/heif", ftyp(b"msf1", b"hevc")),
    "jxl": ("image/jxl", b"\xff\x0a" + bytes(16)),
    "jxl in a container": ("image/jxl", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "bmp": ("image/bmp", bmp()),
    "ico": ("image/x-icon", struct.pack("<HHH", 0, 1, 1) + bytes(16)),
    "ico with a png": ("image/vnd.microsoft.icon", struct.pack("<HHH", 0, 1, 1) + png()),
    "tiff": ("image/tiff", b"II*\0\x08\0\0\0" + bytes(16)),
    "tiff, big-endian": ("image/tiff", b"MM\0*\0\0\0\x08" + bytes(16)),
    "psd": ("image/vnd.adobe.photoshop", b"8BPS\0\1" + bytes(20)),
    "dng": ("image/x-adobe-dng", b"II*\0\x08\0\0\0" + bytes(16)),
    "eps": ("image/x-eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    "xpm": ("image/x-xpixmap", b"/* XPM */\nstatic char *a[] = {\n"),
    "ppm": ("image/x-portable-pixmap", b"P3\n1 1\n255\n0 0 0\n"),
    "openraster": ("image/openraster", archive(mimetype="image/openraster")),
    "corel": ("image/x-coreldraw", archive(content="root.dat")),
    "svg": ("image/svg+xml", SVG),
    "svg with a comment": ("image/svg+xml", XML + b"<!-- Created with Inkscape -->\n" + SVG),
    "svg with a doctype": ("image/svg+xml", b"\xef\xbb\xbf" + XML + DOCTYPE + SVG),
    "svg in UTF-16": ("image/svg+xml", SVG.decode().encode("utf-16")),
    "svg with a namespace prefix": (
        "image/svg+xml",
        b"<svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>",
    ),
    "svg, gzipped": ("image/svg+xml", gzip.compress(SVG)),
    "png declared as svg": ("image/svg+xml", png()),
    "pdf": ("application/pdf", PDF),
    "pdf after newlines": ("application/pdf", b"\r\n\n" + PDF),
    "pdf after printer commands": ("application/pdf", b"\x1b%-12345X@PJL\n" + b"\0" * 900 + PDF),
    "pdf after an archive": ("application/pdf", ZIP + PDF),
    "pdf after a PHP notice": ("application/pdf", b"<br />\n<b>Notice</b>: x\n" + PDF),
    "mp4": ("video/mp4", ftyp(b"isom", b"isom", b"iso2", b"avc1", b"mp41")),
    "mp4, version 2": ("video/mp4", ftyp(b"mp42", b"isom")),
    "mp4 declared as mov": ("video/quicktime", ftyp(b"isom")),
    "mov": ("video/quicktime", ftyp(b"qt  ")),
    "mov without ftyp": ("video/quicktime", box(b"wide", b"") + box(b"mdat", bytes(64))),
    "mov that begins with its index": ("video/quicktime", box(b"moov", box(b"mvhd", bytes(100)))),
    "m4a": ("audio/mp4", ftyp(b"M4A ", b"isom")),
    "m4a as audio/x-m4a": ("audio/x-m4a", ftyp(b"M4A ")),
    "webm": ("video/webm", EBML + b"\x84webmB\x87\x81\4"),
    "webm, audio only": ("audio/webm", EBML + b"\x84webm"),
    "mkv": ("video/x-matroska", EBML + b"\x88matroskaB\x87\x81\4"),
    "mp3": ("audio/mpeg", MP3_FRAME * 3),
    "mp3 with an ID3 tag": ("audio/mpeg", ID3 + MP3_FRAME),
    "mp3 with a cover": ("audio/mp3", ID3 + b"APIC" + JPEG),
    "mp3 after silence": ("audio/mpeg", bytes(2000) + MP3_FRAME),
    "aac": ("audio/aac", b"\xff\xf1\x50\x80" + bytes(32)),
    "ogg": ("audio/ogg", b"OggS\0\2" + bytes(20) + b"\x01vorbis"),
    "ogg with video": ("video/ogg", b"OggS\0\2" + bytes(20) + b"\x80theora"),
    "opus": ("audio/opus", b"OggS\0\2" + bytes(20) + b"OpusHead"),
    "wav": ("audio/wav", wav()),
    "wav as audio/x-wav": ("audio/x-wav", wav()),
    "flac": ("audio/flac", b'fLaC\0\0\0"' + bytes(34)),
    "flac with an ID3 tag": ("audio/flac", ID3 + b"fLaC\0\0\0"),
    "avi": ("video/x-msvideo", riff(b"AVI ", b"LIST" + bytes(20))),
    "mpeg": ("video/mpeg", b"\0\0\1\xba\x44\0\4\0"),
    "amr, which begins like a script": ("audio/amr", b"#!AMR\n\x3c" + bytes(20)),
    "midi": ("audio/midi", b"MThd\0\0\0\6\0\1"),
    "a playlist": ("audio/x-mpegurl", b"#EXTM3U\n#EXTINF:1,a\na.mp3\n"),
    "typescript": ("video/mp2t", TYPESCRIPT),
    "typescript on windows": ("video/vnd.dlna.mpeg-tts", TYPESCRIPT),
    "mpeg transport": ("video/mp2t", b"G@\0\x10" + bytes(184)),
    "samples that begin like a program": ("audio/basic", b"MZ" + bytes(range(256))),
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", DOCX),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", DOCX),
    "odt": ("application/vnd.oasis.opendocument.text", ODT),
    "zip": ("application/zip", ZIP),
    "gzip": ("application/gzip", gzip.compress(b"hello")),
    "7z": ("application/x-7z-compressed", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24)),
    "csv": ("text/csv", b"a;b\n1;2\n"),
    "json": ("application/json", json.dumps({"a": 1}).encode()),
    "txt": ("text/plain", b"hello"),
    "a page": ("text/html", HTML),
    "a script": ("text/x-sh", b"#!/bin/sh\n"),
    "a program": ("application/x-executable", b"\x7fELF\2\1\1"),
    "an unspecified type": ("application/octet-stream", b"\x7fELF\2\1\1"),
    "png declared as jpeg": ("image/jpeg", png()),
    "jpeg declared as png": ("image/png", JPEG),
    "jpeg declared as heic": ("image/heic", JPEG),
    "heic declared as jpeg": ("image/jpeg", ftyp(b"heic", b"mif1")),
    "webp declared as png": ("image/png", riff(b"WEBP", b"VP8L" + bytes(20))),
    "unrecognised image": ("image/png", b"hello"),
    "unrecognised pdf": ("application/pdf", b"hello"),
    "noise": ("image/jpeg", bytes(range(256)) * 16),
    "noise that begins like audio": ("image/png", b"\xff\xfb" + bytes(range(256))),
    "noise with a signature inside": ("image/png", bytes(30) + b"PKLITE" + bytes(64)),
    "one byte": ("image/png", b"<"),
    "one byte of a program": ("image/png", b"M"),
    "an empty file": ("image/png", b""),
    "text about pages": ("image/png", b"In <html> the <script> comes last."),
    "a type with parameters": ("image/png; charset=binary", png()),
}


@pytest.mark.parametrize(("type_", "body"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_content_that_matches_or_is_unknown_is_accepted(type_: str, body: bytes) -> None:
    assert sniffing.mismatch(type_, body[:BEGINNING]) is None
    # Where only video is accepted, a script is not, whatever its name makes browsers believe.
    strict = "script" if body == TYPESCRIPT else None
    assert sniffing.mismatch(type_, body[:BEGINNING], RESTRICTED) == strict


SCRIPT = b"<script>alert(1)</script>"


REFUSED = {
    "elf": (b"\x7fELF\2\1\1\0" + bytes(56), "program"),
    "windows": (PE, "program"),
    "windows, with its header beyond the first bytes": (FAR_PE, "program"),
    "mac": (b"\xcf\xfa\xed\xfe\7\0\0\1" + bytes(24), "program"),
    "mac, big-endian": (b"\xfe\xed\xfa\xce" + bytes(24), "program"),
    "mac, universal binary": (b"\xca\xfe\xba\xbe\0\0\0\2" + bytes(40), "program"),
    "shell": (b"#!/bin/sh\nrm -rf /\n", "script"),
    "shell after a byte order mark": (b"\xef\xbb\xbf#! /bin/sh\n", "script"),
    "php": (b"<?php system($_GET[0]); ?>", "script"),
    "php after a newline": (b"\n<?= 1 ?>", "script"),
    "a page": (HTML, "page"),
    "a page in capitals": (b"<HTML><BODY>", "page"),
    "a page after space": (b" \r\n\t\x0c" + HTML, "page"),
    "a page after a byte order mark": (b"\xef\xbb\xbf  <html>", "page"),
    "a page in UTF-16": ("<html><script>".encode("utf-16"), "page"),
    "a page after a comment": (b"<!-- a > b -->\n<html>", "page"),
    "a page in XML": (XML + b'<html xmlns="http://www.w3.org/1999/xhtml">', "page"),
    "a page after another doctype": (b"<!doctype  svg><html>", "page"),
    "a script": (SCRIPT, "page"),
    "a frame": (b"<iframe src=x>", "page"),
    "a link": (b"<a href='javascript:1'>x</a>", "page"),
    "a page and an image": (SCRIPT + png(), "page"),
    "a page and a pdf": (b"<html>" + PDF, "page"),
    "a page, then a pdf beyond the first bytes": (b"<html>" + b" " * 5000 + PDF, "page"),
    "svg": (SVG, "svg"),
    "svg with a comment": (
        XML + DOCTYPE + b"<!-- x -->" + SVG,
        "svg",
    ),
    "svg in capitals": (b"<SVG onload=alert(1)>", "svg"),
}


SHOWN = ["image/png", "IMAGE/JPEG", "image/pjpeg", "video/mp4", "audio/x-m4a", "application/pdf"]

#: Declared by browsers because of the end of a name, or by clients that lie. Never shown.
NOT_SHOWN = [
    "audio/x-it", "audio/x-mod", "audio/x-xm", "audio/x-s3m", "video/mp2t", "image/x-anything",
    "image/svg+xml", "image/tiff", "image/vnd.zbrush.pcx", "audio/x-mpegurl", "video/x-ms-wmv",
    "text/html", "text/plain", "application/zip", "application/octet-stream", "application/x-pdf",
]  # fmt: skip

#: Values of FILEHUB_ALLOWED_TYPES that accept all of the types below.
RESTRICTED = ("image/*", "audio/*", "video/*", "application/pdf", "text/plain")


@pytest.mark.parametrize("type_", SHOWN)
@pytest.mark.parametrize(("body", "content"), REFUSED.values(), ids=REFUSED.keys())
def test_programs_and_pages_are_refused_as_types_that_browsers_show(
    type_: str, body: bytes, content: str
) -> None:
    assert sniffing.mismatch(type_, body[:BEGINNING]) == content
    assert sniffing.mismatch(type_, body[:BEGINNING], RESTRICTED) == content


@pytest.mark.parametrize("type_", NOT_SHOWN)
def test_a_file_that_is_never_shown_is_accepted_whatever_it_contains(type_: str) -> None:
    bodies = [*REFUSED.values(), *((body, content) for _, body, content in FOREIGN.values())]
    assert [content for body, content in bodies if sniffing.mismatch(type_, body)] == []
    assert not sniffing.needs_content_check(type_)


@pytest.mark.parametrize(
    "type_",
    ["audio/x-it", "image/x-anything", "video/x-ms-wmv", "image/tiff", "application/x-pdf",
     "image/pdf", "text/pdf"],
)  # fmt: skip
@pytest.mark.parametrize("name", [name for name in REFUSED if not name.startswith("svg")])
def test_where_types_are_restricted_no_image_or_media_type_hides_a_program(
    type_: str, name: str
) -> None:
    """A client cannot get around FILEHUB_ALLOWED_TYPES with a type that is not shown."""
    body, content = REFUSED[name]
    assert sniffing.mismatch(type_, body[:BEGINNING], RESTRICTED) == content


@pytest.mark.parametrize(
    ("type_", "allowed", "is_checked"),
    [
        ("image/png", ("*",), True),
        ("image/tiff", ("*",), False),
        ("image/tiff", ("*/*",), False),
        ("image/tiff", ("image/*", "*"), False),
        ("image/tiff", ("image/*",), True),
        ("image/x-tiff", ("image/tiff",), True),
        ("audio/x-it", ("audio/*", "text/html"), True),
        ("text/plain", ("text/plain",), False),
        ("text/html", ("text/*",), False),
        ("application/zip", ("application/*",), False),
    ],
)
def test_more_types_are_checked_where_types_are_restricted(
    type_: str, allowed: tuple[str, ...], is_checked: bool
) -> None:
    assert sniffing.needs_content_check(type_, allowed) is is_checked


@pytest.mark.parametrize("name", [name for name in REFUSED if not name.startswith("svg")])
def test_programs_and_pages_are_refused_as_svg_where_types_are_restricted(name: str) -> None:
    body, content = REFUSED[name]
    assert sniffing.mismatch("image/svg+xml", body[:BEGINNING], RESTRICTED) == content
    assert sniffing.mismatch("image/svg+xml", SVG, RESTRICTED) is None


FOREIGN = {
    "zip": ("image/png", ZIP, "archive"),
    "gzip": ("audio/mpeg", gzip.compress(b"x"), "archive"),
    "7z": ("video/mp4", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "archive"),
    "rar": ("image/jpeg", b"Rar!\x1a\x07\x01\0" + bytes(24), "archive"),
    "xz": ("image/jpeg", b"\xfd7zXZ\0\0\4" + bytes(24), "archive"),
    "docx": ("application/pdf", DOCX, "archive"),
    "pdf": ("image/jpeg", PDF, "pdf"),
    "jpeg": ("application/pdf", JPEG, "jpeg"),
    "png": ("video/mp4", png(), "png"),
    "gif": ("audio/ogg", GIF, "gif"),
    "mp3": ("image/png", ID3 + MP3_FRAME, "media"),
    "a playlist as video": ("video/mp4", b"#EXTM3U\n#EXTINF:1,\nhttp://10.0.0.1/\n", "playlist"),
    "a playlist as audio": ("audio/x-mp3", b"\xef\xbb\xbf#EXTM3U\r\n", "playlist"),
    "a playlist as an image": ("image/png", b"#EXTM3U\n", "playlist"),
    "webm": ("image/webp", EBML + b"\x84webm", "media"),
}


@pytest.mark.parametrize(("type_", "body", "content"), FOREIGN.values(), ids=FOREIGN.keys())
def test_content_of_another_kind_is_refused(type_: str, body: bytes, content: str) -> None:
    assert sniffing.mismatch(type_, body) == content


def test_no_genuine_file_is_refused_when_it_is_truncated() -> None:
    refused = {
        (name, length)
        for name, (type_, body) in ACCEPTED.items()
        for length in (0, 1, 2, 3, 4, 6, 8, 12, 20, 40, 64)
        if sniffing.mismatch(type_, body[:length])
    }
    assert {name for name, _ in refused} <= {"pdf after an archive"}
