"""Whether what is in a file can be what its type says (pure): judged by its first bytes.

Only what is shown or played is judged: images, audio, video and PDF. What must not hide behind such
a type are programs and pages that can run script. Where a type has a well-known form, content that
is surely something else, such as an archive named image/png, is refused too. Content that is not
recognised is never refused: there are more formats than anybody has a list of.
"""

from __future__ import annotations

import codecs
import re
from typing import Literal

import puremagic

Group = Literal["image", "media", "pdf"]

#: Types whose files begin in one of a few ways. Others of their groups may be archives or text by
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

#: What browsers call TypeScript, going by the ending “.ts”.
_TYPESCRIPT = {"video/mp2t", "video/vnd.dlna.mpeg-tts"}

#: The group of what puremagic recognises, and its name for people. Audio and video share their
#: containers; what is not here proves nothing.
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
#: Of a shorter one it is chance that it is there.
_SURE = 3

#: A reader looks for it here. https://www.iso.org/standard/75839.html (7.5.2, and its annex I)
_PDF_HEADER, _PDF_REACH = b"%PDF-", 1024

# ELF; Mach-O in both orders and sizes; several Mach-O in one, or a class of Java.
_PROGRAMS = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
)
#: Where a Windows program says where its header is, and how far away that can reasonably be.
_PE_POINTER, _PE_REACH = slice(0x3C, 0x40), 2**24
# Not “#!” alone: AMR, a form of audio, begins with “#!AMR”.
_SHEBANG = re.compile(rb"(?:\xef\xbb\xbf)?#![ \t]*/")

# What may come before the first element of a page, or of an SVG image.
_PROLOGUE = re.compile(
    r"\s+|<\?(?!php|=).*?\?>|<!--.*?-->|<!doctype\s+(?!html|\s)[^\[>]*(?:\[.*?\]\s*)?>",
    re.IGNORECASE | re.DOTALL,
)
# By what browsers know a page (https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type),
# but without <b>, <br> and <!-- , which mishaps of a web server put before true images and PDF.
_PAGE = re.compile(
    r"<(?:!doctype\s+html|html|head|body|script|iframe|style|title|table|div|font|h1|a|p)[\s>/]",
    re.IGNORECASE,
)
_PHP = re.compile(r"<\?(?:php\s|=)", re.IGNORECASE)
_SVG = re.compile(r"<(?:\w+:)?svg[\s>/]", re.IGNORECASE)


def is_judged(content_type: str) -> bool:
    """Whether the first bytes of a file of this type can make a difference."""
    essence = _essence(content_type)
    if essence in _TYPESCRIPT:
        return False
    return essence in _WELL_KNOWN or essence.partition("/")[0] in {"image", "audio", "video"}


def mismatch(content_type: str, beginning: bytes) -> str | None:
    """Why a file that begins so cannot be of this type, as a sentence for people; or None."""
    essence = _essence(content_type)
    if not beginning or not is_judged(essence):
        return None
    found = _program(beginning) or _markup(beginning, is_svg=essence.startswith("image/svg"))
    group = _WELL_KNOWN.get(essence)
    if found is None and group is not None:
        found = _foreign(group, beginning)
    return f"It was sent as {essence}, but its content is {found}." if found else None


def _essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _program(beginning: bytes) -> str | None:
    if beginning.startswith(_PROGRAMS) or _is_windows_program(beginning):
        return "a program"
    return "a script" if _SHEBANG.match(beginning) else None


def _is_windows_program(beginning: bytes) -> bool:
    if not beginning.startswith(b"MZ") or len(beginning) < _PE_POINTER.stop:
        return False
    header = int.from_bytes(beginning[_PE_POINTER], "little")
    seen = beginning[header : header + 4]
    # Further away than what was read, it cannot be seen; that it is not too far has to do.
    return seen == b"PE\0\0" if len(seen) == 4 else header < _PE_REACH


def _markup(beginning: bytes, *, is_svg: bool) -> str | None:
    text = _text(beginning)
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


def _text(beginning: bytes) -> str:
    """The bytes as text, as far as they are any. Latin 1 keeps what is not ASCII out of the way."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return beginning.decode("utf-16", "replace")
    return beginning.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def _foreign(group: Group, beginning: bytes) -> str | None:
    """What the content surely is, if it is surely none of the group."""
    if group == "pdf" and _PDF_HEADER in beginning[:_PDF_REACH]:
        return None
    try:
        matches = puremagic.magic_string(beginning)
    except puremagic.PureError:  # nothing that it knows
        return None
    found = [
        _FORMS[match.mime_type]
        for match in matches
        # What is counted from the end would be from the end of what was read.
        if match.mime_type in _FORMS and match.offset == 0 and len(match.byte_match) >= _SURE
    ]
    if not found or any(form == group for form, _ in found):
        return None
    return found[0][1]
