"""The address that a request came from, behind trusted proxies."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network

from django.http import HttpRequest

from uploads.core.conf import conf

#: IPv6 addresses are counted by network, because one subscriber has a whole /64.
IPV6_PREFIX = 64
#: Characters that are kept of a client that is no IP address.
MAX_PLACEHOLDER = 64
#: Some proxies append the port, which varies by connection: 192.0.2.1:5, [2001:db8::1]:5.
_ADDRESS_WITH_PORT = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")


def address_of(request: HttpRequest) -> str:
    """Return the client of a request: an IPv4 or IPv6 address.

    Only the entries of X-Forwarded-For that trusted proxies added are used. Each proxy appends the
    address that it received the request from. It may be something else, of at most MAX_PLACEHOLDER
    characters: for a Unix socket, or what a proxy writes if it knows no address.
    """
    return _parsed(_client_of(request))[0]


def network_of(request: HttpRequest) -> str:
    """As `address_of`, but of an IPv6 address the network, by which requests are counted."""
    return _parsed(_client_of(request))[1]


def _client_of(request: HttpRequest) -> str:
    clients: list[str] = [request.META.get("REMOTE_ADDR", "")]
    proxies = conf().trusted_proxies
    if proxies:
        forwarded = request.headers.get("X-Forwarded-For", "").split(",")
        clients = [entry.strip() for entry in forwarded if entry.strip()][-proxies:] or clients
    return clients[0]


@lru_cache(maxsize=1024)
def _parsed(client: str) -> tuple[str, str]:
    """The address, and the network as which it is counted."""
    if match := _ADDRESS_WITH_PORT.fullmatch(client):
        client = match["v6"] or match["v4"] or ""
    try:
        address = ip_address(client)
    except ValueError:  # a Unix socket, or a proxy's placeholder such as "unknown"
        return client[:MAX_PLACEHOLDER], client[:MAX_PLACEHOLDER]
    if address.version == 6 and address.ipv4_mapped is None:
        return str(address)[:MAX_PLACEHOLDER], str(ip_network((address, IPV6_PREFIX), strict=False))
    plain = str(address.ipv4_mapped if address.version == 6 else address)
    return plain, plain
