"""How soon a record can be read after S3 has accepted the object, at ten uploads per second.

The baseline makes the calls that no design with a task queue can do without, and nothing else. Both
wait in long polls, as they would on AWS. During a long poll, the local AWS looks for messages every
100 ms, which is most of the time of both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks import objects
from benchmarks.figures import Row, at_most, percentile
from benchmarks.objects import Resources
from benchmarks.raw_loop import BATCH, RawLoop, keys_in
from benchmarks.site import Site
from benchmarks.turns import Effort, in_turns

RATE = 10
#: Seconds of uploads for each program in each round.
SECONDS = 6.0
#: Seconds between two looks at the table.
INTERVAL = 0.01
#: Seconds to wait for the last records.
PATIENCE = 60
#: Seconds of a long poll of the baseline, after which it looks whether it should end.
POLL_SECONDS = 1
FILEHUB, RAW = "PUT 200 → record readable", "receive + send + receive + head + put"


def run(site: Site, effort: Effort) -> list[Row]:
    """The 95th percentiles of both in turns. Every record has to appear."""
    uploads = effort.scaled(RATE * SECONDS)
    own, raw = objects.deploy(), objects.deploy()
    with site.worker(**own.variables), site.consumer(**own.variables), _raw_calls(raw):
        measured = in_turns(
            effort.rounds, {FILEHUB: _delays(own, uploads), RAW: _delays(raw, uploads)}
        )
    name = f"{FILEHUB} / {RAW}, 95th percentile"
    return [Row(name, "ms", measured[FILEHUB], RAW, measured[RAW], at_most(3.0))]


def _delays(resources: Resources, uploads: int) -> Callable[[], float]:
    def program() -> float:
        put_at: dict[str, float] = {}
        with ThreadPoolExecutor(1) as pool:
            uploading = pool.submit(_upload, resources, uploads, put_at)
            delays = _watch(resources, uploads, put_at)
            uploading.result()
        return percentile(delays, 95) * 1000

    return program


@contextmanager
def _raw_calls(resources: Resources) -> Iterator[None]:
    """Pass events on to the tasks queue, and write a record for each, until the block ends."""
    events = RawLoop(resources.bucket, resources.events_queue, resources.table)
    tasks = RawLoop(resources.bucket, resources.tasks_queue, resources.table)
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(_handle, stop, events, tasks.send),
            pool.submit(_handle, stop, tasks, lambda body: _record(tasks, body)),
        ]
        try:
            yield
        finally:
            stop.set()
        for loop in running:
            loop.result()


def _handle(stop: threading.Event, loop: RawLoop, use: Callable[[str], None]) -> None:
    """Do something with the body of each message, then delete it."""
    while not stop.is_set():
        messages = loop.receive(BATCH, wait=POLL_SECONDS)
        for message in messages:
            use(message["Body"])
        if messages:
            loop.delete(messages)


def _record(loop: RawLoop, body: str) -> None:
    for key in keys_in(body):
        loop.put(key, loop.head(key))


def _upload(resources: Resources, uploads: int, put_at: dict[str, float]) -> None:
    """Put objects at a constant rate, and note when S3 accepted each."""
    began = time.perf_counter()
    for number in range(uploads):
        _wait_until(began + number / RATE)
        upload_id = objects.put(resources)
        put_at[upload_id] = time.perf_counter()


def _watch(resources: Resources, uploads: int, put_at: dict[str, float]) -> list[float]:
    """The seconds until each record could be read."""
    delays: dict[str, float] = {}
    deadline = time.perf_counter() + uploads / RATE + PATIENCE
    while len(delays) < uploads:
        pending = [upload_id for upload_id in list(put_at) if upload_id not in delays]
        found = objects.items(resources, pending)
        now = time.perf_counter()
        delays |= {item["id"]["S"]: now - put_at[item["id"]["S"]] for item in found}
        if now > deadline:
            raise TimeoutError(f"{uploads - len(delays)} records did not appear")
        time.sleep(INTERVAL)
    return list(delays.values())


def _wait_until(moment: float) -> None:
    time.sleep(max(moment - time.perf_counter(), 0))
