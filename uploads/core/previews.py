"""Previews (pure): which files a browser can show, as what, and why not the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from uploads.core import media_types
from uploads.core.limits import MIB

PreviewKind = Literal["image", "video", "audio", "pdf", "text"]
#: Why there is no preview: browsers do not show this type, or no file of this size.
NoPreview = Literal["type", "too_large", "empty"]

#: The first bytes of a text that are shown. All of a large one would stop the browser.
TEXT_SHOWN = MIB
#: Bytes. A browser loads an image or a PDF as a whole, but plays audio and video from any position.
_LARGEST = {"image": 64 * MIB, "pdf": 128 * MIB}


@dataclass(frozen=True)
class Showing:
    """How a file is shown: either what it is shown as, or why it is not shown."""

    kind: PreviewKind | None = None
    reason: NoPreview | None = None


def showing(content_type: str, size: int) -> Showing:
    """How a file of this type and size (bytes) can be shown without running script.

    Text of any type is shown as plain text, which makes even HTML harmless. SVG is an image that
    can run script, so it is not shown.
    """
    kind = _kind(content_type)
    if kind is None:
        return Showing(reason="type")
    if size == 0:
        return Showing(reason="empty")
    if size > _LARGEST.get(kind, size):
        return Showing(reason="too_large")
    return Showing(kind)


def _kind(content_type: str) -> PreviewKind | None:
    group = media_types.kind(content_type)
    if group in {"text", "code"}:
        return "text"
    if group in {"image", "video", "audio", "pdf"} and media_types.is_safe_inline(content_type):
        return cast("PreviewKind", group)
    return None
