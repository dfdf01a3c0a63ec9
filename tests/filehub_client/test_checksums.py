"""Checksums of whole files, and S3's composites of parts whose size is not stated."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from pathlib import Path

import pytest

from filehub_client.checksums import MB, MIB, matches, part_sizes


def composite(body: bytes, part_size: int) -> str:
    """As S3 computes it."""
    parts = [body[start : start + part_size] for start in range(0, len(body), part_size)] or [b""]
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"{b64encode(hashlib.sha256(digests).digest()).decode()}-{len(parts)}"


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (5 * MIB + 1, 5 * MIB),
        (12 * MIB, 5 * MIB),
        (12 * MIB, 6 * MIB),
        (12 * MIB, 7 * MIB),
        (9_999_999, 5 * MIB),
        (14 * MIB, 6 * MB),
        (7 * MIB, 16 * MIB),
        (0, 16 * MIB),
        (1, 16 * MIB),
    ],
)
def test_a_file_in_parts_is_verified(tmp_path: Path, size: int, part_size: int) -> None:
    body = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(body)
    checksum = composite(body, part_size)
    assert matches(path, size, checksum)
    if size:
        path.write_bytes(bytes([body[0] ^ 1]) + body[1:])
        assert not matches(path, size, checksum)


@pytest.mark.parametrize("body", [b"", b"hello"])
def test_a_whole_file_is_verified(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(body)
    checksum = b64encode(hashlib.sha256(body).digest()).decode()
    assert matches(path, len(body), checksum)
    assert not matches(path, len(body), checksum.swapcase())


@pytest.mark.parametrize("checksum", ["x", "x-", "x-0", "x-y", "-1", "x-9999999", "x-²", "x-1-1"])
def test_a_strange_checksum_does_not_match(tmp_path: Path, checksum: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    assert not matches(path, 5, checksum)


@pytest.mark.parametrize("count", [2, 3, 10, 10_000])
@pytest.mark.parametrize("part_size", [5 * MIB, 16 * MIB, 17 * MIB, 100 * MB, 5 * 1024 * MIB])
def test_the_size_that_was_used_is_among_those_that_are_tried(count: int, part_size: int) -> None:
    for size in (part_size * count, part_size * (count - 1) + 1):
        sizes = part_sizes(size, count)
        assert all(-(-size // candidate) == count for candidate in sizes)
        if part_size <= 100 * MB or count > 2:
            assert part_size in sizes
