"""Publish the outbox: hand its events to the receivers of signals and to webhook endpoints.

Safe to repeat at any point: an item is deleted only when all its events are on their way, so each
event arrives at least once. IAM: dynamodb:BatchGetItem; dynamodb:Query on AllFeed;
dynamodb:DeleteItem on `outbox#*`; sqs:SendMessage.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from celery.exceptions import SoftTimeLimitExceeded

from uploads.core.errors import BackendUnavailable
from uploads.files import outbox
from uploads.integrations import queue, receivers
from uploads.integrations.webhooks import deliveries

logger = logging.getLogger(__name__)

#: Items of each partition of the outbox that a sweep publishes at most.
SWEPT = 500


@dataclass(frozen=True)
class Swept:
    """How many items had been left in the outbox, and how many deliveries expired."""

    items: int
    expired: int


def publish(item_ids: Iterable[str]) -> None:
    """Publish these items of the outbox, those that are still there.

    An item that triggers a bug is logged, stays, and does not hold back the others. The next sweep
    tries it again, so a task that fails would only add a dead letter a minute. Raises
    BackendUnavailable.
    """
    endpoints: set[int] = set()
    for item in outbox.read(item_ids):
        try:
            endpoints |= _publish(item)
        except (BackendUnavailable, SoftTimeLimitExceeded):
            raise
        except Exception:
            logger.exception("%s cannot be published", item.id)
    try:
        queue.deliver(sorted(endpoints))
    except BackendUnavailable as exc:
        # The deliveries are durable, and due.
        logger.warning("webhooks are delivered later: %r", exc.__cause__ or exc)


def _publish(item: outbox.Published) -> set[int]:
    """Publish one item, and delete it; return the endpoints that have something due."""
    events = item.events()
    endpoints = deliveries.create(events, is_older_left=lambda: outbox.has_older(item.id))
    receivers.enqueue(events)
    outbox.delete(item.id)
    return endpoints


def sweep() -> Swept:
    """Do what was not done in time: publish what is left, and deliver what is due again.

    Also ends deliveries whose time is over, and deletes old ones. Raises BackendUnavailable.
    """
    left = outbox.overdue(SWEPT)
    outbox.enqueue(left)
    expired = deliveries.expire()
    queue.deliver(deliveries.endpoints_with_due())
    deliveries.delete_old()
    return Swept(len(left), expired)
