"""How Celery reaches its broker, worked out from the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from uploads.core.limits import VISIBILITY_TIMEOUT

if TYPE_CHECKING:
    from filehub.env import Env

#: Seconds that a poll waits for a task: the longest that SQS offers, for the fewest empty receives.
WAIT_SECONDS = 20

#: kombu acknowledges from the worker's only loop, and the consumer queues tasks between two polls:
#: neither may hang for the minutes that botocore's defaults allow.
CLIENT_CONFIG: dict[str, Any] = {
    "connect_timeout": 3,
    "read_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}

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

    def __init__(self, env: Env, retried_tasks: list[str]) -> None:
        self._env = env
        self._retried_tasks = retried_tasks

    @cached_property
    def _queues(self) -> dict[str, dict[str, Any]]:
        name = self._env.filehub_tasks_queue
        sqs = boto3.client(
            "sqs",
            region_name=self._env.aws_region,
            endpoint_url=self._env.endpoint("sqs"),
            config=Config(**CLIENT_CONFIG),
        )
        return {
            name: {
                "url": sqs.get_queue_url(QueueName=name)["QueueUrl"],
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


def broker_transport(env: Env) -> str | None:
    """The transport, in Celery's terms; None for the one that kombu has for the URL."""
    return (
        "uploads.worker.transport:Transport" if env.celery_broker_url.startswith("sqs:") else None
    )


def broker_settings(env: Env) -> tuple[str, dict[str, Any]]:
    """The broker's URL and transport options, in Celery's terms."""
    if not env.celery_broker_url.startswith("sqs:"):
        return env.celery_broker_url, {"visibility_timeout": VISIBILITY_TIMEOUT}
    url = env.celery_broker_url
    endpoint = env.endpoint("sqs")
    if endpoint and not urlsplit(url).hostname:
        # kombu takes a local endpoint's host and port from the URL, its scheme from is_secure.
        url = f"sqs://{urlsplit(endpoint).netloc}"
    return url, {
        "region": env.aws_region,
        "is_secure": not (endpoint or "").startswith("http:"),
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "wait_time_seconds": WAIT_SECONDS,
        "polling_interval": 0,
        "client-config": CLIENT_CONFIG,
        "predefined_queues": PredefinedQueues(env, list(RETRIED_TASKS)),
    }
