"""Amounts and sums: what a piece of work, a month and a large installation are billed (pure).

Amounts are numbers of what prices.toml has prices for, by the names that it gives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.cost.counts import Counts, Measured
from benchmarks.cost.prices import Example, Prices

HOUR = 3600
#: Seconds.
MONTH = 730 * HOUR
GB = 1e9
READ_UNIT = 4096
#: Bytes that DynamoDB adds to each item, and to each copy in an index, for storage only.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
OVERHEAD = 100
MILLION = 1_000_000
#: Keys that S3 lists in one response, and files that filehub reads or records together.
KEYS_PER_LISTING = 1_000

Amounts = Mapping[str, float]


def add(*several: Amounts) -> dict[str, float]:
    names = dict.fromkeys(name for amounts in several for name in amounts)
    return {name: sum(amounts.get(name, 0) for amounts in several) for name in names}


def times(amounts: Amounts, factor: float) -> dict[str, float]:
    return {name: amount * factor for name, amount in amounts.items()}


def preflight() -> Counts:
    """What a browser sends before each request to S3 that uploads something."""
    return Counts({"S3 OPTIONS": 1})


def compared(measured: Measured) -> Counts:
    """One comparison of an object with its record, as one of many in a listing."""
    return Counts(
        {"S3 ListObjectsV2": 1 / KEYS_PER_LISTING}, _share(measured.sizes.copies["AllFeed"])
    )


def comparisons(measured: Measured) -> float:
    """How often periodic reconciliations compare a file until it is too old for them."""
    schedule = measured.schedule
    return schedule.recent_window / schedule.reconciliation + schedule.daily_window / (24 * HOUR)


def seen_by_purges(measured: Measured) -> Counts:
    """What it costs that each purge reads the index entry of a file in the trash."""
    purges = measured.schedule.trash_days * 24 * HOUR / measured.schedule.purge
    return Counts({}, _share(measured.sizes.trashed) * purges)


def _share(size: float, *, consistent: bool = False) -> float:
    """The read units of an item of so many bytes that is read together with many others."""
    return size / READ_UNIT * (1.0 if consistent else 0.5)


def idle(measured: Measured) -> dict[str, Counts]:
    """What processes request in a month while nothing happens, by what they do."""
    work, schedule = measured.work, measured.schedule
    polls = Counts({"SQS ReceiveMessage": MONTH / schedule.poll})
    return {
        "polls of the consumer": polls,
        "polls of a worker": polls.times(schedule.queues - 1),
        "a worker's check of its credentials": work["check of the worker's credentials"].times(
            MONTH / schedule.credentials_check
        ),
        "the consumer's proof that it can queue tasks": work["empty task"].times(
            MONTH / schedule.empty_task
        ),
        "reconciliation of recent files": work["reconciliation without files"].times(
            MONTH / schedule.reconciliation
        ),
        "purge of the trash": work["purge of an empty trash"].times(MONTH / schedule.purge),
        "sweep for webhooks": work["sweep of an empty outbox"].times(MONTH / schedule.sweep),
    }


def stored_record(measured: Measured) -> dict[str, float]:
    """A month of one record, with its copies in indexes and its backup."""
    item, copies = stored_sizes(measured)
    return {"table_gb": (item + copies) / GB, "backup_gb": item / GB}


def stored_sizes(measured: Measured) -> tuple[int, int]:
    """The bytes for which DynamoDB bills storage: of a record, and of all of its copies."""
    copies = measured.sizes.copies.values()
    return measured.sizes.item + OVERHEAD, sum(copies) + OVERHEAD * len(copies)


def upload(measured: Measured, example: Example, *, together: bool) -> dict[str, Counts]:
    """What follows from one upload of the example: its confirmation, pages and so on.

    `together`: the files of each task are as many as possible. Otherwise each has one of its own.
    """
    work = measured.work
    how = "many at a time" if together else "one at a time"
    deletion = (
        work[f"move to the trash, {how}"]
        + seen_by_purges(measured)
        + work["permanent deletion, many at a time"]
    )
    pages = work["home page"] + Counts({"S3 GetObject": 50 * example.images})
    return {
        "upload": work["upload in one request"] + preflight() + work["poll of one upload's state"],
        "confirmation": work[f"confirmation, {how}"],
        "thumbnails": work["thumbnail"].times(example.images),
        "reconciliation": compared(measured).times(comparisons(measured)),
        "lists and downloads": pages.times(example.pages)
        + work["download"].times(example.downloads),
        "deletions": deletion.times(example.deleted),
    }


@dataclass(frozen=True)
class Line:
    """One line of a bill: what it is for, and the amounts."""

    name: str
    amounts: Amounts


def month(measured: Measured, prices: Prices, uploads: int, *, together: bool) -> list[Line]:
    """The bill of a month with so many uploads, without the files of earlier months."""
    example, schedule = prices.example, measured.schedule
    lines = [
        Line(name, times(counts.billed(), uploads))
        for name, counts in upload(measured, example, together=together).items()
    ]
    periodic = add(*(counts.billed() for counts in idle(measured).values()))
    objects_gb = (
        uploads * (example.file_mb * 1e6 + example.images * example.thumbnail_kb * 1e3) / GB
    )
    return [
        *lines,
        Line("polling and alarms", {**periodic, "alarm": schedule.alarms}),
        Line("storage of the records", times(stored_record(measured), uploads)),
        Line("storage of the objects", {"object_gb": objects_gb}),
    ]


def downloaded_gb(example: Example, uploads: int) -> float:
    return uploads * example.downloads * example.file_mb / 1e3


def whole_table(measured: Measured, files: int) -> list[Line]:
    """Work that reads every file, for so many files."""
    by_listing = compared(measured).times(files)
    by_inventory = measured.work["comparison with an inventory"].times(files)
    # It reads the table three times: for counters, for folders, and for files.
    scans = Counts({}, 3 * files * _share(measured.sizes.item, consistent=True))
    return [
        Line("`reconcile --all`", by_listing.billed()),
        Line("`reconcile --inventory`", {**by_inventory.billed(), "inventory_object": files}),
        Line("`recount --check`", scans.billed()),
    ]
