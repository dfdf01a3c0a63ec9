"""Rate limits for signing requests, per user and per IP address.

The library `limits` counts requests in fixed windows, in the storage that SIGN_RATE_STORAGE names.
If that storage is unavailable, all requests are allowed: uploads are more important, and limits on
sizes and quotas still apply.
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
from limits.strategies import FixedWindowRateLimiter
from ninja.throttling import BaseThrottle

from uploads.accounts import owners
from uploads.accounts.requests import user_of
from uploads.core import rate_storage
from uploads.core.conf import conf
from uploads.core.errors import RateLimited

logger = logging.getLogger(__name__)

#: IPv6 addresses are counted by network, because one subscriber has a whole /64.
IPV6_PREFIX = 64
#: Characters that are kept of a client that is no IP address.
MAX_PLACEHOLDER = 64
#: Some proxies append the port, which varies by connection: 192.0.2.1:5, [2001:db8::1]:5.
_ADDRESS_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")
#: Key in `request.META` for the seconds after which to retry a refused request.
_RETRY_AFTER = "filehub.retry_after"
_PERIODS = {"s": RateLimitItemPerSecond, "m": RateLimitItemPerMinute, "h": RateLimitItemPerHour}


class UserRate(BaseThrottle):
    """Limit the requests of each user, however they authenticate."""

    def allow_request(self, request: HttpRequest) -> bool:
        return _hit(request, "user", owners.owner_of(user_of(request)), conf().sign_rate_user)


class AddressRate(BaseThrottle):
    """Limit the requests from each IP address."""

    def __init__(self, group: str) -> None:
        self._group = group

    def allow_request(self, request: HttpRequest) -> bool:
        return _hit(request, self._group, address_of(request), conf().sign_rate_address)


#: Throttles for the routes that sign requests.
SIGN_RATES = [AddressRate("address"), UserRate()]
#: For requests that fail to authenticate, on every route. ninja throttles only the others. They
#: are counted apart, so that anonymous requests cannot use up what users at the address may send.
UNAUTHENTICATED_RATE = AddressRate("unauthenticated")


def rate_limited(request: HttpRequest) -> RateLimited:
    """Return the error for a request that a throttle refused."""
    return RateLimited(request.META.get(_RETRY_AFTER, 1))


def address_of(request: HttpRequest) -> str:
    """Return the client of a request: an IPv4 address or an IPv6 network.

    Only the entries of X-Forwarded-For that trusted proxies added are used. Each proxy appends the
    address that it received the request from.
    """
    clients: list[str] = [request.META.get("REMOTE_ADDR", "")]
    proxies = conf().trusted_proxies
    if proxies:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        clients = [entry.strip() for entry in forwarded if entry.strip()][-proxies:] or clients
    client = clients[0]
    if match := _ADDRESS_WITH_PORT.fullmatch(client):
        client = match["v6"] or match["v4"] or ""
    try:
        address = ip_address(client)
    except ValueError:  # a Unix socket, or a proxy's placeholder such as "unknown"
        return client[:MAX_PLACEHOLDER]
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _hit(request: HttpRequest, group: str, caller: str, rate: str | None) -> bool:
    """Count a request and return whether it is within the rate."""
    if rate is None:
        return True
    item, key = _item(rate), f"sign-{group}"
    try:
        limiter = _limiter(conf().sign_rate_storage)
        if limiter.hit(item, key, caller):
            return True
        ends_at = limiter.get_window_stats(item, key, caller).reset_time
    except Exception as exc:  # noqa: BLE001  # each storage and each of its options has its own
        logger.warning("Rate limits are not enforced, because requests cannot be counted: %r", exc)
        return True
    # Kept on the request, because all threads share the throttle.
    wait = max(1, math.ceil(ends_at - time.time()))
    request.META[_RETRY_AFTER] = max(wait, request.META.get(_RETRY_AFTER, 0))
    return False


@cache
def _item(rate: str) -> RateLimitItem:
    amount, _, period = rate.partition("/")
    return _PERIODS[period](int(amount))


@cache
def _limiter(url: str) -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(rate_storage.connect(url))
