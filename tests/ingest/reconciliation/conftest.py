"""Fixtures for reconciliation."""

from __future__ import annotations

import pytest

from uploads.aws import s3
from uploads.ingest.reconciliation import inventory


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pieces that are read, at most 10,000 bytes each."""
    monkeypatch.setattr(inventory, "CHUNK_SIZE", 10_000)
    sizes: list[int] = []
    read = s3.read

    def record_call(bucket: str, key: str, start: int = 0, size: int | None = None) -> bytes:
        piece = read(bucket, key, start, size)
        sizes.append(len(piece))
        return piece

    monkeypatch.setattr(s3, "read", record_call)
    return sizes
