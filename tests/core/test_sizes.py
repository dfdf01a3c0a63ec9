"""Amounts of bytes, as people write them and as they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.core import sizes

GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10 GiB", 10 * GIB),
        ("500 MB", 500_000_000),
        ("1 MiB", 1_048_576),
        ("1.5 GB", 1_500_000_000),
        ("1,5 GB", 1_500_000_000),
        ("0", 0),
        ("4096", 4096),
        ("4096 B", 4096),
        ("  10gib ", 10 * GIB),
        ("1\u00a0kB", 1000),
        ("2 kib", 2048),
        ("1 PiB", 2**50),
        ("0.5 KiB", 512),
    ],
)
def test_common_notations_are_understood(text: str, size: int) -> None:
    assert sizes.parse(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "GiB", "-1", "+1", "1e9", "0x10", "1.500 MB", "1,500", "1 000 MB", "10 GiBs",
        "10 G", "ten", "1 MB 2", "1..5 GB", ".5 GB", "5. GB", "٣ GB", "１ GB", "NaN", "inf",
        "1 MB\x00", "1\n\n2", "9" * 31, "9" * 5000 + " B",
    ],
)  # fmt: skip
def test_ambiguous_notations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        sizes.parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (10 * GIB, "10 GiB"),
        (500_000_000, "500 MB"),
        (1_500_000_000, "1.5 GB"),
        (1024**4, "1 TiB"),
        (12345, "12345 B"),
        (1000, "1 kB"),
    ],
)
def test_an_exact_size_is_short(size: int, text: str) -> None:
    assert sizes.exact(size) == text


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_an_exact_size_is_parsed_to_the_same_number(size: int) -> None:
    assert sizes.parse(sizes.exact(size)) == size
