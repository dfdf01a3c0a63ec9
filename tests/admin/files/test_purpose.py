"""What the admin site says about what a file was uploaded for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from uploads.admin.files.purpose import purpose_text
from uploads.files.record import FileInfo

UNTIL = datetime(2026, 1, 31, 13, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("about", "text"),
    [
        ({}, "—"),
        ({"destination": "photos"}, "photos"),
        (
            {"destination": "a\u202eb", "kept_until": UNTIL},
            "a\ufffdb · kept until 2026-01-31 13:05 UTC",
        ),
        ({"field": "shop.product.manual"}, "shop.product.manual"),
        (
            {"field": "shop.product.manual", "claimed_by": "shop.product.manual:7"},
            "shop.product.manual · used by shop.product.manual:7",
        ),
        ({"claimed_by": "order:1"}, "used by order:1"),
    ],
    ids=str,
)
def test_what_a_file_is_for(about: dict[str, Any], text: str) -> None:
    assert purpose_text(FileInfo("1", "stored", UNTIL, **about)) == text
