"""Counts what AWS bills between two points in time, for all processes together."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from benchmarks.cost import traffic
from benchmarks.cost.counts import Counts
from tests.support.proxy import Proxy
from tests.support.waiting import wait_for

#: Seconds until the queues must be empty again.
PATIENCE = 240


class Meter:
    """`proxy` is in front of the local AWS, and `units` the file of `benchmarks.cost.recorder`."""

    def __init__(self, proxy: Proxy, units: Path, aws_url: str) -> None:
        self._proxy = proxy
        self._units = units
        #: Past the proxy.
        self._sqs: Any = boto3.client("sqs", endpoint_url=aws_url, region_name="us-east-1")
        self._last = Counts()
        #: The read units of its Queries.
        self._queried = 0.0

    @contextmanager
    def counting(
        self, *, events: int = 0, until: Callable[[], bool] | None = None
    ) -> Iterator[None]:
        """Count the block, and if there is a condition, what happens until it is true and no
        message is left.

        `events` is how many messages S3 sends to its queue.

        What the block has consumed is in `last` then. A poll that had begun before the block
        belongs to it if it returned messages.
        """
        start = len(self._proxy.log)
        polls = [request for request in self._proxy.log if traffic.is_empty_poll(request)]
        lines = len(self._lines())
        yield
        if until is not None:
            wait_for(until, PATIENCE)
            self.wait_until_idle()
        # Those that are still without a message are not counted.
        requests = dict(traffic.billed([*polls, *self._proxy.log[start:]]))
        if events:
            requests["SQS notification from S3"] = events
        units = [json.loads(line) for line in self._lines()[lines:]]
        self._queried = sum(unit["read"] for unit in units if unit["operation"] == "Query")
        self._last = Counts(
            requests, sum(unit["read"] for unit in units), sum(unit["write"] for unit in units)
        )

    def last(self, per: int = 1) -> Counts:
        """What the last block consumed, for each of `per` files."""
        return self._last.times(1 / per)

    def last_without_queries(self) -> Counts:
        return self._last.minus(Counts({}, self._queried))

    def wait_until_idle(self) -> None:
        """Wait until no queue has a message, neither waiting nor in flight."""
        urls = self._sqs.list_queues()["QueueUrls"]
        wait_for(lambda: all(self._is_empty(url) for url in urls), PATIENCE)

    def waiting(self, name: str) -> int:
        """The number of messages of a queue that nobody has received."""
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return self._depths(url)[0]

    def _is_empty(self, url: str) -> bool:
        return not any(self._depths(url))

    def _depths(self, url: str) -> list[int]:
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return [int(found[name]) for name in names]

    def _lines(self) -> list[str]:
        return self._units.read_text(encoding="utf-8").splitlines()
