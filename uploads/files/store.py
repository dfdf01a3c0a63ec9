"""Read and change single records. Only this module writes records and their counters.

A change reads the record, decides what it should be, and writes the difference and the counters in
one transaction, on condition that no other process wrote in between. If one did, it decides again.
So events can be repeated in any order, by any number of workers. IAM: dynamodb:GetItem,
dynamodb:PutItem, dynamodb:UpdateItem.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pynamodb.exceptions import TransactWriteError, UpdateError
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from uploads.aws import time_limit
from uploads.aws.dynamodb import TableModel, connection, table_errors
from uploads.core import backoff
from uploads.core.errors import BackendUnavailable
from uploads.files import usage
from uploads.files.record import StoredFile

logger = logging.getLogger(__name__)

#: Attempts to write a change before the caller has to retry later.
ATTEMPTS = 12
#: The same for an annotation.
ANNOTATE_ATTEMPTS = 5
#: Pauses between attempts, in seconds.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0

#: Reasons to read and decide again: the record changed, the quota has less room, or another
#: transaction holds a counter.
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_RETRYABLE = {
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}


@dataclass(frozen=True)
class WithinQuota:
    """A record to write only if its owner then has at most `limit` bytes stored."""

    record: StoredFile
    limit: int


#: Maps the current record (None: there is none) to the new one; None leaves it unchanged.
Decide = Callable[[StoredFile | None], StoredFile | WithinQuota | None]


def get(upload_id: str) -> StoredFile | None:
    """Read the record consistently; None if it does not exist."""
    with table_errors():
        try:
            return StoredFile.get(upload_id, consistent_read=True)
        except StoredFile.DoesNotExist:
            return None


def change(upload_id: str, decide: Decide) -> bool:
    """Change the record to what `decide` returns; return whether anything was written.

    `decide` may be called several times. Raises BackendUnavailable, including when other writers
    keep winning.
    """
    for attempt in range(1, ATTEMPTS + 1):
        current = get(upload_id)
        decided = decide(current)
        if decided is None:
            return False
        if isinstance(decided, WithinQuota):
            target, limit = decided.record, decided.limit
        else:
            target, limit = decided, None
        actions = _difference(current, target)
        if not actions:
            return False
        if _commit(current, target, actions, limit):
            return True
        with table_errors():
            time_limit.pause(backoff.pause(attempt, first=FIRST_PAUSE, longest=LONGEST_PAUSE))
    raise BackendUnavailable(f"The record of {upload_id} keeps being changed by other processes.")


def annotate(upload_id: str, actions: list[Action]) -> None:
    """Change attributes that affect neither decisions nor counters, such as downloads.

    Raises the record's version, as every write does. Does not create a record. Raises
    BackendUnavailable.
    """
    with table_errors():
        for attempt in range(1, ANNOTATE_ATTEMPTS + 1):
            try:
                # Of a record without a version PynamoDB would set the stored version to 1, and a
                # write based on an older version would pass. To a known version it adds 1.
                TableModel.update(
                    StoredFile(upload_id, version=0),
                    list(actions),
                    StoredFile.id.exists(),
                    add_version_condition=False,
                )
            except UpdateError as exc:
                if exc.cause_response_code == "ConditionalCheckFailedException":
                    return
                # A worker's transaction holds the item; botocore does not retry this error.
                is_conflict = exc.cause_response_code == "TransactionConflictException"
                if not is_conflict or attempt == ANNOTATE_ATTEMPTS:
                    raise
                time_limit.pause(backoff.pause(attempt, first=0.05, longest=LONGEST_PAUSE))
            else:
                return


def _difference(current: StoredFile | None, target: StoredFile) -> list[Action]:
    """The actions that turn one record into the other. Equal attributes are left alone."""
    actions: list[Action] = []
    for name, attribute in StoredFile.get_attributes().items():
        value = getattr(target, name)
        if name in {"id", "version"} or value == (getattr(current, name) if current else None):
            continue
        actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


def _commit(
    current: StoredFile | None, target: StoredFile, actions: list[Action], limit: int | None
) -> bool:
    """Write the record and its counters, or neither; False if another writer came first.

    That includes another file that used up the remaining quota.
    """
    # The record has the version that was read; update() adds a condition on that version.
    record = current or StoredFile(target.id)
    condition = StoredFile.id.exists() if current else StoredFile.id.does_not_exist()
    adjustments = usage.adjustments(current, target, limit)
    with table_errors():
        try:
            with TransactWrite(connection=connection()) as transaction:
                transaction.update(record, actions, condition)
                for change in adjustments:
                    transaction.update(change.counter, change.actions, change.condition)
        except TransactWriteError as exc:
            reasons = {reason.code for reason in exc.cancellation_reasons if reason}
            if reasons and reasons <= _RETRYABLE:
                logger.info("retrying %s: %s", target.id, ", ".join(sorted(reasons)))
                return False
            raise
    return True
