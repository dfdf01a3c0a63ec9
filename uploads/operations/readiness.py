"""Whether a web process can serve requests: each service that they need is tried.

Costs ten requests to AWS. IAM: s3:ListBucket, sqs:GetQueueUrl and sqs:GetQueueAttributes,
dynamodb:BatchGetItem, dynamodb:Query.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from django.db import DatabaseError, connection

from uploads.aws import s3, sqs, time_limit
from uploads.aws.dynamodb import batch_get, table_errors
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files.record import StoredFile

logger = logging.getLogger(__name__)

#: Seconds after which a check that has no result counts as failed. Probes wait a little longer.
SECONDS = 2.0
OK = "ok"
#: No item has this key.
_NOTHING = "readiness"

Check = Callable[[], None]

_INDEXES: tuple[Any, ...] = (
    StoredFile.file_name_index,
    StoredFile.by_owner,
    StoredFile.by_folder,
    StoredFile.by_state,
    StoredFile.by_folder_name,
)


def check() -> dict[str, str]:
    """Run all checks at the same time; return check -> "ok" or the reason. Takes SECONDS at most.

    Failures are logged. The reasons are for operators: they name hosts and resources.
    """
    results = run(_checks(), SECONDS)
    failed = {name: reason for name, reason in results.items() if reason != OK}
    if failed:
        logger.error("not ready: %s", "; ".join(f"{name}: {why}" for name, why in failed.items()))
    return results


def run(checks: Mapping[str, Check], seconds: float) -> dict[str, str]:
    """Run checks at the same time, each in a thread; return check -> "ok" or the reason.

    A thread whose check does not end is left behind. The time-outs of its service end it.
    """

    def limited(check: Check) -> None:
        with time_limit.limited(seconds):
            check()

    pool = ThreadPoolExecutor(len(checks), "readiness")
    futures = {name: pool.submit(limited, check) for name, check in checks.items()}
    # A little longer, so that the time-outs of AWS's clients say what did not respond.
    wait(futures.values(), timeout=seconds + 0.25)
    pool.shutdown(wait=False, cancel_futures=True)
    return {
        name: _result_of(future) if future.done() else f"no response within {seconds:g} s"
        for name, future in futures.items()
    }


def _result_of(future: Future[None]) -> str:
    error = future.exception()
    if error is None:
        return OK
    reason = repr(error)
    if isinstance(error, BackendUnavailable):
        reason = f"{error.message} ({error.__cause__!r})"
    # Some have several lines.
    return " ".join(reason.split())


def _checks() -> dict[str, Check]:
    checks: dict[str, Check] = {
        "database": _ping_database,
        "bucket": s3.ping,
        "events queue": partial(sqs.ping, conf().events_queue),
        "tasks queue": partial(sqs.ping, conf().tasks_queue),
        "table": _ping_table,
    }
    for index in _INDEXES:
        checks[f"index {index.Meta.index_name}"] = partial(_ping_index, index)
    return checks


def _ping_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as exc:
        raise BackendUnavailable("Django's database is not responding.") from exc
    finally:
        connection.close()


def _ping_table() -> None:
    batch_get(StoredFile, [_NOTHING])


def _ping_index(index: Any) -> None:
    with table_errors():
        next(index.query(_NOTHING, limit=1), None)
