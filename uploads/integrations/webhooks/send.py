"""Send one webhook. Each attempt ends within TOTAL seconds, whatever the other side does.

httpx cannot be told to which address to connect, and its time limits apply to each read, so that
a receiver could answer byte by byte for hours. Its lower half, httpcore, takes a network backend.
Proxies of the environment are not used: they would look up the name again.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpcore
import httpx
from standardwebhooks.webhooks import Webhook

from uploads.core.version import version
from uploads.integrations.webhooks import addresses
from uploads.integrations.webhooks.retries import Answer

#: Seconds for the whole attempt, and for the connection to each address.
TOTAL = 15.0
_CONNECT = 5.0
#: Bytes of the response's body that are read, so that the connection ends in order.
_MAX_BODY = 64 * 1024


def post(url: str, *, secret: str, event_id: str, body: str) -> Answer:
    """Sign and send a webhook; return the answer. Redirects are not followed. Never raises for
    what the other side does.
    """
    if not addresses.is_allowed_url(url):
        return Answer(problem="url")
    now = datetime.now(UTC)
    signature = Webhook(secret).sign(event_id, now, body)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"filehub/{version()}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    try:
        return _send(url, headers, body.encode())
    except addresses.RefusedAddress:
        return Answer(problem="address")
    except addresses.UnknownName:
        return Answer(problem="name")
    except (httpcore.TimeoutException, TimeoutError):
        return Answer(problem="timeout")
    except httpx.InvalidURL:
        return Answer(problem="url")
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as exc:
        return Answer(problem="tls" if _is_tls(exc) else "connection")


def _is_tls(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _send(url: str, headers: dict[str, str], body: bytes) -> Answer:
    deadline = time.monotonic() + TOTAL
    parsed = httpx.URL(url)
    target = httpcore.URL(
        scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path
    )
    steps = {"connect": _CONNECT, "read": TOTAL, "write": TOTAL, "pool": _CONNECT}
    with (
        httpcore.ConnectionPool(
            ssl_context=_tls(), network_backend=_CheckedNetwork(deadline), max_connections=1
        ) as pool,
        pool.stream(
            "POST",
            target,
            headers=[(b"Host", parsed.netloc), *_encoded(headers), *_length(body)],
            content=body,
            extensions={"timeout": steps},
        ) as response,
    ):
        read = 0
        for chunk in response.iter_stream():
            read += len(chunk)
            if read > _MAX_BODY:
                break
        return Answer(response.status, retry_after=_retry_after(response.headers))


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def _length(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"Content-Length", str(len(body)).encode())]


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float | None:
    """Seconds, of a number or a date; None without the header, or if it is neither."""
    value = next((value for name, value in headers if name.lower() == b"retry-after"), b"")
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
        return (at - datetime.now(at.tzinfo)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


@cache
def _tls() -> ssl.SSLContext:
    """The operating system's authorities, or those of SSL_CERT_FILE, as for all of Python."""
    return ssl.create_default_context()


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects only to addresses that were checked, and ends everything at a deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        found = addresses.resolve(host.strip("[]"), port, _left(self._deadline, timeout))
        problem: Exception = addresses.UnknownName(host)
        for address in found:
            try:
                stream = self._network.connect_tcp(
                    address, port, _left(self._deadline, timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                problem = exc
            else:
                return _LimitedStream(stream, self._deadline)
        raise problem


class _LimitedStream(httpcore.NetworkStream):
    """A stream whose operations all end at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        limit = _left(self._deadline, timeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, limit)
        return _LimitedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    """What is left, in seconds, but not more than this. Raises ReadTimeout if nothing is."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise httpcore.ReadTimeout
    return seconds if timeout is None else min(seconds, timeout)
