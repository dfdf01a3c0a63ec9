"""Prometheus metrics: storage, processing times, queues, reconciliations and webhooks.

All values come from storage shared by all processes, so any of them can be scraped, and from
counters and bounded lists, so the cost does not depend on the number of files. IAM: as for
`dashboard`, and cloudwatch:GetMetricData.
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
from uploads.core import type_lists
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.fan_out import FanOut, attempt
from uploads.files import usage
from uploads.files.usage import Day, Usage
from uploads.ingest.reconciliation import checkpoints
from uploads.integrations.webhooks import deliveries
from uploads.operations import dashboard, scan_counts
from uploads.operations.dashboard import Flow, Queues

T = TypeVar("T")


@dataclass(frozen=True)
class Readings:
    """All values. `oldest` maps a queue's name to the age of its oldest message, if known.

    `webhooks` is None if Django's database is unavailable, which is no reason to miss the others.
    """

    flow: Flow
    queues: Queues
    today: Day
    kinds: dict[type_lists.Kind, Usage]
    runs: list[checkpoints.Run]
    oldest: dict[str, timedelta]
    webhooks: deliveries.Counts | None = None
    #: None if files are not checked for malware.
    scans: scan_counts.Counts | None = None


def render() -> bytes:
    """The metrics in Prometheus's text format. Raises BackendUnavailable if one is unavailable."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(read()))
    return generate_latest(registry)


def read() -> Readings:
    """Read all values concurrently. Raises BackendUnavailable that names the missing value."""
    with FanOut(6) as fan_out:
        flow = fan_out.submit(dashboard.current_flow)
        queues = fan_out.submit(dashboard.queue_depths)
        today, kinds = fan_out.submit(_today), fan_out.submit(usage.by_kind)
        runs = fan_out.submit(checkpoints.last_runs)
        scans = fan_out.submit(scan_counts.read)
        oldest = fan_out.submit(partial(cloudwatch.oldest_ages, list(_queue_names().values())))
        # Not in a thread, which would keep its connection to the database.
        webhooks = attempt(deliveries.counts)
    return Readings(
        _require(flow, "the processing times"),
        _require(queues, "the queues"),
        _require(today, "today's counters"),
        _require(kinds, "the storage counters"),
        _require(runs, "the last reconciliations"),
        oldest.result() or {},
        webhooks,
        _require(scans, "the files that wait to be checked") if conf().scans else None,
    )


def _require(future: Future[T | None], what: str) -> T:
    result = future.result()
    if result is None:
        raise BackendUnavailable(f"Metrics are unavailable: {what} cannot be read at the moment.")
    return result


def _today() -> Day:
    (today,) = usage.by_day(datetime.now(UTC).date(), 1)
    return today


def _queue_names() -> dict[str, str]:
    events, tasks = conf().events_queue, conf().tasks_queue
    return {
        "events": events,
        "tasks": tasks,
        **({"tasks-low": conf().low_queue} if conf().uses_low_queue else {}),
        "events-dlq": sqs.dead_letter_queue(events),
        "tasks-dlq": sqs.dead_letter_queue(tasks),
    }


class _Collector(Collector):
    """Turns the readings into metrics with names and help texts."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterable[Metric]:
        yield from self._stored()
        yield from self._arrived()
        yield from self._flow()
        yield from self._queues()
        yield from self._runs()
        yield from self._webhooks()
        yield from self._scans()

    def _stored(self) -> Iterable[Metric]:
        kept = "including those in the trash, by type group."
        for name, what, attribute in (
            ("filehub_stored_files", f"Stored files, {kept}", "files"),
            ("filehub_stored_bytes", f"Stored bytes, {kept}", "bytes"),
            ("filehub_trashed_files", "Files in the trash, by type group.", "trashed_files"),
            ("filehub_trashed_bytes", "Bytes in the trash, by type group.", "trashed_bytes"),
        ):
            family = GaugeMetricFamily(name, what, labels=["type"])
            for kind, used in self._readings.kinds.items():
                family.add_metric([kind], getattr(used, attribute))
            yield family

    def _arrived(self) -> Iterable[Metric]:
        today = self._readings.today
        since = "since midnight (UTC), when the counter resets."
        yield CounterMetricFamily("filehub_arrived_files", f"Files stored {since}", today.files)
        yield CounterMetricFamily("filehub_arrived_bytes", f"Bytes stored {since}", today.bytes)
        yield CounterMetricFamily(
            "filehub_rejected_files", f"Files rejected {since}", today.rejected
        )

    def _flow(self) -> Iterable[Metric]:
        flow = self._readings.flow
        yield GaugeMetricFamily(
            "filehub_flow_files",
            f"Files signed and stored within the last hour, at most {dashboard.NEWEST}.",
            flow.files,
        )
        seconds = GaugeMetricFamily(
            "filehub_flow_seconds",
            "Time from S3's event to the record for these files.",
            labels=["quantile"],
        )
        for quantile, value in (("0.5", flow.median), ("0.95", flow.slowest)):
            if value is not None:
                seconds.add_metric([quantile], value)
        yield seconds
        yield GaugeMetricFamily(
            "filehub_flow_without_event",
            "How many of these files have no event from S3 after five minutes.",
            flow.without_event,
        )

    def _queues(self) -> Iterable[Metric]:
        queues = self._readings.queues
        messages = GaugeMetricFamily(
            "filehub_queue_messages",
            "Messages in a queue, as counted by SQS.",
            labels=["queue", "state"],
        )
        depths = {"events": queues.events, "tasks": queues.tasks, "tasks-low": queues.low}
        for name, depth in depths.items():
            if depth is not None:
                messages.add_metric([name, "visible"], depth.visible)
                messages.add_metric([name, "in_flight"], depth.in_flight)
                messages.add_metric([name, "delayed"], depth.delayed)
        dead = GaugeMetricFamily(
            "filehub_dead_letters", "Messages in the dead-letter queues.", labels=["queue"]
        )
        dead.add_metric(["events"], queues.events_dead)
        dead.add_metric(["tasks"], queues.tasks_dead)
        oldest = GaugeMetricFamily(
            "filehub_queue_oldest_seconds",
            "Age of the oldest message, if CloudWatch reports it.",
            labels=["queue"],
        )
        for label, name in _queue_names().items():
            if name in self._readings.oldest:
                oldest.add_metric([label], self._readings.oldest[name].total_seconds())
        yield from (messages, dead, oldest)

    def _runs(self) -> Iterable[Metric]:
        ended = GaugeMetricFamily(
            "filehub_reconciliation_end_timestamp_seconds",
            "When the last reconciliation of each kind ended.",
            labels=["kind"],
        )
        findings = GaugeMetricFamily(
            "filehub_reconciliation_found",
            "Findings of the last reconciliation of each kind.",
            labels=["kind", "what"],
        )
        for run in self._readings.runs:
            ended.add_metric([run.kind], run.finished_at.timestamp())
            for what, count in (
                ("orphans", run.orphaned),
                ("ghosts", run.missing),
                ("rejected", run.rejected),
                ("corrected", run.corrected),
                ("failed", run.failed),
                ("held_back", run.withheld),
            ):
                findings.add_metric([run.kind, what], count)
        yield from (ended, findings)

    def _scans(self) -> Iterable[Metric]:
        counts = self._readings.scans
        if counts is None:
            return
        most = f"at most {scan_counts.MOST} of each part."
        yield GaugeMetricFamily(
            "filehub_scanning_files",
            f"Files that wait to be checked for malware, {most}",
            counts.scanning,
        )
        yield GaugeMetricFamily(
            "filehub_scanning_oldest_seconds",
            "How long the oldest of these files has been waiting, or 0.",
            counts.oldest.total_seconds(),
        )
        verdicts = CounterMetricFamily(
            "filehub_scan_verdicts",
            "Verdicts about malware since midnight (UTC), when the counter resets, by kind.",
            labels=["verdict"],
        )
        for kind, number in self._readings.today.verdicts.items():
            verdicts.add_metric([kind], number)
        yield verdicts
        yield GaugeMetricFamily(
            "filehub_quarantined_files", f"Files in quarantine, {most}", counts.quarantined
        )

    def _webhooks(self) -> Iterable[Metric]:
        counts = self._readings.webhooks
        if counts is None:
            return
        yield GaugeMetricFamily(
            "filehub_webhooks_pending", "Webhooks that are still to be delivered.", counts.pending
        )
        yield GaugeMetricFamily(
            "filehub_webhooks_failed",
            "Webhooks of the last seven days that could not be delivered in three days.",
            counts.failed,
        )
        yield GaugeMetricFamily(
            "filehub_webhook_endpoints_disabled",
            "Webhook endpoints that filehub has disabled because they failed.",
            counts.disabled,
        )
