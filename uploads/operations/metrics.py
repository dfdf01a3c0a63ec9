"""What is stored, how it flows and what waits, as Prometheus reads it.

Everything comes from stores that all processes share, so it does not matter which one is asked, and
from counters and lists that are cut: a scrape costs the same however many files there are. IAM:
that of `dashboard`, and cloudwatch:GetMetricData.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from uploads.aws import cloudwatch, sqs
from uploads.core import media_types
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import FanOut
from uploads.files import usage
from uploads.files.usage import Day, Usage
from uploads.ingest.reconciliation import checkpoints
from uploads.operations import dashboard
from uploads.operations.dashboard import Flow, Queues

T = TypeVar("T")


@dataclass(frozen=True)
class Readings:
    """All that is told. `oldest` has the names of queues; those that CloudWatch tells nothing of
    are not in it."""

    flow: Flow
    queues: Queues
    today: Day
    kinds: dict[media_types.Kind, Usage]
    runs: list[checkpoints.Run]
    oldest: dict[str, timedelta]


def text() -> bytes:
    """The metrics in Prometheus's text format. Raises BackendUnavailable if any is unknown."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(read()))
    return generate_latest(registry)


def read() -> Readings:
    """Ask for all of it at the same time. Raises BackendUnavailable, naming what is unknown."""
    with FanOut(6) as fan_out:
        flow, waiting = fan_out.submit(dashboard.flow), fan_out.submit(dashboard.waiting)
        today, kinds = fan_out.submit(_today), fan_out.submit(usage.by_kind)
        runs = fan_out.submit(checkpoints.last_runs)
        oldest = fan_out.submit(partial(cloudwatch.oldest_ages, list(_queue_names().values())))
    return Readings(
        _known(flow, "the flow"),
        _known(waiting, "the queues"),
        _known(today, "the files of today"),
        _known(kinds, "what is stored"),
        _known(runs, "the reconciliations"),
        oldest.result() or {},
    )


def _known(answer: Future[T | None], what: str) -> T:
    found = answer.result()
    if found is None:
        raise BackendUnavailable(f"The metrics cannot be told: {what} cannot be read just now.")
    return found


def _today() -> Day:
    (today,) = usage.by_day(datetime.now(UTC).date(), 1)
    return today


def _queue_names() -> dict[str, str]:
    events, tasks = conf().events_queue, conf().tasks_queue
    return {
        "events": events,
        "tasks": tasks,
        "events-dlq": sqs.dead_letter_queue(events),
        "tasks-dlq": sqs.dead_letter_queue(tasks),
    }


class _Collector(Collector):
    """Names, units and help of each metric."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        yield from self._stored()
        yield from self._arrived()
        yield from self._flow()
        yield from self._queues()
        yield from self._runs()

    def _stored(self) -> Iterable[Metric]:
        files = GaugeMetricFamily(
            "filehub_stored_files", "Files that are stored, by type group.", labels=["type"]
        )
        size = GaugeMetricFamily(
            "filehub_stored_bytes", "Bytes that are stored, by type group.", labels=["type"]
        )
        for kind, used in self._readings.kinds.items():
            files.add_metric([kind], used.files)
            size.add_metric([kind], used.bytes)
        yield from (files, size)

    def _arrived(self) -> Iterable[Metric]:
        today = self._readings.today
        since = "since midnight (UTC), when it begins at zero again."
        yield CounterMetricFamily(
            "filehub_arrived_files", f"Files that were stored {since}", today.files
        )
        yield CounterMetricFamily(
            "filehub_arrived_bytes", f"Bytes that were stored {since}", today.bytes
        )
        yield CounterMetricFamily(
            "filehub_rejected_files", f"Files that were rejected {since}", today.rejected
        )

    def _flow(self) -> Iterable[Metric]:
        flow = self._readings.flow
        yield GaugeMetricFamily(
            "filehub_flow_files",
            f"Files that were signed and stored within the last hour, at most {dashboard.NEWEST}.",
            flow.files,
        )
        seconds = GaugeMetricFamily(
            "filehub_flow_seconds",
            "Time from S3's event to the record, of these files.",
            labels=["quantile"],
        )
        for quantile, value in (("0.5", flow.median), ("0.95", flow.slowest)):
            if value is not None:
                seconds.add_metric([quantile], value)
        yield seconds
        yield GaugeMetricFamily(
            "filehub_flow_without_event",
            "Those of them that S3 has not reported after five minutes.",
            flow.without_event,
        )

    def _queues(self) -> Iterable[Metric]:
        found = self._readings.queues
        waiting = GaugeMetricFamily(
            "filehub_queue_messages",
            "Messages in a queue, as SQS counts them.",
            labels=["queue", "state"],
        )
        for name, depth in (("events", found.events), ("tasks", found.tasks)):
            waiting.add_metric([name, "visible"], depth.visible)
            waiting.add_metric([name, "in_flight"], depth.in_flight)
            waiting.add_metric([name, "delayed"], depth.delayed)
        dead = GaugeMetricFamily(
            "filehub_dead_letters", "Messages that were given up.", labels=["queue"]
        )
        dead.add_metric(["events"], found.events_dead)
        dead.add_metric(["tasks"], found.tasks_dead)
        oldest = GaugeMetricFamily(
            "filehub_queue_oldest_seconds",
            "Age of the oldest message, where CloudWatch tells it.",
            labels=["queue"],
        )
        for label, name in _queue_names().items():
            if name in self._readings.oldest:
                oldest.add_metric([label], self._readings.oldest[name].total_seconds())
        yield from (waiting, dead, oldest)

    def _runs(self) -> Iterable[Metric]:
        ended = GaugeMetricFamily(
            "filehub_reconciliation_end_timestamp_seconds",
            "When the last reconciliation of a kind ended.",
            labels=["kind"],
        )
        found = GaugeMetricFamily(
            "filehub_reconciliation_found",
            "What the last reconciliation of a kind found.",
            labels=["kind", "what"],
        )
        for run in self._readings.runs:
            ended.add_metric([run.kind], run.finished_at.timestamp())
            for what, number in (
                ("orphans", run.orphaned),
                ("ghosts", run.missing),
                ("rejected", run.rejected),
                ("corrected", run.corrected),
                ("failed", run.failed),
                ("held_back", run.withheld),
            ):
                found.add_metric([run.kind, what], number)
        yield from (ended, found)
