"""Confirmed files per second beside a plain loop with boto3, and what each file costs on AWS."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from benchmarks import aws_counter, consumption, objects, raw_loop
from benchmarks.figures import Row, at_least, at_most
from benchmarks.objects import Resources, wait_until_idle
from benchmarks.site import Site, paused, resumed, shell
from benchmarks.turns import Effort, in_turns
from tests.support.local_aws import drain
from tests.support.proxy import Proxy
from uploads.ingest import tasks
from uploads.ingest.events import parse_message

#: Files for each program in each round.
FILES = 400
#: Processes of filehub's worker, and as many raw loops.
PROCESSES = 2
FILEHUB, RAW = "confirmed files", "raw boto3 loop"


def run(site: Site, effort: Effort) -> list[Row]:
    """Measure filehub and the loop in turns, then count requests and write units."""
    files = effort.scaled(FILES)
    speed = _speed(site, files, effort.rounds)
    return [speed, *_requests(site, files), _write_units(files)]


def _speed(site: Site, files: int, rounds: int) -> Row:
    own, raw = objects.deploy(), objects.deploy()
    variables = own.variables | {"WORKER_CONCURRENCY": str(PROCESSES)}
    with site.worker(**variables), site.consumer(**variables) as consumer, paused(consumer):
        wait_until_idle(own.events_queue, own.tasks_queue)
        rates = in_turns(
            rounds, {FILEHUB: _filehub(consumer, own, files), RAW: _raw(site, raw, files)}
        )
    return Row(f"{FILEHUB} / {RAW}", "files/s", rates[FILEHUB], RAW, rates[RAW], at_least(0.9))


def _filehub(
    consumer: subprocess.Popen[str], resources: Resources, files: int
) -> Callable[[], float]:
    """`consumer` is paused, and is again afterwards."""

    def program() -> float:
        ids = objects.put_many(resources, files)
        with resumed(consumer):
            seconds = _seconds_until_idle(resources.events_queue, resources.tasks_queue)
        _check(resources, ids)
        return files / seconds

    return program


def _raw(site: Site, resources: Resources, files: int) -> Callable[[], float]:
    def program() -> float:
        ids = objects.put_many(resources, files)
        start = site.directory / "start"
        start.unlink(missing_ok=True)
        command = shell(
            sys.executable, "-m", "benchmarks.raw_loop",
            resources.bucket, resources.events_queue, resources.table, str(start),
        )  # fmt: skip
        with ExitStack() as stack:
            for _ in range(PROCESSES):
                stack.enter_context(site.process(command, lambda log: raw_loop.READY in log))
            start.touch()
            seconds = _seconds_until_idle(resources.events_queue)
        _check(resources, ids)
        return files / seconds

    return program


def _seconds_until_idle(*queues: str) -> float:
    began = time.perf_counter()
    wait_until_idle(*queues)
    return time.perf_counter() - began


def _check(resources: Resources, ids: list[str]) -> None:
    """Raises RuntimeError unless every file is in the table."""
    stored = [item for item in objects.items(resources, ids) if item["state"] == {"S": "stored"}]
    if len(stored) != len(ids):
        raise RuntimeError(f"{len(ids) - len(stored)} of {len(ids)} files are not in the table")


def _requests(site: Site, files: int) -> list[Row]:
    """The requests of consumer and worker per file, while there are always more events."""
    resources = objects.deploy()
    ids = objects.put_many(resources, files)
    with Proxy(site.aws.port) as proxy:
        variables = resources.variables | {"AWS_ENDPOINT_URL": proxy.url}
        with site.worker(**variables), site.consumer(**variables):
            wait_until_idle(resources.events_queue, resources.tasks_queue)
            counts = aws_counter.counts(proxy)
    _check(resources, ids)
    total = Row(
        "AWS requests per confirmed file",
        "requests",
        (sum(counts.values()) / files,),
        target=at_most(2.0),
    )
    parts = [
        Row(f"of these to {service}", "requests", (count / files,))
        for service, count in counts.items()
    ]
    return [total, *parts]


def _write_units(files: int) -> Row:
    """The write units per stored file, in the tasks that the consumer would have queued."""
    resources = objects.deploy()
    with objects.in_use(resources):
        ids = objects.put_many(resources, files)
        events = _events(resources)
        with consumption.counted() as consumed:
            for start in range(0, len(events), tasks.EVENTS_PER_TASK):
                tasks.confirm_objects(events[start : start + tasks.EVENTS_PER_TASK])
    _check(resources, ids)
    return Row(
        "write units per stored file", "units", (consumed.write_units / files,), target=at_most(8.0)
    )


def _events(resources: Resources) -> list[dict[str, Any]]:
    """The events in the queue, as arguments of a task."""
    messages = drain(resources.events_queue)
    return [
        asdict(event)
        for message in messages
        for event in parse_message(message["Body"], resources.bucket).events
    ]
