"""Descriptions of archives for members.js, and what every reader must find in them."""

from __future__ import annotations

import base64
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any

NOON = datetime(2026, 7, 31, 12, 34, 56, tzinfo=UTC)


@dataclass(frozen=True)
class Member:
    """A file for an archive. `zeros` is its size in bytes if it has no `content`."""

    path: str
    content: bytes = b""
    expected_path: str = ""
    modified: datetime = NOON
    zeros: int | None = None
    chunk: int | None = None

    @property
    def size(self) -> int:
        return len(self.content) if self.zeros is None else self.zeros

    def described(self) -> dict[str, Any]:
        """The member as members.js reads it."""
        described: dict[str, Any] = {"path": self.path, "modified": self.modified.timestamp()}
        if self.zeros is None:
            described["content"] = base64.b64encode(self.content).decode()
        else:
            described["zeros"] = self.zeros
        return described | ({"chunk": self.chunk} if self.chunk else {})


def check(archive: IO[bytes], members: Sequence[Member]) -> None:
    """Python's zipfile finds exactly these members, with their contents, times and modes."""
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        assert [info.filename for info in infos] == [m.expected_path or m.path for m in members]
        assert opened.testzip() is None
        for info, member in zip(infos, members, strict=True):
            assert info.file_size == info.compress_size == member.size
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.flag_bits == 0x808, "sizes after the content, and a name in UTF-8"
            assert info.external_attr >> 16 == 0o100644
            assert unix_time(info) == int(member.modified.timestamp())
            if member.zeros is None:
                assert opened.read(info) == member.content


def unix_time(info: zipfile.ZipInfo) -> int | None:
    """The time in the field 0x5455 (UTC), which zipfile ignores."""
    extra = info.extra
    while extra:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455:
            flags, seconds = struct.unpack_from("<Bi", extra, 4)
            assert flags == 1
            return int(seconds)
        extra = extra[4 + size :]
    return None
