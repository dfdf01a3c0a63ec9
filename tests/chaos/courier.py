"""Carries S3's notifications to filehub's queue as badly as the rules of SQS and S3 allow.

The bucket notifies a queue of the storm's own. From there messages go on late, twice, in another
order, in other envelopes, together, or not at all; and with them some that are no events.
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

#: Shares of the messages.
DROPPED, DOUBLED, DELAYED, VERY_LATE, MERGED, WRAPPED, DAMAGED = (
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
#: Seconds between two messages that are no events.
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
    """What S3 reported of an object, and whether the courier delivered it at all."""

    upload_id: str
    sequencer: str
    removed: bool
    delivered: bool = False


class Courier:
    """A thread between two queues; `malformed` has the bodies that nobody can process."""

    def __init__(self, sqs: Any, source: str, target: str, plan: Plan) -> None:
        self._sqs, self._source, self._target = sqs, source, target
        self._plan = plan
        self._chance = plan.random("courier")
        self._due: list[tuple[float, int, str]] = []
        self._numbers = count()
        self._created: dict[str, str] = {}
        #: What S3 reported, by key and sequencer.
        self.reported: dict[tuple[str, str], Reported] = {}
        self._stopping = threading.Event()
        self._honest = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self.malformed: set[str] = set()
        self.done: Counter[str] = Counter()
        #: What went wrong with the courier itself.
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def calm_down(self) -> None:
        """From now on carry everything once and at once; what was kept back goes too."""
        self._honest.set()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_empty(self) -> bool:
        return not self._due

    def _run(self) -> None:
        try:
            malformed_at = time.monotonic() + MALFORMED_EVERY
            while not self._stopping.is_set():
                self._receive()
                self._deliver()
                if not self._honest.is_set() and time.monotonic() >= malformed_at:
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
            time.sleep(0.05)
            return
        bodies = [message["Body"] for message in messages]
        if self._honest.is_set():
            for body in bodies:
                self._note(body, delivered=True)
                self._keep(body, 0)
                self.done["carried"] += 1
        else:
            self._mishandle(bodies)
        self._sqs.delete_message_batch(
            QueueUrl=self._source,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ],
        )

    def _mishandle(self, bodies: list[str]) -> None:
        chance = self._chance
        chance.shuffle(bodies)
        told = [body for body in bodies if '"Records"' in body]
        if len(told) > 1 and chance.random() < MERGED:
            bodies = [body for body in bodies if body not in told[:2]]
            bodies.append(_merged(*told[:2]))
            self.done["merged"] += 1
        for body in bodies:
            self.done["carried"] += 1
            self._echo(body)
            is_dropped = chance.random() < DROPPED
            self._note(body, delivered=not is_dropped)
            if is_dropped:
                self.done["dropped"] += 1
                continue
            self._keep(self._disguised(body), self._delay())
            if chance.random() < DOUBLED:
                for _ in range(chance.choice((1, 1, 2))):
                    self._keep(self._disguised(body), self._delay())
                    self.done["doubled"] += 1

    def _note(self, body: str, *, delivered: bool) -> None:
        for record in json.loads(body).get("Records", []):
            found = record["s3"]["object"]
            event = Reported(
                found["key"].rsplit("/", 1)[-1],
                found["sequencer"].upper().ljust(SEQUENCER_LENGTH, "0"),
                record["eventName"].startswith("ObjectRemoved"),
            )
            event = self.reported.setdefault((found["key"], event.sequencer), event)
            event.delivered = event.delivered or delivered

    def _echo(self, body: str) -> None:
        """A creation comes once more, after the removal of the same object."""
        for record in json.loads(body).get("Records", []):
            key = record["s3"]["object"]["key"]
            if record["eventName"].startswith("ObjectCreated"):
                self._created[key] = json.dumps({"Records": [record]})
            elif key in self._created and self._chance.random() < 0.5:
                self._note(self._created[key], delivered=True)
                self._keep(self._created[key], self._chance.uniform(0.1, 8))
                self.done["created after removed"] += 1

    def _delay(self) -> float:
        luck = self._chance.random()
        if luck < VERY_LATE:
            self.done["very late"] += 1
            return self._chance.uniform(15, 3600)  # until the end of the storm, if that is earlier
        if luck < VERY_LATE + DELAYED:
            self.done["delayed"] += 1
            return self._chance.uniform(0.3, 8)
        return 0.0

    def _disguised(self, body: str) -> str:
        luck = self._chance.random()
        if luck < DAMAGED and '"Records"' in body:
            document = json.loads(body)
            document["Records"].append({"eventName": "ObjectCreated:Put", "n": next(self._numbers)})
            body = json.dumps(document)
            self.malformed.add(body)
            self.done["damaged"] += 1
        elif luck < DAMAGED + WRAPPED:
            body = json.dumps({"Type": "Notification", "Message": body})
            self.done["through SNS"] += 1
        return body

    def _keep(self, body: str, delay: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay, next(self._numbers), body))

    def _send_malformed(self) -> None:
        number = next(self._numbers)
        body = self._chance.choice(_MALFORMED).format(n=number)
        self.malformed.add(body)
        self._keep(body, 0)
        self.done["malformed"] += 1

    def _deliver(self) -> None:
        now = time.monotonic()
        while self._due and (self._due[0][0] <= now or self._honest.is_set()):
            batch = []
            while self._due and len(batch) < 10:
                if self._due[0][0] > now and not self._honest.is_set():
                    break
                batch.append(heapq.heappop(self._due)[2])
            if not self._honest.is_set():
                self._chance.shuffle(batch)
            self._sqs.send_message_batch(
                QueueUrl=self._target,
                Entries=[{"Id": str(n), "MessageBody": body} for n, body in enumerate(batch)],
            )
            self.done["delivered"] += len(batch)


def _merged(first: str, second: str) -> str:
    return json.dumps({"Records": json.loads(first)["Records"] + json.loads(second)["Records"]})
