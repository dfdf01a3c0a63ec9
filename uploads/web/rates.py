"""Count events per user or address in fixed periods.

The library `limits` counts, in the storage that SIGN_RATE_STORAGE names. While that storage is
unavailable, each web process counts in its own memory, so that an outage neither refuses anyone nor
lets anyone guess passwords without limit.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from limits import (
    RateLimitItem,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)
from limits.storage import Storage

from uploads.core import rate_storage
from uploads.core.conf import conf
from uploads.core.rate_storage import MEMORY

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds after a failure of the storage server during which it is not asked again.
RETRY_AFTER = 5
_PERIODS = {"s": RateLimitItemPerSecond, "m": RateLimitItemPerMinute, "h": RateLimitItemPerHour}
#: Storage URL -> when to ask it again (monotonic).
_unavailable_until: dict[str, float] = {}


@dataclass(frozen=True)
class Count:
    """How many of the events that were counted are within the rate.

    `wait` is 0 if all of them are, else the seconds until the next period.
    """

    within: int
    wait: int


def count(group: str, caller: str, rate: str | None, events: int = 1) -> Count:
    """Count events, in one operation of the storage: concurrent events exceed no rate.

    A rate is a number per second, minute or hour, such as "20/h"; None means no limit. Events
    beyond the rate are counted too.
    """
    if rate is None:
        return Count(events, 0)
    item = _item(rate)
    key = item.key_for(group, caller)

    def add(storage: Storage) -> Count:
        excess = storage.incr(key, item.get_expiry(), amount=events) - item.amount
        if excess <= 0:
            return Count(events, 0)
        return Count(max(events - excess, 0), _seconds_left(storage, key))

    return _with_storage(add)


def hit(group: str, caller: str, rate: str | None) -> int:
    """Count an event; return 0 if it is within the rate, else the seconds until the next period."""
    return count(group, caller, rate).wait


def seconds_to_wait(group: str, caller: str, rate: str | None) -> int:
    """Like `hit`, but without counting."""
    if rate is None:
        return 0
    item = _item(rate)
    key = item.key_for(group, caller)
    return _with_storage(
        lambda storage: 0 if storage.get(key) < item.amount else _seconds_left(storage, key)
    )


def forget(group: str, caller: str, rate: str | None) -> None:
    """Start counting at zero again, also what was counted here during an outage."""
    if rate is None:
        return
    key = _item(rate).key_for(group, caller)
    _storage(MEMORY).clear(key)
    _with_storage(lambda storage: storage.clear(key))


def _seconds_left(storage: Storage, key: str) -> int:
    return max(1, math.ceil(storage.get_expiry(key) - time.time()))


def _with_storage(use: Callable[[Storage], T]) -> T:
    """Use the configured storage; while it is unavailable, the memory of this process."""
    url = conf().sign_rate_storage
    if url != MEMORY and time.monotonic() >= _unavailable_until.get(url, 0):
        try:
            return use(_storage(url))
        except Exception as exc:  # noqa: BLE001  # each storage and each of its options has its own
            # Requests ask several times, and each would wait for the time-out.
            _unavailable_until[url] = time.monotonic() + RETRY_AFTER
            logger.warning(
                "Each process counts requests for rate limits by itself, because their storage "
                "is unavailable: %r",
                exc,
            )
    return use(_storage(MEMORY))


@cache
def _item(rate: str) -> RateLimitItem:
    amount, _, period = rate.partition("/")
    return _PERIODS[period](int(amount))


@cache
def _storage(url: str) -> Storage:
    return rate_storage.connect(url)
