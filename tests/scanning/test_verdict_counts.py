"""Verdicts about malware are counted by kind, once each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.operations.test_metrics import TOKEN, scrape
from tests.scanning.test_scan import scanning_file
from uploads.core.reasons import NO_REASON, Reason
from uploads.files import store, usage
from uploads.files.usage import VERDICTS
from uploads.ingest import scans
from uploads.scanning import verdict
from uploads.scanning.verdict import Kind, Verdict
from uploads.web import health

pytestmark = pytest.mark.usefixtures("aws", "one_day")

REASONS: list[tuple[Kind, Reason]] = [
    ("clean", NO_REASON),
    ("infected", verdict.infected("Eicar")),
    ("unknown", verdict.TOO_LARGE),
    ("unknown", verdict.ENCRYPTED),
    ("unknown", verdict.UNSUPPORTED),
    ("unknown", verdict.UNAVAILABLE),
]


@pytest.mark.parametrize("policy", ["hold", "release", "reject"])
def test_each_kind_of_verdict_is_counted_once(
    scanning: Settings, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanning.FILEHUB = {**scanning.FILEHUB, "SCAN_UNKNOWN": policy, "METRICS_TOKEN": TOKEN}
    monkeypatch.setattr(health, "METRICS_TTL", 3600)
    now = datetime.now(UTC)
    for kind, reason in REASONS:
        found = Verdict(scanning_file(), "", kind, now, "a scanner", reason)
        record = store.get(found.upload_id)
        assert record is not None
        found = Verdict(found.upload_id, str(record.etag), kind, now, "a scanner", reason)
        for _ in range(2):
            scans.apply(found)
    assert dict(_today()) == dict.fromkeys(VERDICTS, 1)
    cache.clear()
    metrics = scrape()
    assert {metrics["filehub_scan_verdicts_total", (kind,)] for kind in VERDICTS} == {1}


def test_a_later_verdict_about_a_stored_file_counts_too(scanning: Settings) -> None:
    upload_id, now = scanning_file(), datetime.now(UTC)
    record = store.get(upload_id)
    assert record is not None
    kinds: tuple[Kind, ...] = ("clean", "clean", "infected")
    for number, kind in enumerate(kinds):
        at = now + timedelta(milliseconds=number)
        scans.apply(Verdict(upload_id, str(record.etag), kind, at))
    counted = _today()
    assert (counted["clean"], counted["infected"]) == (2, 1)


def _today() -> Mapping[str, int]:
    (day,) = usage.by_day(datetime.now(UTC).date(), 1)
    return day.verdicts
