"""Whether the worker's credentials allow what every task needs: objects and records.

Each request is tried on a file that does not exist, which changes nothing. S3 and DynamoDB
authorize a request before they look for its object or item.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import PREFIX

logger = logging.getLogger(__name__)

#: Seconds between two checks.
INTERVAL = 60.0
#: Neither a key nor an id that filehub creates.
_NAME = "health-check"
_DENIED = {"403", "AccessDenied", "AccessDeniedException"}


def is_sufficient() -> bool:
    """Whether nothing is denied, as of at most INTERVAL ago. Takes seconds at most; never raises.

    A service that cannot be reached does not count: tasks are retried then, and a restarted worker
    could do no better.
    """
    return not _last_check.denied()


class _Check:
    """Remembers the result, because the worker polls much more often."""

    def __init__(self) -> None:
        self._checked_at: float | None = None
        self._denied: list[str] = []

    def denied(self) -> list[str]:
        now = time.monotonic()
        if self._checked_at is None or now - self._checked_at >= INTERVAL:
            self._checked_at = now
            self._denied = [name for name, request in _REQUESTS.items() if _is_denied(request)]
            if self._denied:
                logger.error("the worker's credentials do not allow %s", ", ".join(self._denied))
        return self._denied


_last_check = _Check()


def _is_denied(request: Callable[[], object]) -> bool:
    try:
        request()
    except ClientError as exc:
        return exc.response["Error"]["Code"] in _DENIED
    except BotoCoreError:
        return False
    return False


def _head_bucket() -> object:
    return clients.s3(clients.OPTIONAL).head_bucket(Bucket=conf().bucket)


def _head_object() -> object:
    return clients.s3(clients.OPTIONAL).head_object(Bucket=conf().bucket, Key=PREFIX + _NAME)


def _batch_get_item() -> object:
    return clients.dynamodb(clients.OPTIONAL).batch_get_item(
        RequestItems={conf().table: {"Keys": [{"id": {"S": _NAME}}]}}
    )


def _update_item() -> object:
    return clients.dynamodb(clients.OPTIONAL).update_item(
        TableName=conf().table,
        Key={"id": {"S": _NAME}},
        UpdateExpression="SET checked = :now",
        ConditionExpression="attribute_exists(id)",
        ExpressionAttributeValues={":now": {"N": "0"}},
    )


_REQUESTS: dict[str, Callable[[], object]] = {
    "s3:ListBucket": _head_bucket,
    "s3:GetObject": _head_object,
    "dynamodb:BatchGetItem": _batch_get_item,
    "dynamodb:UpdateItem": _update_item,
}
