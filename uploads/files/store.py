"""The table gateway: one record, read and changed. Nothing else writes records or counters.

A change is: read the record, decide what it should be, write exactly that together with what it
does to the counters, and only if nobody wrote in between. If somebody did, decide again. That is
what makes repeating an event, in any order and by any number of workers, harmless. IAM:
dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pynamodb.exceptions import TransactWriteError, UpdateError
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from uploads.aws.dynamodb import TableModel, connection, table_errors
from uploads.core import backoff
from uploads.core.errors import BackendUnavailable
from uploads.files import usage
from uploads.files.record import StoredFile

logger = logging.getLogger(__name__)

#: Other writers can come first so many times; the task is then tried again later.
ATTEMPTS = 12
#: The same for an annotation.
ANNOTATE_ATTEMPTS = 5
#: Seconds of the pauses between two attempts.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0

#: Reasons to read and decide again: the record changed, there is less room in a quota, or another
#: transaction has a counter.
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_RETRYABLE = {
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}


@dataclass(frozen=True)
class WithinQuota:
    """A record to be written only if its owner then has no more than `limit` bytes stored."""

    record: StoredFile
    limit: int


#: What the record should be, given what it is (None: there is none); None to leave it as it is.
Decide = Callable[[StoredFile | None], StoredFile | WithinQuota | None]


def get(upload_id: str) -> StoredFile | None:
    """The record, as the last write left it."""
    with table_errors():
        try:
            return StoredFile.get(upload_id, consistent_read=True)
        except StoredFile.DoesNotExist:
            return None


def change(upload_id: str, decide: Decide) -> bool:
    """Make the record what `decide` says; returns whether anything had to be written.

    `decide` may be asked several times. Raises BackendUnavailable, also when others never stop
    coming first.
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
        time.sleep(backoff.pause(attempt, first=FIRST_PAUSE, longest=LONGEST_PAUSE))
    raise BackendUnavailable(f"The record of {upload_id} is being changed by others all the time.")


def annotate(upload_id: str, actions: list[Action]) -> None:
    """Change attributes that say nothing about the object and count nowhere, such as downloads.

    No record is created. Raises BackendUnavailable.
    """
    with table_errors():
        for attempt in range(1, ANNOTATE_ATTEMPTS + 1):
            try:
                TableModel.update(
                    StoredFile(upload_id),
                    list(actions),
                    StoredFile.id.exists(),
                    add_version_condition=False,
                )
            except UpdateError as exc:
                if exc.cause_response_code == "ConditionalCheckFailedException":
                    return
                # A worker's transaction has the item right now; botocore does not wait for it.
                is_conflict = exc.cause_response_code == "TransactionConflictException"
                if not is_conflict or attempt == ANNOTATE_ATTEMPTS:
                    raise
                time.sleep(backoff.pause(attempt, first=0.05, longest=LONGEST_PAUSE))
            else:
                return


def _difference(current: StoredFile | None, target: StoredFile) -> list[Action]:
    """The actions that make one record the other; what is the same in both is not touched."""
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
    """Write record and counters, or neither; False when somebody else came first.

    Another file that took the room which this one needs came first as well.
    """
    # Carries the version that was read; update() adds the condition that it is still that one.
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
                logger.info("%s is read again: %s", target.id, ", ".join(sorted(reasons)))
                return False
            raise
    return True
