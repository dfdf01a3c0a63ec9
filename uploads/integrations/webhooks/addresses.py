"""Where webhooks may go: only to public addresses, each checked before the connection to it.

A name is looked up once, and the connection goes to the address that was checked, so a name that
changes in between leads nowhere else.
"""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from uploads.core.conf import conf

MAX_URL = 500
#: Prefixes of IPv6 that lead to an IPv4 address in their last 32 bits.
_NAT64 = IPv6Network("64:ff9b::/96")


class RefusedAddress(Exception):
    """The address is not public."""


class UnknownName(Exception):
    """The host name cannot be looked up, or not in time."""


def is_allowed_url(url: str) -> bool:
    """Whether a webhook may have this URL: `https://host…`, without user, password and fragment.

    With FILEHUB_WEBHOOK_PRIVATE_ADDRESSES also `http://`. The address is checked at each delivery.
    """
    schemes = {"https", "http"} if conf().allows_private_webhooks else {"https"}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        len(url) <= MAX_URL
        and url.isprintable()
        and not any(character.isspace() or character == "\\" for character in url)
        and parts.scheme in schemes
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
        and not parts.fragment
    )


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also if it stands for another one."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        embedded = _embedded(ip)
        if embedded is not None:
            return _is_public(embedded)
        if ip.ipv4_mapped is not None or ip.teredo is not None or ip.is_site_local:
            return False
    return _is_public(ip)


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.sixtofour


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


def resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host. Raises UnknownName, and RefusedAddress if any is not public."""
    # Nothing can interrupt the C library's look-up.
    future = _pool().submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = future.result(max(seconds, 0.0))
    except OutOfTime:
        future.cancel()
        raise UnknownName(host) from None
    except (OSError, UnicodeError) as exc:
        raise UnknownName(host) from exc
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not conf().allows_private_webhooks and not all(map(is_public, addresses)):
        raise RefusedAddress(host)
    return addresses


@cache
def _pool() -> ThreadPoolExecutor:
    """So many look-ups at a time, also of names whose servers never respond."""
    return ThreadPoolExecutor(16, "webhook-names")
