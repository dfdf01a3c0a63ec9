"""How soon a record can be read after S3 has accepted the object, at ten uploads per second."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks import objects
from benchmarks.figures import Row, at_most, percentile
from benchmarks.objects import Resources
from benchmarks.raw_loop import RawLoop
from benchmarks.site import Site
from benchmarks.turns import Effort, in_turns
from uploads.core import keys

RATE = 10
#: Seconds of uploads for each program in each round.
SECONDS = 6.0
#: Seconds between two looks at the table.
INTERVAL = 0.01
#: Seconds to wait for the last records.
PATIENCE = 60
FILEHUB, RAW = "PUT 200 → record readable", "receive + head + put + get"


def run(site: Site, effort: Effort) -> list[Row]:
    """The 95th percentiles of both in turns. Every record has to appear."""
    uploads = effort.scaled(RATE * SECONDS)
    own, raw = objects.deploy(), objects.deploy()
    loop = RawLoop(raw.bucket, raw.events_queue, raw.table)
    with site.worker(**own.variables), site.consumer(**own.variables):
        measured = in_turns(
            effort.rounds,
            {FILEHUB: _filehub(own, uploads), RAW: lambda: _raw(raw, loop, uploads)},
        )
    name = f"{FILEHUB} / {RAW}, 95th percentile"
    return [Row(name, "ms", measured[FILEHUB], RAW, measured[RAW], at_most(3.0))]


def _filehub(resources: Resources, uploads: int) -> Callable[[], float]:
    def program() -> float:
        put_at: dict[str, float] = {}
        with ThreadPoolExecutor(1) as pool:
            uploading = pool.submit(_upload, resources, uploads, put_at)
            delays = _watch(resources, uploads, put_at)
            uploading.result()
        return percentile(delays, 95) * 1000

    return program


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


def _raw(resources: Resources, loop: RawLoop, uploads: int) -> float:
    """The sum of the raw calls for each of as many uploads, at the same rate."""
    delays = []
    began = time.perf_counter()
    for number in range(uploads):
        _wait_until(began + number / RATE)
        upload_id = objects.put(resources)
        put_at = time.perf_counter()
        messages = loop.receive(1, wait=20)
        key = keys.object_key(upload_id)
        loop.put(key, loop.head(key))
        if not objects.items(resources, [upload_id]):
            raise RuntimeError("a record that was written cannot be read")
        delays.append(time.perf_counter() - put_at)
        loop.delete(messages)
    return percentile(delays, 95) * 1000


def _wait_until(moment: float) -> None:
    time.sleep(max(moment - time.perf_counter(), 0))
