"""Destinations (pure): named rules for uploads, which a client chooses by name.

`uploads.core.destination_settings` parses them from the settings.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from uploads.core.folders import is_within, join

#: Who may upload: every user, staff, or the members of these groups.
Who = Literal["everyone", "staff"] | tuple[str, ...]


@dataclass(frozen=True)
class Destination:
    """Named rules for uploads; None leaves the general rule as it is.

    `max_size` is in bytes. `folder` contains all its files; "" for any. `keep_days` is the number
    of days after which a file is deleted.
    """

    name: str
    label: str = ""
    max_size: int | None = None
    types: tuple[str, ...] | None = None
    who: Who = "everyone"
    folder: str = ""
    keep_days: int | None = None

    @property
    def title(self) -> str:
        """What people see."""
        return self.label or self.name

    @property
    def keep_for(self) -> timedelta | None:
        return None if self.keep_days is None else timedelta(days=self.keep_days)

    def folder_for(self, folder: str) -> str:
        """The folder of a file for which the client has chosen this one."""
        if not self.folder or is_within(folder, self.folder):
            return folder
        return join(self.folder, folder) if folder else self.folder


def covers(ranges: Collection[str], media_range: str) -> bool:
    """Whether media ranges, such as `image/*`, include everything that another one does."""
    kind = media_range.partition("/")[0]
    return bool({"*", "*/*", media_range, f"{kind}/*"}.intersection(ranges))
