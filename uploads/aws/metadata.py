"""What the metadata of an object say about a file. Calls no service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from uploads.core import labels, tracing
from uploads.core.errors import InvalidRequest
from uploads.core.fields import FieldRules, from_metadata
from uploads.core.labels import NO_LABELS, Labels

#: Bytes of all names (without `x-amz-meta-`) and values together.
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
MAX_BYTES = 2048


@dataclass(frozen=True)
class Described:
    """What was signed. `owner` and `file_name` are None if they are missing or undecodable.

    Only the labels are validated.
    """

    owner: str | None
    file_name: str | None
    #: "" for the root; also if it is undecodable.
    folder: str = ""
    labels: Labels = NO_LABELS
    destination: str = ""
    #: The form field that it was uploaded for.
    field: FieldRules | None = None
    #: The span that signed it (uploads/core/tracing.py), or anything else; "" if there is none.
    traceparent: str = ""


def check_size(metadata: Mapping[str, str]) -> None:
    """Raise InvalidRequest if S3 would refuse so much metadata."""
    size = _size(metadata)
    if size > MAX_BYTES:
        raise InvalidRequest(
            f"Name, folder, tags and context take {size} bytes in encoded form; at most "
            f"{MAX_BYTES} are allowed. Use fewer tags or a smaller context.",
            code="metadata_too_large",
        )


def traced(metadata: Mapping[str, str], traceparent: str) -> dict[str, str]:
    """The metadata with the trace, if there is one and it still fits."""
    result = {**metadata, tracing.HEADER: traceparent}
    return result if traceparent and _size(result) <= MAX_BYTES else dict(metadata)


def _size(metadata: Mapping[str, str]) -> int:
    return sum(len(name) + len(value) for name, value in metadata.items())


def parse(metadata: Mapping[str, str]) -> Described:
    """What the metadata of an object say."""
    return Described(
        owner=_decode(metadata.get("owner")),
        file_name=_decode(metadata.get("filename")),
        folder=_decode(metadata.get("folder")) or "",
        labels=labels.decode(metadata.get("tags"), metadata.get("context")),
        destination=metadata.get("destination", ""),
        field=from_metadata(metadata.get("field", ""), metadata.get("field-limits", "")),
        traceparent=metadata.get(tracing.HEADER, ""),
    )


def _decode(value: str | None) -> str | None:
    try:
        return unquote_to_bytes(value).decode() if value else None
    except UnicodeDecodeError:
        return None
