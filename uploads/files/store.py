"""Read and change records. Only this module writes records and their counters.

A change has the record as it was read, and as it should be. The difference and the counters are
written in one transaction, together with those of other records, on condition that no other process
wrote in between, and with an item of the outbox if others are to be told of it. If another process
did write, the caller reads and decides again. So events can be repeated in any order, by any number
of workers. IAM: dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:PutItem,
dynamodb:UpdateItem.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pynamodb.exceptions import TransactWriteError, UpdateError
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from uploads.aws import time_limit
from uploads.aws.dynamodb import TableModel, batch_get, connection, error_code, table_errors
from uploads.core import backoff
from uploads.core.errors import BackendUnavailable, FilehubError
from uploads.files import counting, folder_items, grouping, outbox
from uploads.files.record import Change, StoredFile
from uploads.files.states import upgraded
from uploads.files.usage import owner_counter

logger = logging.getLogger(__name__)

#: Attempts to write a change before the caller has to retry later.
ATTEMPTS = 12
#: Conflicts after which the records of a transaction are written in two, so that one that always
#: conflicts does not hold back the others. Not earlier: the halves share their owner's counter, so
#: four workers with the files of one owner needed six times as many transactions.
CONFLICTS_UNTIL_SPLIT = 6
#: The same for an annotation.
ANNOTATE_ATTEMPTS = 5
#: Pauses between attempts, in seconds.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0

#: Reasons to repeat a transaction as it is: another one holds an item, or the table is throttled.
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
_CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
#: The record has changed, or its owner has no room.
_CONDITION_FAILED = "ConditionalCheckFailed"
#: Errors that one record may have caused: each is tried alone.
_CAUSED_BY_A_RECORD = {"ValidationException", "TransactionCanceledException"}


@dataclass(frozen=True)
class Unwritten:
    """The changes that were not written, by upload id."""

    #: Read and decide again: the record has changed, or its owner has less room.
    stale: frozenset[str] = frozenset()
    #: Retry later.
    failed: Mapping[str, BackendUnavailable] = field(default_factory=dict)


#: Maps the current record (None: there is none) to the new one; None leaves it unchanged.
Decide = Callable[[StoredFile | None], StoredFile | None]
#: The same for one of many records. Raises FilehubError if the change is not possible.
DecideOne = Callable[[StoredFile | None], StoredFile]
#: A record as it is now, or why it could not be changed.
Changed = StoredFile | FilehubError


def get(upload_id: str) -> StoredFile | None:
    """Read the record consistently; None if it does not exist."""
    with table_errors():
        try:
            return StoredFile.get(upload_id, consistent_read=True)
        except StoredFile.DoesNotExist:
            return None


def read(upload_ids: Iterable[str]) -> dict[str, StoredFile]:
    """Read records consistently, by id: one request per hundred. Raises BackendUnavailable."""
    return {record.id: record for record in batch_get(StoredFile, upload_ids, consistent_read=True)}


def change(upload_id: str, decide: Decide) -> bool:
    """Change one record to what `decide` returns; return whether anything was written.

    `decide` may be called several times. Raises BackendUnavailable, including when other writers
    keep winning.
    """
    for attempt in range(1, ATTEMPTS + 1):
        current = get(upload_id)
        target = decide(current)
        if target is None or not differs(current, target):
            return False
        unwritten = commit([Change(current, target)])
        if unwritten.failed:
            raise unwritten.failed[upload_id]
        if not unwritten.stale:
            return True
        pause(attempt)
    raise busy(upload_id)


def change_many(upload_ids: Iterable[str], decide: DecideOne) -> dict[str, Changed]:
    """Change each of these records to what `decide` returns; return the results by id.

    One BatchGetItem and as few transactions as possible (`commit`) for each hundred ids. Each
    record succeeds or fails alone. Those that another process has changed meanwhile are read and
    decided again, and only those. Raises BackendUnavailable if the records cannot be read.
    """
    results: dict[str, Changed] = {}
    pending = list(dict.fromkeys(upload_ids))
    for attempt in range(1, ATTEMPTS + 1):
        records, changes = read(pending), []
        for upload_id in pending:
            current = records.get(upload_id)
            try:
                results[upload_id] = target = decide(current)
            except FilehubError as exc:
                results[upload_id] = exc
            else:
                changes.append(Change(current, target))
        unwritten = commit(changes)
        results |= unwritten.failed
        pending = sorted(unwritten.stale)
        if not pending:
            return results
        try:
            pause(attempt)
        except BackendUnavailable as exc:
            return results | dict.fromkeys(pending, exc)
    return results | {upload_id: busy(upload_id) for upload_id in pending}


def commit(changes: Iterable[Change]) -> Unwritten:
    """Write records and counters, in as few transactions as possible; return what was not written.

    Each record is written together with its counters, or not at all. One that cannot be written
    does not hold back the others. Changes without a difference are skipped. The ids must be
    distinct. A record of an earlier version gets all attributes of this one with its next change.
    """
    different = [
        replace(change, after=upgraded(change.after))
        for change in changes
        if differs(change.before, change.after)
    ]
    stale: set[str] = set()
    failed: dict[str, BackendUnavailable] = {}
    written: list[str] = []
    pending = deque(_Attempt(tuple(group)) for group in grouping.groups(different))
    while pending:
        attempt = pending.popleft()
        result = _try(attempt)
        stale |= result.stale
        failed |= result.failed
        pending += result.retries
        written += result.outbox
    outbox.announce(written)
    return Unwritten(frozenset(stale), failed)


def pause(attempt: int) -> None:
    """Wait before the next attempt. Raises BackendUnavailable if the request has no time left."""
    with table_errors():
        time_limit.pause(backoff.pause(attempt, first=FIRST_PAUSE, longest=LONGEST_PAUSE))


def busy(upload_id: str) -> BackendUnavailable:
    """The error if other writers keep winning."""
    return BackendUnavailable(f"The record of {upload_id} keeps being changed by other processes.")


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
                if error_code(exc) == "ConditionalCheckFailedException":
                    return
                # A worker's transaction holds the item; botocore does not retry this error.
                is_conflict = error_code(exc) == "TransactionConflictException"
                if not is_conflict or attempt == ANNOTATE_ATTEMPTS:
                    raise
                time_limit.pause(backoff.pause(attempt, first=0.05, longest=LONGEST_PAUSE))
            else:
                return


def differs(current: StoredFile | None, target: StoredFile) -> bool:
    """Whether a change would write anything. A new number of the schema alone is no reason to."""
    return current is None or _values(current) != _values(target)


def _values(record: StoredFile) -> dict[str, Any]:
    return {
        name: value
        for name, value in record.attribute_values.items()
        if value is not None and name not in {"version", "schema"}
    }


def _difference(current: StoredFile | None, target: StoredFile) -> list[Action]:
    """The actions that turn one record into the other. Equal attributes are left alone."""
    actions: list[Action] = []
    for name, attribute in StoredFile.get_attributes().items():
        value = getattr(target, name)
        if name in {"id", "version"} or value == (getattr(current, name) if current else None):
            continue
        actions.append(attribute.remove() if value is None else attribute.set(value))
    return actions


@dataclass(frozen=True)
class _Attempt:
    """Changes for one transaction, and how many conflicts they have had."""

    changes: tuple[Change, ...]
    conflicts: int = 0


@dataclass(frozen=True)
class _Result:
    """What one transaction did not write, and which ones to try instead."""

    stale: frozenset[str] = frozenset()
    failed: Mapping[str, BackendUnavailable] = field(default_factory=dict)
    retries: tuple[_Attempt, ...] = ()
    #: The id of the item of the outbox that was written with the records.
    outbox: tuple[str, ...] = ()


def _try(attempt: _Attempt) -> _Result:
    adjustments = [
        *counting.adjustments(attempt.changes),
        *folder_items.adjustments(attempt.changes),
    ]
    told = outbox.item_of(attempt.changes)
    try:
        with table_errors():
            _write(attempt.changes, adjustments, told)
    except BackendUnavailable as exc:
        return _after_error(attempt, adjustments, exc)
    return _Result(outbox=(told.id,) if told else ())


def _write(
    changes: Sequence[Change],
    adjustments: Sequence[counting.Adjustment],
    told: outbox.OutboxItem | None,
) -> None:
    """Write all records, all counters and the outbox, in this order, or nothing."""
    with TransactWrite(connection=connection()) as transaction:
        for change in changes:
            # The record has the version that was read; update() adds a condition on it.
            record = change.before or StoredFile(change.id)
            exists = StoredFile.id.exists() if change.before else StoredFile.id.does_not_exist()
            transaction.update(record, _difference(change.before, change.after), exists)
        for adjustment in adjustments:
            transaction.update(adjustment.counter, adjustment.actions, adjustment.condition)
        if told is not None:
            transaction.update(told, outbox.creation(told))


def _after_error(
    attempt: _Attempt, adjustments: Sequence[counting.Adjustment], error: BackendUnavailable
) -> _Result:
    """Blame the changes that caused the error, and retry the others."""
    changes, cause = attempt.changes, error.__cause__
    codes = _codes(cause)
    own, counters = codes[: len(changes)], codes[len(changes) :]
    stale = _stale(changes, own, adjustments, counters)
    failed = {
        change.id: error
        for change, code in zip(changes, own, strict=False)
        if code and code not in _CONTENTION and code != _CONDITION_FAILED
    }
    rest = tuple(change for change in changes if change.id not in stale | failed.keys())
    if len(rest) < len(changes):
        retries = (_Attempt(rest, attempt.conflicts),) if rest else ()
        return _Result(frozenset(stale), failed, retries)
    missing = _missing_folders(adjustments, counters)
    if missing:
        return _after_missing_folders(attempt, missing, error)
    if _CONTENTION.intersection(codes):
        return _after_conflict(attempt, error)
    if len(changes) > 1 and error_code(cause) in _CAUSED_BY_A_RECORD:
        return _Result(retries=tuple(_Attempt((change,), attempt.conflicts) for change in changes))
    return _Result(failed=dict.fromkeys((change.id for change in changes), error))


def _missing_folders(
    adjustments: Sequence[counting.Adjustment], codes: Sequence[str | None]
) -> list[folder_items.FolderItem]:
    """The folders that do not exist, which is the condition of their update."""
    return [
        adjustment.counter
        for adjustment, code in zip(adjustments, codes, strict=False)
        if code == _CONDITION_FAILED and isinstance(adjustment.counter, folder_items.FolderItem)
    ]


def _after_missing_folders(
    attempt: _Attempt, missing: Sequence[folder_items.FolderItem], error: BackendUnavailable
) -> _Result:
    """Create the folders, and try again. They may be removed again in between, but not always."""
    changes, conflicts = attempt.changes, attempt.conflicts + 1
    if conflicts == ATTEMPTS:
        return _Result(failed=dict.fromkeys((change.id for change in changes), error))
    try:
        for item in missing:
            folder_items.ensure(str(item.owner), str(item.folder))
    except BackendUnavailable as exc:
        return _Result(failed=dict.fromkeys((change.id for change in changes), exc))
    return _Result(retries=(_Attempt(changes, conflicts),))


def _codes(cause: BaseException | None) -> list[str | None]:
    """The reason of each item of a cancelled transaction (None: it was not a reason); or []."""
    if not isinstance(cause, TransactWriteError):
        return []
    return [reason.code if reason else None for reason in cause.cancellation_reasons]


def _stale(
    changes: Sequence[Change],
    own: Sequence[str | None],
    adjustments: Sequence[counting.Adjustment],
    counters: Sequence[str | None],
) -> set[str]:
    """The changes whose own condition failed, or that of their owner's counter."""
    full = {
        adjustment.counter.id
        for adjustment, code in zip(adjustments, counters, strict=False)
        if code == _CONDITION_FAILED
    }
    changed = {
        change.id for change, code in zip(changes, own, strict=False) if code == _CONDITION_FAILED
    }
    return changed | {
        change.id
        for change in changes
        if counting.has_condition(change) and owner_counter(change.after.owner) in full
    }


def _after_conflict(attempt: _Attempt, error: BackendUnavailable) -> _Result:
    """Try again after a pause: later in halves, which share fewer counters with other writers.

    The records need not be read again: the condition on their versions still protects them.
    """
    changes, conflicts = attempt.changes, attempt.conflicts + 1
    if conflicts == ATTEMPTS:
        return _Result(failed=dict.fromkeys((change.id for change in changes), error))
    logger.info("retrying %d records after %d conflicts", len(changes), conflicts)
    try:
        pause(conflicts)
    except BackendUnavailable as exc:
        return _Result(failed=dict.fromkeys((change.id for change in changes), exc))
    if conflicts < CONFLICTS_UNTIL_SPLIT or len(changes) == 1:
        return _Result(retries=(_Attempt(changes, conflicts),))
    middle = len(changes) // 2
    halves = changes[:middle], changes[middle:]
    return _Result(retries=tuple(_Attempt(half, conflicts) for half in halves))
