"""How many signing requests one user, and one address, may send.

Counted in fixed periods by the library `limits`, where SIGN_RATE_STORAGE says. While nobody can
count, nobody is refused: uploads are what filehub is for, and quotas and sizes still hold.
"""

from __future__ import annotations

import logging
import math
import re
import time
from functools import cache
from ipaddress import ip_address, ip_network

from django.http import HttpRequest
from limits import (
    RateLimitItem,
    RateLimitItemPerHour,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from ninja.throttling import BaseThrottle

from uploads.accounts import owners
from uploads.accounts.requests import user_of
from uploads.core.conf import conf
from uploads.core.errors import RateLimited

logger = logging.getLogger(__name__)

#: A caller with one IPv6 address has all that begin so.
IPV6_PREFIX = 64
#: Seconds to wait for a server of counters: no upload should wait for it longer.
TIMEOUT = 1
#: Some proxies add the port, which differs with each connection: 192.0.2.1:5, [2001:db8::1]:5.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")
#: Where a refused request carries the seconds until it may come again.
_RETRY_AFTER = "filehub.retry_after"
_PERIODS = {"s": RateLimitItemPerSecond, "m": RateLimitItemPerMinute, "h": RateLimitItemPerHour}


class UserRate(BaseThrottle):
    """Counts the requests of each user, whatever they authenticate with."""

    def allow_request(self, request: HttpRequest) -> bool:
        return _count(request, "user", owners.owner_of(user_of(request)), conf().sign_rate_user)


class AddressRate(BaseThrottle):
    """Counts the requests from each address.

    ninja asks it only about authenticated requests; the API asks it about the others
    (`uploads.web.api.app`), since they are how tokens are guessed.
    """

    def allow_request(self, request: HttpRequest) -> bool:
        return _count(request, "address", address_of(request), conf().sign_rate_address)


ADDRESS_RATE = AddressRate()
#: Of the routes that sign requests.
SIGN_RATES = [ADDRESS_RATE, UserRate()]


def refusal(request: HttpRequest) -> RateLimited:
    """The error for a request that a throttle did not allow."""
    return RateLimited(request.META.get(_RETRY_AFTER, 1))


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: an IPv4 address, or an IPv6 network.

    X-Forwarded-For is believed only as far as trusted proxies have written it: each appends the
    address that it was called from.
    """
    callers: list[str] = [request.META.get("REMOTE_ADDR", "")]
    proxies = conf().trusted_proxies
    if proxies:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        callers = [entry.strip() for entry in forwarded if entry.strip()][-proxies:] or callers
    caller = callers[0]
    if match := _WITH_PORT.fullmatch(caller):
        caller = match["v6"] or match["v4"] or ""
    try:
        address = ip_address(caller)
    except ValueError:  # a Unix socket, or a name that a proxy made up
        return caller
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _count(request: HttpRequest, group: str, caller: str, rate: str | None) -> bool:
    """Count a request; returns whether it is within the rate."""
    if rate is None:
        return True
    item, key = _item(rate), f"sign-{group}"
    limiter = _limiter(conf().sign_rate_storage)
    try:
        if limiter.hit(item, key, caller):
            return True
        ends_at = limiter.get_window_stats(item, key, caller).reset_time
    except (StorageError, OSError) as exc:
        logger.warning("requests cannot be counted, so none is refused: %r", exc)
        return True
    # A throttle is shared by all threads, so that it cannot keep this itself.
    request.META[_RETRY_AFTER] = max(1, math.ceil(ends_at - time.time()))
    return False


@cache
def _item(rate: str) -> RateLimitItem:
    amount, _, period = rate.partition("/")
    return _PERIODS[period](int(amount))


@cache
def _limiter(url: str) -> FixedWindowRateLimiter:
    options: dict[str, int] = {}
    if url.startswith("redis"):
        options = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    elif url.startswith("memcached"):
        options = {"timeout": TIMEOUT, "connect_timeout": TIMEOUT}
    return FixedWindowRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))
