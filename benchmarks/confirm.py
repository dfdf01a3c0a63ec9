"""Confirmed files per second beside a plain loop with boto3, and what each file costs on AWS."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict

from benchmarks import aws_counter, objects, raw_loop, write_units
from benchmarks.figures import Row, at_least, at_most
from benchmarks.objects import Resources
from benchmarks.site import Site, shell
from benchmarks.turns import Effort, in_turns
from tests.support.proxy import Proxy
from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.ingest import tasks
from uploads.ingest.events import parse_message

#: Files for each program in each round.
FILES = 400
#: Processes that confirm: those of filehub's worker, and raw loops.
PROCESSES = 2
FILEHUB, RAW = "confirmed files", "raw boto3 loop"


def run(site: Site, effort: Effort) -> list[Row]:
    """Measure filehub and the loop in turns, then count requests and write units."""
    files = effort.scaled(FILES)
    own, raw = objects.own(), objects.raw()
    programs = {FILEHUB: _filehub(site, own, files), RAW: _raw(site, raw, files)}
    with site.worker(WORKER_CONCURRENCY=str(PROCESSES)):
        rates = in_turns(effort.rounds, programs)
    speed = Row(f"{FILEHUB} / {RAW}", "files/s", rates[FILEHUB], RAW, rates[RAW], at_least(0.9))
    return [speed, *_requests(site, own, files), _write_units(own, files)]


def _filehub(site: Site, resources: Resources, files: int) -> Callable[[], float]:
    def program() -> float:
        ids = objects.put_many(resources, files)
        with site.consumer():
            seconds = _seconds_until_idle(resources.events_queue, conf().tasks_queue)
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
    objects.wait_until_idle(*queues)
    return time.perf_counter() - began


def _check(resources: Resources, ids: list[str]) -> None:
    """Raises RuntimeError unless every file is in the table."""
    stored = [item for item in objects.items(resources, ids) if item["state"] == {"S": "stored"}]
    if len(stored) != len(ids):
        raise RuntimeError(f"{len(ids) - len(stored)} of {len(ids)} files are not in the table")


def _requests(site: Site, resources: Resources, files: int) -> list[Row]:
    """The requests of consumer and worker per file, while there are always more events."""
    ids = objects.put_many(resources, files)
    with Proxy(site.aws.port) as proxy:
        with site.worker(AWS_ENDPOINT_URL=proxy.url), site.consumer(AWS_ENDPOINT_URL=proxy.url):
            objects.wait_until_idle(resources.events_queue, conf().tasks_queue)
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


def _write_units(resources: Resources, files: int) -> Row:
    """The write units per stored file, in the tasks that the consumer would have queued."""
    ids = objects.put_many(resources, files)
    received: list[sqs.Message] = []
    while messages := _receive(resources):
        received += messages
    events = [
        asdict(event)
        for message in received
        for event in parse_message(message.body, resources.bucket).events
    ]
    with write_units.counted() as consumed:
        for start in range(0, len(events), tasks.EVENTS_PER_TASK):
            tasks.confirm_objects(events[start : start + tasks.EVENTS_PER_TASK])
    _check(resources, ids)
    return Row(
        "write units per stored file", "units", (consumed.write / files,), target=at_most(8.0)
    )


def _receive(resources: Resources) -> list[sqs.Message]:
    """Up to ten messages, deleted; [] if the queue is empty."""
    if sqs.depth(resources.events_queue).visible == 0:
        return []
    messages = sqs.receive(resources.events_queue)
    sqs.delete(resources.events_queue, messages)
    return messages
