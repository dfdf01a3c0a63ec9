"""Tags and context (pure): what clients say about a file beyond its name and folder.

Both are signed into the object's metadata, where S3 accepts only ASCII, and stored in the record.
"""

from __future__ import annotations

import json
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from uploads.core.errors import InvalidRequest
from uploads.core.names import is_blank
from uploads.core.strict_json import parse_json

MAX_TAGS = 10
#: Bytes in UTF-8.
MAX_TAG_BYTES = 64
#: Bytes of the context as JSON in UTF-8, without white space.
MAX_CONTEXT_BYTES = 1024
#: Levels of objects and lists.
MAX_CONTEXT_DEPTH = 16


@dataclass(frozen=True)
class Labels:
    """Valid tags, and a valid context as compact JSON; empty if there are none."""

    tags: tuple[str, ...] = ()
    context: str = ""


#: Of a file without tags and context.
NO_LABELS = Labels()


def check_tags(tags: Iterable[object]) -> tuple[str, ...]:
    """Return the tags in NFC and without duplicates, in their order, or raise InvalidRequest."""
    checked = tuple(dict.fromkeys(check_tag(tag) for tag in tags))
    if len(checked) > MAX_TAGS:
        raise _invalid_tags(f"A file has {len(checked)} tags; at most {MAX_TAGS} are allowed.")
    return checked


def check_tag(tag: object) -> str:
    """Return the tag in NFC, or raise InvalidRequest (`invalid_tags`)."""
    if not isinstance(tag, str):
        raise _invalid_tags("Each tag must be text.")
    try:
        size = len(tag.encode())
    except UnicodeEncodeError:
        raise _invalid_tags("A tag is not valid Unicode.") from None
    # Normalization takes time in proportion to the length.
    if size <= 4 * MAX_TAG_BYTES:
        tag = unicodedata.normalize("NFC", tag)
        size = len(tag.encode())
    if size > MAX_TAG_BYTES:
        raise _invalid_tags(f"A tag is {size} bytes long; at most {MAX_TAG_BYTES} are allowed.")
    if is_blank(tag):
        raise _invalid_tags("A tag must have visible characters.")
    if any(unicodedata.category(char) == "Cc" for char in tag):
        raise _invalid_tags("A tag contains a control character.")
    return tag


def _invalid_tags(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_tags")


def check_context(context: object) -> str:
    """Return the context, a JSON object, as compact JSON; "" if it is empty or None.

    Raises InvalidRequest (`invalid_context`).
    """
    if context is None or context == {}:
        return ""
    if not isinstance(context, dict):
        raise _invalid_context("The context must be a JSON object.")
    _check_values(context)
    try:
        text = json.dumps(context, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _invalid_context("The context is not valid Unicode.") from None
    except (TypeError, ValueError):
        raise _invalid_context("The context has a number or value that JSON has not.") from None
    if size > MAX_CONTEXT_BYTES:
        raise _invalid_context(
            f"The context is {size} bytes long as JSON; at most {MAX_CONTEXT_BYTES} are allowed."
        )
    return text


def _check_values(context: dict[str, Any]) -> None:
    """Check the depth and the texts, level by level: no recursion on untrusted input."""
    level: list[object] = [context]
    for _ in range(MAX_CONTEXT_DEPTH):
        inner: list[object] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and "\0" in value:
                raise _invalid_context("The context contains the character U+0000.")
        level = inner
    if any(isinstance(value, dict | list) for value in level):
        raise _invalid_context(f"The context may be at most {MAX_CONTEXT_DEPTH} levels deep.")


def _invalid_context(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_context")


def check(tags: Iterable[object] | None, context: object) -> Labels:
    """Return valid tags and context, or raise InvalidRequest. None means that there are none."""
    return Labels(check_tags(tags or ()), check_context(context))


def parse_context(text: str) -> dict[str, Any]:
    """The context that is stored as this text; empty if there is none."""
    context = parse_json(text) if text else {}
    return context if isinstance(context, dict) else {}


def encode(labels: Labels) -> dict[str, str]:
    """The object's metadata: base64url of JSON in UTF-8, without padding."""
    encoded = {}
    if labels.tags:
        encoded["tags"] = _encode(
            json.dumps(labels.tags, ensure_ascii=False, separators=(",", ":"))
        )
    if labels.context:
        encoded["context"] = _encode(labels.context)
    return encoded


def decode(tags: str | None, context: str | None) -> Labels:
    """The labels in an object's metadata. Never raises: what is invalid is left out."""
    found = _decode(tags)
    try:
        valid_tags = check_tags(found) if isinstance(found, list) else ()
    except InvalidRequest:
        valid_tags = ()
    try:
        return Labels(valid_tags, check_context(_decode(context)))
    except InvalidRequest:
        return Labels(valid_tags)


def _encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str | None) -> Any:
    try:
        padded = (text or "") + "=" * (-len(text or "") % 4)
        return parse_json(urlsafe_b64decode(padded.encode("ascii"))) if text else None
    except ValueError:
        return None
