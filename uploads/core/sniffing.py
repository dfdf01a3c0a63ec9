"""Check a file's first bytes against its declared type (pure).

Checked are the types that filehub lets browsers show: common images, audio, video, and PDF.
Programs and pages that can run script must not hide behind them. Content that is certainly
something else, such as an archive declared as image/png, is rejected too. Unrecognised content is
never rejected: no list of formats is complete.

Other types are not checked, because browsers derive a type from the end of a name: Linux declares
`index.html.it` as audio/x-it. Such a file is stored, and always downloaded. There is one exception:
if FILEHUB_ALLOWED_TYPES excludes any type, the declared type is a claim to be accepted at all, so
all images, audio and video are checked for programs and pages.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import Literal

import puremagic

from uploads.core.media_types import essence_of, is_restricted, is_safe_inline, usual

Group = Literal["image", "media", "pdf"]

#: What a file is, if it is not what it was declared as.
Content = Literal[
    "program", "script", "page", "svg", "playlist", "png", "jpeg", "gif", "media", "pdf", "archive"
]

#: Types whose files have known signatures. Other types of these groups may be archives or text by
#: design: image/openraster is a ZIP archive, image/x-xpixmap is C.
_WELL_KNOWN: dict[str, Group] = {
    "application/pdf": "pdf",
    **dict.fromkeys(
        (
            "image/apng", "image/avif", "image/bmp", "image/gif", "image/heic", "image/heif",
            "image/jp2", "image/jpeg", "image/jxl", "image/png", "image/tiff", "image/webp",
            "image/x-icon",
        ),
        "image",
    ),
    **dict.fromkeys(
        (
            "audio/3gpp", "audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg",
            "audio/opus", "audio/wav", "audio/webm", "video/3gpp", "video/mp4", "video/mpeg",
            "video/ogg", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo",
        ),
        "media",
    ),
}  # fmt: skip

#: What puremagic recognises -> its group, and what it is. Audio and video share containers. Formats
#: that are not listed here prove nothing.
_FORMS: dict[str, tuple[Group | None, Content]] = {
    "image/png": ("image", "png"),
    "image/jpeg": ("image", "jpeg"),
    "image/gif": ("image", "gif"),
    "audio/mpeg": ("media", "media"),
    "audio/flac": ("media", "media"),
    "audio/ogg": ("media", "media"),
    "video/webm": ("media", "media"),
    "video/x-matroska": ("media", "media"),
    "application/pdf": ("pdf", "pdf"),
    "application/zip": (None, "archive"),
    "application/gzip": (None, "archive"),
    "application/x-gzip": (None, "archive"),
    "application/x-7z-compressed": (None, "archive"),
    "application/x-rar-compressed": (None, "archive"),
    "application/vnd.rar": (None, "archive"),
    "application/x-xz": (None, "archive"),
}
#: Bytes of the shortest signature to trust; shorter ones match by chance.
_MIN_SIGNATURE = 3

#: Readers accept the header within this range.
#: https://www.iso.org/standard/75839.html (7.5.2, and its annex I)
_PDF_HEADER, _PDF_REACH = b"%PDF-", 1024

#: A playlist, which players recognise under any type, and whose addresses they fetch.
#: https://www.rfc-editor.org/rfc/rfc8216#section-4.3.1.1
_PLAYLIST = b"#EXTM3U"

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


def needs_content_check(content_type: str, allowed_types: Sequence[str] = ("*",)) -> bool:
    """Whether files of this type are checked, where `allowed_types` are accepted."""
    if essence_of(content_type) == "text/plain":
        return False
    if is_safe_inline(content_type):
        return True
    # Both spellings: a client must not be able to choose one that is not checked.
    spellings = (essence_of(content_type), usual(content_type))
    return is_restricted(tuple(allowed_types)) and (
        spellings[1] in _WELL_KNOWN
        or any(spelling.startswith(("image/", "audio/", "video/")) for spelling in spellings)
    )


def mismatch(
    content_type: str, first_bytes: bytes, allowed_types: Sequence[str] = ("*",)
) -> Content | None:
    """What a file with these first bytes is, if it cannot be of its type; otherwise None."""
    if not first_bytes or not needs_content_check(content_type, allowed_types):
        return None
    is_svg = usual(content_type).startswith("image/svg")
    content = _program(first_bytes) or _markup(first_bytes, is_svg=is_svg)
    group = _WELL_KNOWN.get(usual(content_type))
    if content is None and group is not None:
        content = _foreign(group, first_bytes)
    return content


def _program(first_bytes: bytes) -> Content | None:
    if first_bytes.startswith(_PROGRAMS) or _is_windows_program(first_bytes):
        return "program"
    return "script" if _SHEBANG.match(first_bytes) else None


def _is_windows_program(first_bytes: bytes) -> bool:
    if not first_bytes.startswith(b"MZ") or len(first_bytes) < _PE_POINTER.stop:
        return False
    header = int.from_bytes(first_bytes[_PE_POINTER], "little")
    seen = first_bytes[header : header + 4]
    # Beyond the bytes that were read, a plausible offset has to suffice.
    return seen == b"PE\0\0" if len(seen) == 4 else header < _PE_REACH


def _markup(first_bytes: bytes, *, is_svg: bool) -> Content | None:
    text = _text(first_bytes)
    at = 0
    while space := _PROLOGUE.match(text, at):
        at = space.end()
    if _PHP.match(text, at):
        return "script"
    if _PAGE.match(text, at):
        return "page"
    if not is_svg and _SVG.match(text, at):
        return "svg"
    return None


def _text(first_bytes: bytes) -> str:
    """The bytes as text. Latin-1 maps every byte, so decoding never fails."""
    if first_bytes.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return first_bytes.decode("utf-16", "replace")
    return first_bytes.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _foreign(group: Group, first_bytes: bytes) -> Content | None:
    """What the content is, if it certainly does not belong to the group."""
    if group == "pdf" and _PDF_HEADER in first_bytes[:_PDF_REACH]:
        return None
    if first_bytes.removeprefix(codecs.BOM_UTF8).startswith(_PLAYLIST):
        return "playlist"
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
