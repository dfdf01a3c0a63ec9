"""Send the requests with which doctor would fix bucket, queues and table.

CloudFormation does not do this: an update of a stack whose template has not changed does nothing,
whatever became of its resources. IAM: what doctor reads, and the requests that it suggests.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.operations import doctor
from uploads.operations.doctor.call import Call
from uploads.operations.doctor.finding import code_of

#: Seconds between two looks at a table that is changing, between two lines about it, and for which
#: DynamoDB may not respond.
POLL_INTERVAL = 2.0
LINE_INTERVAL = 60.0
MAX_SILENCE = 600.0


def repair(
    *, timeout: timedelta | None = None, on_wait: Callable[[str], object] = lambda _: None
) -> Iterator[str]:
    """Fix what doctor finds; yield each request as an AWS CLI command, after it was sent.

    What exists is not deleted, except an index with wrong keys or attributes. Some findings appear
    only after others are fixed, so this repeats until there is nothing new to send. It waits for
    each change of the table as long as DynamoDB needs, or until the timeout is over, and passes a
    line about it to `on_wait` each minute. Another run resumes there. Raises BackendUnavailable.
    """
    waiting = _Waiting(timeout, on_wait)
    # An earlier run may have begun to build an index.
    waiting.for_table()
    sent: set[str] = set()
    while True:
        findings = list(doctor.examine_resources())
        calls = [call for finding in findings for call in finding.calls if str(call) not in sent]
        if not calls:
            return
        for call in calls:
            _send(call)
            sent.add(str(call))
            yield str(call)
            if call.operation in {"create_table", "update_table"}:
                waiting.for_table()


def _send(call: Call) -> None:
    try:
        call.send()
    except (BotoCoreError, ClientError) as exc:
        raise BackendUnavailable(f"{call} failed: {code_of(exc) or exc!r}.") from exc


class _Waiting:
    """Waits until the table and its indexes can be changed again."""

    def __init__(self, timeout: timedelta | None, on_wait: Callable[[str], object]) -> None:
        self._deadline = time.monotonic() + (
            math.inf if timeout is None else timeout.total_seconds()
        )
        self._on_wait = on_wait

    def for_table(self) -> None:
        """Return when nothing of the table is changing any more. Raises BackendUnavailable."""
        started = responded_at = time.monotonic()
        line_at = started
        state = ""
        while True:
            now = time.monotonic()
            try:
                state, responded_at = _change_in_progress(), now
            except (BotoCoreError, ClientError) as exc:
                # Hours are long enough for DynamoDB to be out of reach for some of them.
                if now - responded_at >= MAX_SILENCE:
                    raise BackendUnavailable(
                        f"DynamoDB does not tell the state of the table: {code_of(exc) or exc!r}."
                    ) from exc
            if not state:
                return
            if now >= self._deadline:
                raise BackendUnavailable(
                    f"DynamoDB is still changing the table {conf().table} ({state}), which may "
                    "take hours. Run provision --repair again: it waits for that, and resumes."
                )
            if now >= line_at:
                self._on_wait(f"{state}, for {int(now - started) // 60} min")
                line_at = now + LINE_INTERVAL
            time.sleep(POLL_INTERVAL)


def _change_in_progress() -> str:
    """What of the table is changing, such as "OwnerFeed: CREATING"; or ""."""
    try:
        table = clients.dynamodb().describe_table(TableName=conf().table)["Table"]
    except ClientError as exc:
        if code_of(exc) == "ResourceNotFoundException":
            return ""
        raise
    statuses: dict[str, str] = {conf().table: table["TableStatus"]}
    for index in table.get("GlobalSecondaryIndexes", ()):
        # An emulator may omit the status.
        statuses[index["IndexName"]] = index.get("IndexStatus", "ACTIVE")
    return ", ".join(f"{name}: {status}" for name, status in statuses.items() if status != "ACTIVE")
