"""Deliver what is due to one endpoint, several webhooks at a time."""

from __future__ import annotations

import logging
import time

from uploads.core.fan_out import map_concurrently
from uploads.integrations.webhooks import deliveries, send
from uploads.integrations.webhooks.deliveries import CLAIMED_AT_ONCE, Claimed
from uploads.integrations.webhooks.retries import Answer

logger = logging.getLogger(__name__)

#: Seconds after which a task sends no more; with the last attempts well below its time limit.
BUDGET = 30.0


def deliver(endpoint_id: int) -> bool:
    """Send what is due, for BUDGET seconds; return whether there may be more.

    Safe to repeat, and by several workers at once. Raises BackendUnavailable if the database is
    unavailable; what was sent meanwhile is then sent again.
    """
    stop_at = time.monotonic() + BUDGET
    while claimed := deliveries.claim(endpoint_id):
        answers = map_concurrently(_send, claimed, max_workers=CLAIMED_AT_ONCE)
        for each, answer in zip(claimed, answers, strict=True):
            deliveries.record(each, answer)
        if time.monotonic() >= stop_at:
            return True
    return False


def _send(claimed: Claimed) -> Answer:
    answer = send.post(
        claimed.url, secret=claimed.secret, event_id=claimed.event_id, body=claimed.body
    )
    if not answer.is_success:
        outcome = answer.status or answer.problem
        logger.info("webhook %s was not delivered: %s", claimed.event_id, outcome)
    return answer
