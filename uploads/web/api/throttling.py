"""How often signatures may be asked for: by one user, and from one address.

Counted in fixed periods, in Django's cache `counters`, which all web processes share. If nobody can
count just now, nobody is refused: uploads are what filehub is for, and quotas and sizes still hold.
"""

from __future__ import annotations

import logging
import re
from ipaddress import ip_address, ip_network

from django.http import HttpRequest
from django_ratelimit.core import get_usage

from uploads.core.conf import conf
from uploads.core.errors import RateLimited
from uploads.web.api.auth import CALLERS

logger = logging.getLogger(__name__)

#: Whoever has one address of IPv6 has all that begin so.
IPV6_PREFIX = 64
#: Some proxies add the port, and it is another with each connection: 192.0.2.1:5, [2001:db8::1]:5.
_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")


class AddressRate:
    """Put before the authenticators of a route: counts the request, whoever it turns out to be of.

    It authenticates nobody. Raises RateLimited.
    """

    def __call__(self, request: HttpRequest) -> None:
        _count(request, "address", address_of(request), conf().sign_rate_address)


#: Whom the routes that sign answer: how often is counted too.
SIGNING = [AddressRate(), *CALLERS]


def count_user(request: HttpRequest, owner: str) -> None:
    """Count a request of this user. Raises RateLimited."""
    _count(request, "user", owner, conf().sign_rate_user)


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: an address of IPv4, or a network of IPv6.

    What stands in X-Forwarded-For is believed only as far as trusted proxies have written it: each
    adds at the end whom it heard.
    """
    heard: list[str] = [request.META.get("REMOTE_ADDR", "")]
    proxies = conf().trusted_proxies
    if proxies:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        heard = [entry.strip() for entry in forwarded if entry.strip()][-proxies:] or heard
    found = heard[0]
    if match := _WITH_PORT.fullmatch(found):
        found = match["v6"] or match["v4"] or ""
    try:
        address = ip_address(found)
    except ValueError:  # a socket in the file system, or a name that a proxy made up
        return found
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped or ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _count(request: HttpRequest, group: str, who: str, rate: str | None) -> None:
    if rate is None:
        return
    try:
        usage = get_usage(
            request, group=f"sign-{group}", key=lambda *_: who, rate=rate, increment=True
        )
    except Exception as exc:  # noqa: BLE001  # each kind of cache has errors of its own
        logger.warning("requests cannot be counted, so none is refused: %r", exc)
        return
    if usage is None:
        logger.warning("requests cannot be counted, so none is refused: the cache lost a counter")
    elif usage["should_limit"]:
        raise RateLimited(max(1, usage["time_left"]))
