"""Media types (pure): what may be uploaded, how types are grouped, how files are shown.

A type is what a client declares, and browsers derive it from the extension of the file.
"""

from __future__ import annotations

import re
from typing import Literal, cast

import webencodings

from uploads.core.errors import InvalidRequest, TypeNotAllowed
from uploads.core.policy import Rules
from uploads.core.type_lists import ALIASES, BY_TYPE, PLAIN_TEXT, Kind

DEFAULT_TYPE = "application/octet-stream"

# RFC 9110, section 8.3.1: type "/" subtype parameters. Section 5.6.6: parameters may be empty, so
# `text/plain;` is valid; names and values may not. A type with “*” is a range (section 12.5.1).
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_NAME = _WORD.replace("*", "")
_QUOTED = r'"(?:[^"\\\x00-\x1f\x7f-\U0010ffff]|\\[\x20-\x7e])*"'
# Each space can be matched in one way only, so that no input takes long.
_PARAMETER = re.compile(rf"\s*;(?:\s*({_WORD})=({_WORD}|{_QUOTED}))?")
_MEDIA_TYPE = re.compile(rf"\s*({_NAME}/{_NAME})((?:{_PARAMETER.pattern})*)\s*")
_MAX_TYPE_LENGTH = 255

#: Types that browsers display or play, none of which runs script or makes the browser fetch other
#: addresses: not SVG, HTML and XML, and no playlists (M3U, HLS, DASH, PLS, ASX, SMIL, XSPF).
#: https://source.chromium.org/chromium/chromium/src/+/main:third_party/blink/common/mime_util/mime_util.cc
_INLINE_IMAGES = frozenset(
    f"image/{name}" for name in ("apng", "avif", "bmp", "gif", "jpeg", "png", "webp", "x-icon")
)
_INLINE_MEDIA = frozenset(
    (
        "audio/3gpp", "audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg",
        "audio/opus", "audio/wav", "audio/webm", "video/3gpp", "video/mp4", "video/ogg",
        "video/quicktime", "video/webm", "video/x-matroska",
    )
)  # fmt: skip

#: Images of which thumbnails are made. Not SVG, which is a document that may refer to others.
_PICTURES = frozenset(
    f"image/{name}"
    for name in (
        "apng", "avif", "bmp", "gif", "heic", "heif", "jpeg", "png", "tiff", "webp", "x-icon",
    )
)  # fmt: skip

#: The beginnings of the subtypes of office documents.
_OFFICE = (
    "vnd.openxmlformats-officedocument.", "vnd.oasis.opendocument.", "vnd.ms-excel.",
    "vnd.ms-powerpoint.", "vnd.ms-visio.", "vnd.ms-word.", "vnd.sun.xml.", "vnd.stardivision.",
    "vnd.google-apps.", "x-kspread", "x-kword", "x-kpresenter",
)  # fmt: skip


def essence_of(content_type: str) -> str:
    """The type and subtype, without parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def usual(content_type: str) -> str:
    """The usual spelling of a type: `image/jpeg` for `image/pjpeg`; without parameters."""
    essence = essence_of(content_type)
    return ALIASES.get(essence, essence)


def check_type(content_type: str | None, rules: Rules) -> str:
    """Return the type in one spelling (`text/plain;charset=utf-8`), otherwise as it was declared.

    An empty type becomes application/octet-stream: browsers send none for unknown files. Raises
    InvalidRequest if it is not a media type, and TypeNotAllowed if the rules exclude it.
    """
    if not content_type or not content_type.strip():
        content_type = DEFAULT_TYPE
    too_long = len(content_type) > _MAX_TYPE_LENGTH
    match = None if too_long else _MEDIA_TYPE.fullmatch(content_type)
    if match is None:
        raise InvalidRequest(
            "content_type is not a media type such as image/png.", code="invalid_content_type"
        )
    essence = match[1].lower()
    if not is_type_allowed(essence, rules.allowed_types):
        raise TypeNotAllowed(
            f"Files of type {essence} are not accepted here. "
            f"Accepted: {', '.join(rules.allowed_types)}.",
            parameters={"type": essence, "allowed": ", ".join(rules.allowed_types)},
        )
    # botocore does not sign one exact spelling of the form type; the result never has it.
    return ";".join([essence, *(f"{name}={value}" for name, value in _parameters(match[2]))])


def _parameters(text: str) -> list[tuple[str, str]]:
    """The parameters of a valid type, as (name, value), without empty ones."""
    return [(match[1], match[2]) for match in _PARAMETER.finditer(text) if match[1]]


def is_type_allowed(content_type: str, allowed: tuple[str, ...]) -> bool:
    """Whether a media type matches one of the ranges (`*`, `image/*`, `image/png`).

    Other spellings of a type match as well: where application/zip is allowed, so is what Windows
    calls a ZIP archive, application/x-zip-compressed.
    """
    return any(_covers(accepted, content_type) for accepted in allowed)


def _covers(accepted: str, content_type: str) -> bool:
    if accepted in {"*", "*/*"}:
        return True
    group, _, subtype = accepted.partition("/")
    if subtype == "*":
        return group in {essence_of(content_type).partition("/")[0], _group(content_type)}
    return usual(accepted) == usual(content_type)


def _group(content_type: str) -> str:
    return usual(content_type).partition("/")[0]


def is_restricted(allowed: tuple[str, ...]) -> bool:
    """Whether these ranges exclude any type."""
    return not {"*", "*/*"} & set(allowed)


def with_aliases(allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The ranges, and the other spellings that `is_type_allowed` accepts; for the page's scripts.

    With them, a comparison without knowledge of aliases has the same result.
    """
    if not is_restricted(allowed):
        return allowed
    others = (
        spelling
        for spelling in {*ALIASES, *ALIASES.values()} - set(allowed)
        if f"{spelling.partition('/')[0]}/*" not in allowed and is_type_allowed(spelling, allowed)
    )
    return (*allowed, *sorted(others))


def is_safe_inline(content_type: str) -> bool:
    """Whether a browser may display this type instead of downloading it."""
    essence, known = essence_of(content_type), usual(content_type)
    if essence in {"application/pdf", "text/plain"}:
        return True
    return (essence.startswith("image/") and known in _INLINE_IMAGES) or (
        essence.startswith(("audio/", "video/")) and known in _INLINE_MEDIA
    )


def thumbnail_kind(content_type: str) -> Literal["image", "pdf"] | None:
    """How a thumbnail of this type is made; None if there is none."""
    essence = usual(content_type)
    if essence in _PICTURES:
        return "image"
    return "pdf" if essence == "application/pdf" else None


def as_plain_text(content_type: str) -> str:
    """The type that displays a text as plain text, in the encoding that was declared.

    Text without one, or with one that browsers do not know, is taken for UTF-8; browsers would
    guess, and often wrongly.
    """
    return f"text/plain; charset={declared_charset(content_type) or 'utf-8'}"


def declared_charset(content_type: str) -> str | None:
    """The declared encoding; None without one, or with one that browsers do not know."""
    match = _MEDIA_TYPE.fullmatch(content_type)
    parameters = _parameters(match[2]) if match else []
    declared = [_unquoted(value) for name, value in parameters if name.lower() == "charset"]
    return declared[0] if declared and _is_charset(declared[0]) else None


def _unquoted(value: str) -> str:
    """The value of a parameter. Single quotes are no syntax, but clients send them."""
    if value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value.strip("'")


def _is_charset(name: str) -> bool:
    """Whether browsers know this name of an encoding, and decode it.

    Python's codecs have other names: browsers know windows-31j and x-sjis, but not utf-7 and cp850.
    https://encoding.spec.whatwg.org/#names-and-labels
    """
    # The library ignores spaces around a name, which would have to be quoted.
    encoding = None if name.strip() != name else webencodings.lookup(name)
    return encoding is not None and encoding.name != "replacement"


def kind(content_type: str) -> Kind:
    """The group that a type belongs to, such as `image`."""
    essence = usual(content_type)
    group, _, subtype = essence.partition("/")
    if essence in BY_TYPE:
        return BY_TYPE[essence]
    if group in {"image", "video", "audio"}:
        return cast("Kind", group)
    if subtype.startswith(_OFFICE):
        return "document"
    if group == "text":
        return "code" if subtype.startswith("x-") and essence not in PLAIN_TEXT else "text"
    if subtype.endswith(("+zip", "+gzip", "-compressed-tar")):
        return "archive"
    return "code" if subtype.endswith(("+json", "+xml", "+yaml")) else "other"
