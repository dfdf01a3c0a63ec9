"""Celery's broker configuration, derived from the app's settings.

The broker is SQS and nothing else: only there does a message stay until its effect is durable, and
become a dead letter that the admin site shows and replays (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from uploads.aws import clients
from uploads.core.conf import Conf
from uploads.core.limits import VISIBILITY_TIMEOUT

#: The value of CELERY_BROKER_TRANSPORT.
TRANSPORT = "uploads.worker.transport:Transport"

#: Failed attempts -> seconds until the next one. After maxReceiveCount attempts
#: (infra/filehub.yaml), about half an hour, the task becomes a dead letter.
RETRY_AFTER = {1: 5, 2: 15, 3: 60, 4: 120, 5: 300, 6: 600, 7: 600}

#: Seconds, for Redis and RabbitMQ: to connect, to respond, and for all attempts to connect. Without
#: them a web request that queues a hint waits for a Redis that hangs as long as it hangs.
_TIMEOUTS = {"socket_connect_timeout": 2, "socket_timeout": 4, "connect_retries_timeout": 2}

#: The tasks that are retried: all in uploads/ingest/tasks.py, by their names in queued messages.
RETRIED_TASKS = (
    "uploads.tasks.confirm_objects",
    "uploads.tasks.confirm_hint",
    "uploads.tasks.reconcile_recent",
    "uploads.tasks.reconcile_multipart",
    "uploads.tasks.move_folder",
)

#: Does nothing if it has no events. Its name is older than any version that queues it like this, so
#: workers of every version accept it.
EMPTY_TASK = "uploads.tasks.confirm_objects"


class PredefinedQueues(Mapping[str, dict[str, Any]]):
    """kombu's `predefined_queues` for one SQS queue. Looks up its URL on first use.

    Without it kombu lists all queues of the account, and creates a missing queue without a
    dead-letter queue. It is lazy because importing the settings must not need the network.
    """

    def __init__(self, name: str, retried_tasks: list[str]) -> None:
        self._name = name
        self._retried_tasks = retried_tasks

    @cached_property
    def _queues(self) -> dict[str, dict[str, Any]]:
        sqs = clients.sqs(clients.BROKER)
        return {
            self._name: {
                "url": sqs.get_queue_url(QueueName=self._name)["QueueUrl"],
                "backoff_tasks": self._retried_tasks,
                "backoff_policy": RETRY_AFTER,
            }
        }

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._queues[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._queues)

    def __len__(self) -> int:
        # kombu tests `if predefined_queues`, which must not need the network.
        return 1


def broker_settings(broker_url: str, settings: Conf) -> tuple[str, dict[str, Any]]:
    """The values of CELERY_BROKER_URL and CELERY_BROKER_TRANSPORT_OPTIONS.

    The app's settings are a parameter, because Django's settings call this while they are loading.
    """
    endpoint = settings.endpoint("sqs")
    if endpoint and not urlsplit(broker_url).hostname:
        # kombu takes host and port of a local endpoint from the URL, and the scheme from is_secure.
        broker_url = f"sqs://{urlsplit(endpoint).netloc}"
    return broker_url, {
        "region": settings.region,
        "is_secure": not (endpoint or "").startswith("http:"),
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "wait_time_seconds": clients.POLL_SECONDS,
        "polling_interval": 0,
        "client-config": clients.BROKER.as_config(),
        "predefined_queues": PredefinedQueues(settings.tasks_queue, list(RETRIED_TASKS)),
    }
