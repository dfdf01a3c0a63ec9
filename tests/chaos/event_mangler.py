"""Delivers S3's notifications to filehub's queue as badly as the rules of SQS and S3 allow.

The bucket notifies a queue of the chaos run. From there messages are delivered late, twice, out of
order, in other envelopes, merged, or not at all. Some messages that are not valid events are added.
"""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.chaos.plan import Plan

#: Fractions of the messages.
DROPPED, DUPLICATED, DELAYED, VERY_LATE, MERGED, WRAPPED, DAMAGED = (
    0.06,
    0.2,
    0.25,
    0.06,
    0.1,
    0.1,
    0.02,
)
#: Characters of a sequencer as filehub keeps it.
SEQUENCER_LENGTH = 64
#: Seconds between two messages that are not valid events.
MALFORMED_EVERY = 2.5

_MALFORMED = (
    "no JSON at all {n}",
    '"text {n}"',
    '{{"Records": {n}}}',
    '{{"n": {n}}}',
    '{{"Records": [{{"eventName": "ObjectCreated:Put", "n": {n}}}]}}',
    '{{"Type": "Notification", "Message": "not JSON {n}"}}',
    '{{"Records": [null, {n}]}}',
    '["a list", {n}]',
)


@dataclass(eq=False)
class Reported:
    """What S3 reported of an object, and whether it was delivered at all."""

    upload_id: str
    sequencer: str
    removed: bool
    delivered: bool = False


class EventMangler:
    """A thread between two queues; `malformed` has the bodies that cannot be processed."""

    def __init__(self, sqs: Any, source: str, target: str, plan: Plan) -> None:
        self._sqs, self._source, self._target = sqs, source, target
        self._plan = plan
        self._rng = plan.random("event mangler")
        self._scheduled: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._created: dict[str, str] = {}
        #: What S3 reported, by key and sequencer.
        self.reported: dict[tuple[str, str], Reported] = {}
        self._stopping = threading.Event()
        self._pass_through = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event mangler", daemon=True)
        self.malformed: set[str] = set()
        self.counts: Counter[str] = Counter()
        #: What went wrong in this thread itself.
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop_mangling(self) -> None:
        """From now on deliver everything once and at once, including what was delayed."""
        self._pass_through.set()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_empty(self) -> bool:
        return not self._scheduled

    def _run(self) -> None:
        try:
            malformed_at = time.monotonic() + MALFORMED_EVERY
            while not self._stopping.is_set():
                self._receive()
                self._deliver()
                if not self._pass_through.is_set() and time.monotonic() >= malformed_at:
                    self._send_malformed()
                    malformed_at += MALFORMED_EVERY
        except BaseException as error:
            self.error = error
            raise

    def _receive(self) -> None:
        messages = self._sqs.receive_message(
            QueueUrl=self._source, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages", [])
        if not messages:
            time.sleep(0.2)
            return
        bodies = [message["Body"] for message in messages]
        if self._pass_through.is_set():
            for body in bodies:
                self._record(body, delivered=True)
                self._schedule(body, 0)
                self.counts["received"] += 1
        else:
            self._mangle(bodies)
        self._sqs.delete_message_batch(
            QueueUrl=self._source,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ],
        )

    def _mangle(self, bodies: list[str]) -> None:
        rng = self._rng
        rng.shuffle(bodies)
        notifications = [body for body in bodies if '"Records"' in body]
        if len(notifications) > 1 and rng.random() < MERGED:
            bodies = [body for body in bodies if body not in notifications[:2]]
            bodies.append(_merged(*notifications[:2]))
            self.counts["merged"] += 1
        for body in bodies:
            self.counts["received"] += 1
            self._repeat_creation(body)
            is_dropped = rng.random() < DROPPED
            self._record(body, delivered=not is_dropped)
            if is_dropped:
                self.counts["dropped"] += 1
                continue
            self._schedule(self._rewrap(body), self._delay())
            if rng.random() < DUPLICATED:
                for _ in range(rng.choice((1, 1, 2))):
                    self._schedule(self._rewrap(body), self._delay())
                    self.counts["duplicated"] += 1

    def _record(self, body: str, *, delivered: bool) -> None:
        for record in json.loads(body).get("Records", []):
            s3_object = record["s3"]["object"]
            event = Reported(
                s3_object["key"].rsplit("/", 1)[-1],
                s3_object["sequencer"].upper().ljust(SEQUENCER_LENGTH, "0"),
                record["eventName"].startswith("ObjectRemoved"),
            )
            event = self.reported.setdefault((s3_object["key"], event.sequencer), event)
            event.delivered = event.delivered or delivered

    def _repeat_creation(self, body: str) -> None:
        """Deliver a creation once more, after the removal of the same object."""
        for record in json.loads(body).get("Records", []):
            key = record["s3"]["object"]["key"]
            if record["eventName"].startswith("ObjectCreated"):
                self._created[key] = json.dumps({"Records": [record]})
            elif key in self._created and self._rng.random() < 0.5:
                self._record(self._created[key], delivered=True)
                self._schedule(self._created[key], self._rng.uniform(0.1, 8))
                self.counts["created after removed"] += 1

    def _delay(self) -> float:
        roll = self._rng.random()
        if roll < VERY_LATE:
            self.counts["very late"] += 1
            return self._rng.uniform(15, 3600)  # or when the chaos run ends
        if roll < VERY_LATE + DELAYED:
            self.counts["delayed"] += 1
            return self._rng.uniform(0.3, 8)
        return 0.0

    def _rewrap(self, body: str) -> str:
        roll = self._rng.random()
        if roll < DAMAGED and '"Records"' in body:
            document = json.loads(body)
            document["Records"].append({"eventName": "ObjectCreated:Put", "n": next(self._numbers)})
            body = json.dumps(document)
            self.malformed.add(body)
            self.counts["damaged"] += 1
        elif roll < DAMAGED + WRAPPED:
            body = json.dumps({"Type": "Notification", "Message": body})
            self.counts["through SNS"] += 1
        return body

    def _schedule(self, body: str, delay: float) -> None:
        heapq.heappush(self._scheduled, (time.monotonic() + delay, next(self._numbers), body))

    def _send_malformed(self) -> None:
        number = next(self._numbers)
        body = self._rng.choice(_MALFORMED).format(n=number)
        self.malformed.add(body)
        self._schedule(body, 0)
        self.counts["malformed"] += 1

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._scheduled and (self._scheduled[0][0] <= now or self._pass_through.is_set()):
            batch = []
            while self._scheduled and len(batch) < 10:
                if self._scheduled[0][0] > now and not self._pass_through.is_set():
                    break
                batch.append(heapq.heappop(self._scheduled)[2])
            if not self._pass_through.is_set():
                self._rng.shuffle(batch)
            self._sqs.send_message_batch(
                QueueUrl=self._target,
                Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)],
            )
            self.counts["delivered"] += len(batch)


def _merged(first: str, second: str) -> str:
    return json.dumps({"Records": json.loads(first)["Records"] + json.loads(second)["Records"]})
