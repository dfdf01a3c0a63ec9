"""The charts of the storage report: SVG without script and style."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from tests.operations.report.helpers import page, section
from uploads.files import usage
from uploads.files.usage import Counter

pytestmark = pytest.mark.usefixtures("aws")


def count_days(*days: tuple[int, int, int, int]) -> None:
    """Write counters of days: days ago, files, bytes, rejected."""
    for ago, files, size, rejected in days:
        name = usage.day_id(datetime.now(UTC).date() - timedelta(days=ago), "0")
        Counter(name, files=files, bytes=size, rejected=rejected).save()


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_chart_has_no_script_no_style_and_only_integers(admin: Client, language: str) -> None:
    count_days((0, 3, 5_000_000, 1), (1, 4_000, 10**12, 7), (20, 1, 1, 0))
    admin.cookies["django_language"] = language
    html = page(admin)
    drawings = re.findall(r'<svg class="chart .*?</svg>', html, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert " style=" not in drawing
        assert "<script" not in drawing
        lengths = re.findall(r'\b(?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"', drawing)
        assert lengths
        assert [length for length in lengths if not length.isdigit()] == []
        assert drawing.count('class="chart-bar') == 3
        assert drawing.count('class="chart-rejected"') == 2
        assert 'role="img"' in drawing
        assert len(re.findall(r"<desc ", drawing)) == 1


@pytest.mark.usefixtures("one_day")
def test_the_bars_show_bytes_or_files(admin: Client) -> None:
    count_days((0, 3, 300, 0), (1, 1, 900, 0))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert f"the highest is 900 bytes on {yesterday:%-d %b %Y}." in section(
        page(admin), "days-title"
    )
    assert "the highest is 3 on" in section(page(admin, "?days=files"), "days-title")
    assert "the highest is 900 bytes" in section(page(admin, "?days=nonsense"), "days-title")
