"""What runs record about themselves, and the periodic tasks and options of the command."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import (
    NOW,
    RESUMABLE,
    aws,
    create_object,
    run_command,
    table,
)
from tests.support.local_aws import drain
from uploads.core.conf import conf
from uploads.ingest import tasks
from uploads.ingest.reconciliation import checkpoints, reconcile
from uploads.ingest.reconciliation.reconcile import Plan


@pytest.mark.exhaustive
@aws
def test_the_last_run_of_each_kind_is_recorded(settings: Settings) -> None:
    assert checkpoints.last_runs() == []
    create_object()
    run_command("--since", "2h", "--min-age", "0m")
    run_command("--all", "--min-age", "0m")
    tasks.reconcile_recent()
    first, second, third = checkpoints.last_runs()
    assert [first.kind, second.kind, third.kind] == ["recent", "all", "since"]  # newest first
    assert (third.examined, third.orphaned, second.examined, second.orphaned) == (1, 1, 1, 0)
    assert first.started_at <= first.finished_at <= datetime.now(UTC)
    create_object()
    run_command("--all", "--min-age", "0m")
    latest = [(run.kind, run.orphaned) for run in checkpoints.last_runs()]
    assert latest == [("all", 1), ("recent", 0), ("since", 1)]


@aws
def test_checkpoints_are_in_no_index() -> None:
    create_object()
    reconcile.run(replace(RESUMABLE, budget=NOW))
    reconcile.run(Plan("since", timedelta(hours=2)))
    items = [item for item in table() if item["id"]["S"].startswith("reconcile#")]
    assert [item["id"]["S"] for item in items] == ["reconcile#last#since", "reconcile#position#all"]
    indexed = {"feed", "ownerFeed", "nameKey", "originalFileName"}
    assert not any(indexed & item.keys() for item in items)


@aws
def test_the_daily_task_resumes_at_once_and_the_frequent_task_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reconcile, "BUDGET", NOW)
    monkeypatch.setattr(reconcile, "MIN_AGE", NOW)
    for _ in range(2):
        create_object(timedelta(minutes=20))
    tasks.reconcile_recent()
    assert drain(conf().tasks_queue) == []
    tasks.reconcile_multipart()
    assert checkpoints.load("multipart") is not None
    assert len(drain(conf().tasks_queue)) == 1


def test_the_budget_of_a_task_is_within_its_time_limit(settings: Settings) -> None:
    slowest_look = timedelta(seconds=25)
    budget = reconcile.recent().budget
    assert budget is not None
    assert budget + slowest_look < timedelta(seconds=settings.CELERY_TASK_SOFT_TIME_LIMIT)
    assert reconcile.multipart().budget == budget


@aws
@pytest.mark.parametrize(
    "arguments",
    [["--restart"], ["--since", "soon"], ["--all", "--since", "1h"]],
)
def test_contradictory_options_are_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run_command(*arguments)
