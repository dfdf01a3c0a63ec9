"""Verify the SHA-256 of a downloaded file, also that of a file that was uploaded in parts.

S3's composite checksum is the SHA-256 of the parts' digests, then `-` and their number. It does not
say how large the parts are: all have the same size except the last, and filehub's clients use whole
MiB or whole MB, so the sizes that give this number of parts are tried.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path

from filehub_client.local_files import FileSlice

MIB, MB = 1024**2, 10**6
#: Part sizes that are tried.
MOST_CANDIDATES = 200


def is_verifiable(checksum: str) -> bool:
    """Whether the file has a checksum at all; Uppy, for example, sends none."""
    return bool(checksum)


def matches(path: Path, size: int, checksum: str) -> bool:
    """Whether this file of `size` bytes has this checksum. Raises LocalFileError."""
    expected, is_composite, count = checksum.partition("-")
    if not is_composite:
        return _whole(path, size) == expected
    if not (count.isascii() and count.isdigit()):
        return False
    candidates = part_sizes(size, int(count))
    return any(_composite(path, size, part_size) == expected for part_size in candidates)


def part_sizes(size: int, count: int) -> list[int]:
    """The sizes in bytes that parts of a file may have if there are `count`, likely ones first."""
    if count < 1 or size < count:
        return [1] if size == 0 and count == 1 else []
    if count == 1:
        return [size]
    # (count - 1) * part_size < size <= count * part_size
    least, most = -(-size // count), (size - 1) // (count - 1)
    powers = [MIB << exponent for exponent in range(13)]
    whole = [unit * n for unit in (MIB, MB) for n in _multiples(unit, least, most)]
    likely = [n for n in [16 * MIB, *powers, 5 * 1024 * MIB, *whole] if least <= n <= most]
    return list(dict.fromkeys(likely))[:MOST_CANDIDATES]


def _multiples(unit: int, least: int, most: int) -> range:
    first = -(-least // unit)
    return range(first, min(most // unit, first + MOST_CANDIDATES) + 1)


def _whole(path: Path, size: int) -> str:
    return b64encode(_digest(path, 0, size)).decode()


def _composite(path: Path, size: int, part_size: int) -> str:
    digest = hashlib.sha256()
    for start in range(0, max(size, 1), part_size):
        digest.update(_digest(path, start, min(part_size, size - start)))
    return b64encode(digest.digest()).decode()


def _digest(path: Path, start: int, size: int) -> bytes:
    digest = hashlib.sha256()
    for chunk in FileSlice(path, start, size).chunks():
        digest.update(chunk)
    return digest.digest()
