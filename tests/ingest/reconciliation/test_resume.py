"""A run that stops, fails or is killed is resumed where it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.ingest.reconciliation.helpers import (
    NOW,
    RESUMABLE,
    aws,
    create_object,
    delete_record,
    differences,
    objects,
    recorded,
    run_command,
)
from tests.plugin import AWS_PORT
from tests.support.processes import ROOT
from tests.support.proxy import Proxy
from tests.support.waiting import wait_for
from uploads.aws import s3
from uploads.aws.s3 import ListedObject
from uploads.core import keys
from uploads.core.errors import BackendUnavailable
from uploads.ingest.reconciliation import checkpoints, reconcile
from uploads.ingest.reconciliation.reconcile import Plan


@aws
def test_a_run_that_exhausts_its_budget_is_resumed() -> None:
    for _ in range(6):
        create_object()
    plan = replace(RESUMABLE, budget=NOW)
    results = [reconcile.run(plan)]
    assert (differences(results[0]), results[0].finished) == ({"orphaned": 1}, False)
    assert checkpoints.last_runs() == []
    while not results[-1].finished:
        results.append(reconcile.run(plan))
        assert len(results) < 20
    assert differences(results[-1]) == {"orphaned": 6}
    assert results[-1].counts.examined == 6
    assert recorded() == objects()
    assert [run.started_at for run in checkpoints.last_runs()] == [results[0].run.started_at]
    assert checkpoints.load("all") is None


@pytest.mark.exhaustive
@aws
def test_a_resumed_run_keeps_its_original_window() -> None:
    first, *rest = sorted((create_object() for _ in range(8)), key=lambda i: (keys.shard(i), i))
    assert not reconcile.run(Plan("recent", timedelta(hours=2), NOW, NOW, resumable=True)).finished
    assert recorded() == {first}
    # Hours later, a new run's window would contain none of them.
    later = Plan("recent", timedelta(minutes=5), NOW, resumable=True)
    assert reconcile.run(later).finished
    assert recorded() == {first, *rest}


@pytest.mark.exhaustive
@aws
def test_each_kind_of_run_has_its_own_checkpoint() -> None:
    for _ in range(3):
        create_object()
    reconcile.run(Plan("recent", timedelta(hours=2), NOW, NOW, resumable=True))
    before = checkpoints.load("recent")
    assert before is not None
    assert reconcile.run(RESUMABLE).finished
    assert checkpoints.load("recent") == before


@pytest.mark.exhaustive
@aws
def test_restart_starts_from_the_beginning() -> None:
    for _ in range(4):
        create_object()
    reconcile.run(replace(RESUMABLE, budget=NOW))
    (healed,) = recorded()
    delete_record(healed)
    assert differences(reconcile.run(RESUMABLE, restart=True)) == {"orphaned": 4}
    assert recorded() == objects()
    assert checkpoints.load("all") is None


@pytest.mark.exhaustive
@aws
def test_a_run_that_fails_while_listing_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(8):
        create_object()
    listing = s3.list_objects

    def fail_after_first_shard(shard: str, *, after: str, until: str) -> Iterator[ListedObject]:
        if shard > keys.shard(sorted(objects(), key=keys.shard)[0]):
            raise BackendUnavailable("S3 could not list the objects.")
        yield from listing(shard, after=after, until=until)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "list_objects", fail_after_first_shard)
        with pytest.raises(CommandError, match="S3 could not list the objects"):
            run_command("--all", "--min-age", "0m")
    assert 0 < len(recorded()) < 8
    assert checkpoints.last_runs() == []
    assert reconcile.run(RESUMABLE).counts.examined == 8
    assert recorded() == objects()


@aws
@pytest.mark.exhaustive
def test_a_run_that_is_killed_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(200):
        create_object()
    with Proxy(AWS_PORT) as proxy:
        # Slow requests, so that the run does not finish before it is killed.
        proxy.latency = 0.3
        child = subprocess.Popen(
            [sys.executable, "manage.py", "reconcile", "--all", "--min-age", "0m"],
            cwd=ROOT,
            env=os.environ | {"AWS_ENDPOINT_URL_S3": proxy.url},
        )
        try:
            wait_for(lambda: checkpoints.load("all"))
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
    checkpoint = checkpoints.load("all")
    assert checkpoint is not None
    done = recorded()
    assert 0 < len(done) < 200

    queried: list[tuple[str, str]] = []
    listing = s3.list_objects

    def record_call(shard: str, *, after: str, until: str) -> Iterator[ListedObject]:
        queried.append((shard, after))
        return listing(shard, after=after, until=until)

    monkeypatch.setattr(s3, "list_objects", record_call)
    err = StringIO()
    call_command("reconcile", "--all", "--min-age", "0m", stdout=StringIO(), stderr=err)
    assert queried[0] == (checkpoint.shard, checkpoint.last_id)
    assert f"after {checkpoint.last_id} in shard {checkpoint.shard}" in err.getvalue()
    assert recorded() == objects()
    (run,) = checkpoints.last_runs()
    assert (run.kind, run.started_at, run.examined) == ("all", checkpoint.started_at, 200)
    assert checkpoints.load("all") is None
