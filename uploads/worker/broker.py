"""Celery's broker configuration, derived from the app's settings.

The broker is SQS and nothing else: only there does a message stay until its effect is durable, and
become a dead letter that the admin site shows and replays (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from kombu import Exchange, Queue

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

#: The tasks that are retried: all in uploads/ingest/tasks.py and uploads/ingest/scan_tasks.py, by
#: their names in queued messages.
RETRIED_TASKS = (
    "uploads.tasks.confirm_objects",
    "uploads.tasks.confirm_hint",
    "uploads.tasks.reconcile_recent",
    "uploads.tasks.reconcile_multipart",
    "uploads.tasks.make_thumbnails",
    "uploads.tasks.move_folder",
    "uploads.tasks.purge_trash",
    "uploads.tasks.publish_events",
    "uploads.tasks.sweep_events",
    "uploads.tasks.deliver_webhooks",
    "uploads.tasks.call_receiver",
    "uploads.tasks.expire_audit",
    "uploads.tasks.expire_files",
    "uploads.tasks.scan_objects",
    "uploads.tasks.sweep_scans",
    "uploads.tasks.apply_scan_results",
)

#: Low-priority tasks. They have a queue of their own, from which a worker takes one at a time.
LOW_TASKS = ("uploads.tasks.make_thumbnails", "uploads.tasks.scan_objects")
#: Tasks that wait for other programs. They use the same queue if workers consume it.
WAITING_TASKS = ("uploads.tasks.deliver_webhooks", "uploads.tasks.call_receiver")

#: Does nothing if it has no events. Its name is older than any version that queues it like this, so
#: workers of every version accept it.
EMPTY_TASK = "uploads.tasks.confirm_objects"


class PredefinedQueues(Mapping[str, dict[str, Any]]):
    """kombu's `predefined_queues`: SQS queues, whose URLs are looked up on first use.

    Without it kombu lists all queues of the account, and creates a missing queue without a
    dead-letter queue. It is lazy because importing the settings must not need the network. Only the
    first queue is listed, since kombu needs all that are; a process may lack the others, and the
    permission to look them up (`uploads.worker.transport`).
    """

    def __init__(self, name: str, retried_tasks: list[str], *others: str) -> None:
        self._names = (name, *others)
        self._retried_tasks = retried_tasks
        self._queues: dict[str, dict[str, Any]] = {}

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key not in self._names:
            raise KeyError(key)
        if key not in self._queues:
            url = clients.sqs(clients.BROKER).get_queue_url(QueueName=key)["QueueUrl"]
            self._queues[key] = {
                "url": url,
                "backoff_tasks": self._retried_tasks,
                "backoff_policy": RETRY_AFTER,
            }
        return self._queues[key]

    def __contains__(self, key: object) -> bool:
        # kombu asks for it, which must not need the network.
        return key in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names[:1])

    def __len__(self) -> int:
        # kombu tests `if predefined_queues`.
        return 1


def consumed_queues(settings: Conf) -> tuple[Queue, ...]:
    """The value of CELERY_TASK_QUEUES: what a worker consumes. The first is the default."""
    low = (settings.low_queue,) if settings.uses_low_queue else ()
    # With these, kombu finds the queue's own configuration for each message.
    return tuple(
        Queue(name, Exchange(name), routing_key=name) for name in (settings.tasks_queue, *low)
    )


def routes(settings: Conf) -> dict[str, dict[str, str]]:
    """The value of CELERY_TASK_ROUTES."""
    waiting = settings.low_queue if settings.uses_low_queue else settings.tasks_queue
    return {
        **{task: {"queue": settings.low_queue} for task in LOW_TASKS},
        **{task: {"queue": waiting} for task in WAITING_TASKS},
    }


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
        "predefined_queues": PredefinedQueues(
            settings.tasks_queue, list(RETRIED_TASKS), settings.low_queue
        ),
        "one_at_a_time": settings.low_queue,
    }
