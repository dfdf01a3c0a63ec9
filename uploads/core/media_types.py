"""Media types (pure): what may be uploaded, how types are grouped, how files are previewed."""

from __future__ import annotations

import re
from typing import Literal, cast, get_args

from uploads.core.errors import InvalidRequest, TypeNotAllowed
from uploads.core.policy import Rules

DEFAULT_TYPE = "application/octet-stream"

# RFC 9110, section 8.3.1: type "/" subtype *( OWS ";" OWS parameter )
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE = re.compile(
    rf'\s*({_WORD})/({_WORD})((?:\s*;\s*{_WORD}=(?:{_WORD}|"[^"\\\x00-\x1f\x7f-\U0010ffff]*"))*)\s*'
)
_MAX_TYPE_LENGTH = 255

#: Types that the browser may display because they cannot run script. SVG and HTML can.
_INLINE = re.compile(
    r"image/(?:avif|bmp|gif|jpeg|png|webp|x-icon)|application/pdf|(?:audio|video)/[^+]+|text/plain"
)


def check_type(content_type: str | None, rules: Rules) -> str:
    """Return the normalised type (`text/plain;charset=utf-8`).

    An empty type becomes application/octet-stream: browsers send none for unknown files. Raises
    InvalidRequest if it is not a media type, and TypeNotAllowed if the rules exclude it.
    """
    if not content_type or not content_type.strip():
        content_type = DEFAULT_TYPE
    match = _MEDIA_TYPE.fullmatch(content_type)
    if match is None or len(content_type) > _MAX_TYPE_LENGTH:
        raise InvalidRequest(
            "content_type is not a media type such as image/png.", code="invalid_content_type"
        )
    essence = f"{match[1]}/{match[2]}".lower()
    if not is_type_allowed(essence, rules.allowed_types):
        raise TypeNotAllowed(
            f"Files of type {essence} are not accepted here. "
            f"Accepted: {', '.join(rules.allowed_types)}."
        )
    # botocore does not sign one exact spelling of the form type; the result never has it.
    return essence + re.sub(r'\s*;\s*(?=[^"]*(?:"[^"]*"[^"]*)*$)', ";", match[3])


def is_type_allowed(content_type: str, allowed: tuple[str, ...]) -> bool:
    """Whether a media type matches one of the ranges (`*`, `image/*`, `image/png`)."""
    essence = content_type.partition(";")[0].strip().lower()
    group = essence.partition("/")[0]
    return any(
        accepted in {"*", "*/*", essence} or accepted == f"{group}/*" for accepted in allowed
    )


def is_safe_inline(content_type: str) -> bool:
    """Whether a browser may display this type instead of downloading it."""
    return _INLINE.fullmatch(content_type.partition(";")[0].strip().lower()) is not None


PreviewKind = Literal["image", "video", "audio", "pdf", "text"]


def preview(content_type: str) -> PreviewKind | None:
    """How a type can be previewed without running script; None if it cannot."""
    essence = content_type.partition(";")[0].strip().lower()
    group = kind(content_type)
    if is_safe_inline(content_type) and group in {"image", "video", "audio", "pdf"}:
        return cast("PreviewKind", group)
    # Shown as plain text, even HTML is harmless.
    if group in {"text", "code"} or essence.startswith("text/"):
        return "text"
    return None


Kind = Literal["image", "video", "audio", "pdf", "archive", "text", "document", "code", "other"]

KINDS: tuple[Kind, ...] = get_args(Kind)

_KINDS: dict[str, Kind] = {
    "application/pdf": "pdf",
    "application/zip": "archive",
    "application/gzip": "archive",
    "application/x-gzip": "archive",
    "application/x-tar": "archive",
    "application/x-7z-compressed": "archive",
    "application/vnd.rar": "archive",
    "application/x-bzip2": "archive",
    "application/json": "code",
    "application/xml": "code",
    "application/javascript": "code",
    "text/html": "code",
    "text/css": "code",
    "text/javascript": "code",
    "text/xml": "code",
    "text/x-python": "code",
    "application/rtf": "document",
    "application/msword": "document",
}


def kind(content_type: str) -> Kind:
    """The group that a type belongs to, such as `image`."""
    essence = content_type.partition(";")[0].strip().lower()
    if essence in _KINDS:
        return _KINDS[essence]
    if "officedocument" in essence or "opendocument" in essence or "ms-" in essence:
        return "document"
    group = essence.partition("/")[0]
    by_group: dict[str, Kind] = {
        "image": "image",
        "video": "video",
        "audio": "audio",
        "text": "text",
    }
    return by_group.get(group, "other")
