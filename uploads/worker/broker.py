"""How Celery reaches its broker, derived from the app's settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from uploads.aws import clients
from uploads.core.conf import Conf
from uploads.core.limits import VISIBILITY_TIMEOUT

#: Seconds until a task that failed for the n-th time is tried again. The queue gives up after
#: maxReceiveCount (infra/filehub.yaml), about half an hour in all.
RETRY_AFTER = {1: 5, 2: 15, 3: 60, 4: 120, 5: 300, 6: 600, 7: 600}


#: The tasks that are tried again so: all there are (uploads/ingest/tasks.py), by the names that
#: queued messages carry.
RETRIED_TASKS = (
    "uploads.tasks.confirm_objects",
    "uploads.tasks.confirm_hint",
    "uploads.tasks.reconcile_recent",
    "uploads.tasks.reconcile_multipart",
)


class PredefinedQueues(Mapping[str, dict[str, Any]]):
    """kombu's `predefined_queues` for one SQS queue, its URL looked up when first needed.

    Predefined, because kombu would otherwise list every queue of the account and create a missing
    one without a dead-letter queue. Lazy, because importing the settings must not need a network.
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
        # kombu asks `if predefined_queues`; the answer must not depend on the network.
        return 1


def broker_transport(broker_url: str) -> str | None:
    """The transport, in Celery's terms; None for the one that kombu has for the URL."""
    return "uploads.worker.transport:Transport" if broker_url.startswith("sqs:") else None


def broker_settings(broker_url: str, settings: Conf) -> tuple[str, dict[str, Any]]:
    """The broker's URL and transport options, in Celery's terms.

    The app's settings are passed in, because Django's settings are not complete when they ask.
    """
    if not broker_url.startswith("sqs:"):
        return broker_url, {"visibility_timeout": VISIBILITY_TIMEOUT}
    endpoint = settings.endpoint("sqs")
    if endpoint and not urlsplit(broker_url).hostname:
        # kombu takes a local endpoint's host and port from the URL, its scheme from is_secure.
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
