"""Check a file's first bytes against its declared type (pure).

Only types that browsers display or play are checked: images, audio, video and PDF. Programs and
pages that can run script must not hide behind them. For well-known types, content that is certainly
something else, such as an archive declared as image/png, is rejected too. Unrecognised content is
never rejected: no list of formats is complete.
"""

from __future__ import annotations

import codecs
import re
from typing import Literal

import puremagic

Group = Literal["image", "media", "pdf"]

#: Types whose files have known signatures. Other types of these groups may be archives or text by
#: design: image/openraster is a ZIP archive, image/x-xpixmap is C.
_WELL_KNOWN: dict[str, Group] = {
    "application/pdf": "pdf",
    **dict.fromkeys(
        (
            "image/apng", "image/avif", "image/bmp", "image/gif", "image/heic", "image/heif",
            "image/jp2", "image/jpeg", "image/jpg", "image/jxl", "image/png", "image/tiff",
            "image/vnd.microsoft.icon", "image/webp", "image/x-icon", "image/x-ms-bmp",
        ),
        "image",
    ),
    **dict.fromkeys(
        (
            "audio/aac", "audio/flac", "audio/mp3", "audio/mp4", "audio/mpeg", "audio/ogg",
            "audio/opus", "audio/wav", "audio/webm", "audio/x-flac", "audio/x-m4a", "audio/x-wav",
            "video/mp4", "video/mpeg", "video/ogg", "video/quicktime", "video/webm",
            "video/x-m4v", "video/x-matroska", "video/x-msvideo",
        ),
        "media",
    ),
}  # fmt: skip

#: The types that browsers give TypeScript files, because of the extension “.ts”.
_TYPESCRIPT = {"video/mp2t", "video/vnd.dlna.mpeg-tts"}

#: What puremagic recognises -> its group, and a readable name. Audio and video share containers.
#: Formats that are not listed here prove nothing.
_FORMS: dict[str, tuple[Group | None, str]] = {
    "image/png": ("image", "a PNG image"),
    "image/jpeg": ("image", "a JPEG image"),
    "image/gif": ("image", "a GIF image"),
    "audio/mpeg": ("media", "audio or video"),
    "audio/flac": ("media", "audio or video"),
    "audio/ogg": ("media", "audio or video"),
    "video/webm": ("media", "audio or video"),
    "video/x-matroska": ("media", "audio or video"),
    "application/pdf": ("pdf", "a PDF document"),
    "application/zip": (None, "an archive"),
    "application/gzip": (None, "an archive"),
    "application/x-gzip": (None, "an archive"),
    "application/x-7z-compressed": (None, "an archive"),
    "application/x-rar-compressed": (None, "an archive"),
    "application/vnd.rar": (None, "an archive"),
    "application/x-xz": (None, "an archive"),
}
#: Bytes of the shortest signature to trust; shorter ones match by chance.
_MIN_SIGNATURE = 3

#: Readers accept the header within this range.
#: https://www.iso.org/standard/75839.html (7.5.2, and its annex I)
_PDF_HEADER, _PDF_REACH = b"%PDF-", 1024

# ELF; Mach-O, 32 and 64 bits, both byte orders; universal Mach-O, or a Java class.
_PROGRAMS = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)
#: Where a Windows program stores the offset of its PE header, and the largest plausible offset.
_PE_POINTER, _PE_REACH = slice(0x3C, 0x40), 2**24
# Not “#!” alone: AMR audio begins with “#!AMR”.
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![ \t]*/")

# What may precede the first element of a page or of an SVG image.
_PROLOGUE = re.compile(
    r"\s+|<\?(?!php|=).*?\?>|<!--.*?-->|<!doctype\s+(?!html|\s)[^\[>]*(?:\[.*?\]\s*)?>",
    re.IGNORECASE | re.DOTALL,
)
# How browsers recognise a page (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type),
# without <b>, <br> and <!-- , which misconfigured web servers prepend to real images and PDFs.
_PAGE = re.compile(
    r"<(?:!doctype\s+html|html|head|body|script|iframe|style|title|table|div|font|h1|a|p)[\s>/]",
    re.IGNORECASE,
)
_PHP = re.compile(r"<\?(?:php\s|=)", re.IGNORECASE)
_SVG = re.compile(r"<(?:\w+:)?svg[\s>/]", re.IGNORECASE)


def needs_content_check(content_type: str) -> bool:
    """Whether files of this type are checked for mismatched content."""
    essence = _essence(content_type)
    if essence in _TYPESCRIPT:
        return False
    return essence in _WELL_KNOWN or essence.partition("/")[0] in {"image", "audio", "video"}


def mismatch(content_type: str, first_bytes: bytes) -> str | None:
    """Why a file with these first bytes cannot be of this type, as a sentence; or None."""
    essence = _essence(content_type)
    if not first_bytes or not needs_content_check(essence):
        return None
    content = _program(first_bytes) or _markup(first_bytes, is_svg=essence.startswith("image/svg"))
    group = _WELL_KNOWN.get(essence)
    if content is None and group is not None:
        content = _foreign(group, first_bytes)
    return f"It was uploaded as {essence}, but its content is {content}." if content else None


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _program(first_bytes: bytes) -> str | None:
    if first_bytes.startswith(_PROGRAMS) or _is_windows_program(first_bytes):
        return "a program"
    return "a script" if _SHEBANG.match(first_bytes) else None


def _is_windows_program(first_bytes: bytes) -> bool:
    if not first_bytes.startswith(b"MZ") or len(first_bytes) < _PE_POINTER.stop:
        return False
    header = int.from_bytes(first_bytes[_PE_POINTER], "little")
    seen = first_bytes[header : header + 4]
    # Beyond the bytes that were read, a plausible offset has to suffice.
    return seen == b"PE\0\0" if len(seen) == 4 else header < _PE_REACH


def _markup(first_bytes: bytes, *, is_svg: bool) -> str | None:
    text = _text(first_bytes)
    at = 0
    while space := _PROLOGUE.match(text, at):
        at = space.end()
    if _PHP.match(text, at):
        return "a script"
    if _PAGE.match(text, at):
        return "a web page"
    if not is_svg and _SVG.match(text, at):
        return "an SVG image, which can run script"
    return None


def _text(first_bytes: bytes) -> str:
    """The bytes as text. Latin-1 maps every byte, so decoding never fails."""
    if first_bytes.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return first_bytes.decode("utf-16", "replace")
    return first_bytes.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _foreign(group: Group, first_bytes: bytes) -> str | None:
    """What the content is, if it certainly does not belong to the group."""
    if group == "pdf" and _PDF_HEADER in first_bytes[:_PDF_REACH]:
        return None
    try:
        matches = puremagic.magic_string(first_bytes)
    except puremagic.PureError:  # not recognised
        return None
    recognised = [
        _FORMS[match.mime_type]
        for match in matches
        # An offset from the end would be relative to the end of the bytes that were read.
        if match.mime_type in _FORMS
        and match.offset == 0
        and len(match.byte_match) >= _MIN_SIGNATURE
    ]
    if not recognised or any(form == group for form, _ in recognised):
        return None
    return recognised[0][1]
