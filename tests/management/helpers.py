"""Seed fake data, and run commands."""

from __future__ import annotations

import random
from io import StringIO
from typing import Any

from django.core.management import call_command

from uploads.files.record import StoredFile
from uploads.management import fake_data

OWNERS = ["7", "8", "9"]


def seed(count: int = 300, number: int = 1, **details: Any) -> fake_data.Seeded:
    arguments: dict[str, Any] = {"owners": OWNERS, "days": 60, "rng": random.Random(number)}
    return fake_data.seed(count, **(arguments | details))


def every(state: str | None = None) -> list[StoredFile]:
    condition = StoredFile.state.exists() if state is None else StoredFile.state == state
    return list(StoredFile.scan(condition))


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()
