"""Send the requests with which doctor would fix bucket, queues and table.

CloudFormation does not do this: an update of a stack whose template has not changed does nothing,
whatever became of its resources. IAM: what doctor reads, and the requests that it suggests.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.operations import doctor
from uploads.operations.doctor.call import Call
from uploads.operations.doctor.finding import code_of

#: Seconds between two looks at a table that is changing, and how long to wait in total.
POLL_INTERVAL = 2.0
MAX_WAIT = 600.0


def repair() -> Iterator[str]:
    """Fix what doctor finds; yield each request as an AWS CLI command, after it was sent.

    What exists is not deleted, except an index with wrong keys or attributes. Some findings appear
    only after others are fixed, so this repeats until there is nothing new to send. Raises
    BackendUnavailable.
    """
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


def _send(call: Call) -> None:
    try:
        call.send()
        if call.operation in {"create_table", "update_table"}:
            _wait_for_table()
    except (BotoCoreError, ClientError) as exc:
        raise BackendUnavailable(f"{call} failed: {code_of(exc) or exc!r}.") from exc


def _wait_for_table() -> None:
    """Wait until the table and its indexes can be changed again."""
    deadline = time.monotonic() + MAX_WAIT
    while _is_changing():
        if time.monotonic() > deadline:
            raise BackendUnavailable(
                f"DynamoDB is still changing the table {conf().table}, which may take hours. Run "
                "provision --repair again when doctor reports that it is active."
            )
        time.sleep(POLL_INTERVAL)


def _is_changing() -> bool:
    table = clients.dynamodb().describe_table(TableName=conf().table)["Table"]
    statuses: list[str] = [table["TableStatus"]]
    indexes = table.get("GlobalSecondaryIndexes", ())
    # An emulator may omit the status.
    statuses += [index.get("IndexStatus", "ACTIVE") for index in indexes]
    return set(statuses) != {"ACTIVE"}
