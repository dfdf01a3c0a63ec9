"""What Uppy says about a file in its metadata, whose values are text if they were in a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from uploads.core import labels
from uploads.core.errors import InvalidRequest
from uploads.core.folders import folder_of_path
from uploads.core.labels import NO_LABELS, Labels
from uploads.core.strict_json import parse_json

#: What JavaScript writes for a value that is missing.
_MISSING = ("", "null", "undefined")


@dataclass(frozen=True)
class FileMetadata:
    """The folder, labels and destination of a file; the destination is not checked."""

    folder: str = ""
    labels: Labels = NO_LABELS
    destination: str = ""


def parse(metadata: object) -> FileMetadata:
    """Read `relativePath`, `tags`, `context` and `destination`; other fields are ignored.

    Tags are a list or text with commas, and the context is an object or its JSON. Raises
    InvalidRequest.
    """
    if not isinstance(metadata, Mapping):
        return FileMetadata()
    path, destination = metadata.get("relativePath"), metadata.get("destination") or ""
    if not isinstance(destination, str):
        raise InvalidRequest("The destination must be a name.", code="invalid_destination")
    return FileMetadata(
        folder_of_path(path) if isinstance(path, str) else "",
        labels.check(_tags(metadata.get("tags")), _context(metadata.get("context"))),
        "" if destination in _MISSING else destination,
    )


def _tags(value: object) -> list[object] | None:
    if value is None or value in _MISSING:
        return None
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        raise InvalidRequest("The tags must be a list.", code="invalid_tags")
    return value


def _context(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in _MISSING:
        return None
    try:
        return parse_json(value)
    except ValueError:
        raise InvalidRequest("The context is not JSON.", code="invalid_context") from None
