"""Form fields that files are uploaded for (pure): a key and limits, and how both are signed.

The key says which field a file is for, so that it cannot be given to another one. The limits go
with it into the object's metadata, because the worker knows none of a project's forms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from uploads.core.destinations import covers

MAX_KEY = 100
#: Bytes of the limits in their encoded form, of the 2 KB that S3 allows for all metadata.
MAX_LIMITS = 300
_KEY = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{MAX_KEY - 1}}}")
_TYPE = re.compile(r"\*|[a-z0-9!#$&^_.+-]+/(?:\*|[a-z0-9!#$&^_.+-]+)")


@dataclass(frozen=True)
class FieldRules:
    """A field's key, such as `shop.product.manual`, and what files it accepts.

    `types` are media types and ranges such as `image/*`; (): as everywhere. `max_size` is in bytes;
    None: as everywhere. The general limits apply besides. Raises ValueError for what cannot be
    signed.
    """

    key: str
    types: tuple[str, ...] = ()
    max_size: int | None = None

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise ValueError(
                f"{self.key!r} is not the key of a field: at most {MAX_KEY} ASCII letters, "
                "digits, dots, hyphens and underscores"
            )
        for each in self.types:
            if not _TYPE.fullmatch(each):
                raise ValueError(f"{each!r} is not a content type such as image/png or image/*")
        if self.max_size is not None and self.max_size < 1:
            raise ValueError(f"max_size is {self.max_size}; it must be positive")
        if len(self._limits) > MAX_LIMITS:
            raise ValueError(f"types are longer than {MAX_LIMITS} characters; use ranges")

    @property
    def _limits(self) -> str:
        return f"{self.max_size or ''};{','.join(self.types)}"

    @property
    def metadata(self) -> dict[str, str]:
        """What is signed into the metadata of the object."""
        limits = {"field-limits": self._limits} if self.types or self.max_size else {}
        return {"field": self.key, **limits}

    def types_within(self, general: tuple[str, ...]) -> tuple[str, ...]:
        """The types that the field and the general rule both accept."""
        if not self.types:
            return general
        own = [each for each in self.types if covers(general, each)]
        wider = [each for each in general if covers(self.types, each)]
        return tuple(dict.fromkeys(own + wider))


def from_metadata(key: str, limits: str) -> FieldRules | None:
    """The field that was signed (`FieldRules.metadata`); None if there is none."""
    size, _, types = limits.partition(";")
    try:
        return FieldRules(
            key, tuple(types.split(",")) if types else (), int(size) if size else None
        )
    except ValueError:
        return None
