"""Connections to AWS that keep the time limit of a request, whatever the other side does.

botocore's time-outs apply to each address of a host and to each read, so a host with many silent
addresses, or one that responds byte by byte, would hold a request for minutes. Within
`time_limit.limited`, each look-up of a name, connection, read and write waits only for what is left
of the request's time. Without a limit, botocore's own time-outs apply.

`attach` has all sessions use these connections, also those that fetch credentials.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

from uploads.aws import time_limit
from uploads.aws.time_limit import TimeLimit
from uploads.core.single_flight import SingleFlight

#: The look-ups of names that are running. Nothing can interrupt them: by default, the C library
#: waits 10 s for each name server and search domain.
_lookups: SingleFlight[list[str]] = SingleFlight()


class _Socket(socket.socket):
    """What http.client reads and writes with."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        _limit(self)
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        # The time-out applies to all of the data.
        _limit(self)
        super().sendall(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    """The same within TLS. The time-out applies to a whole record."""

    def read(self, *args: Any, **kwargs: Any) -> Any:
        _limit(self)
        return super().read(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        _limit(self)
        return super().send(*args, **kwargs)


def _limit(connected: socket.socket) -> None:
    """Let the next operation of the socket take what is left. Raises TimeoutError if nothing is."""
    limit = time_limit.current()
    if limit is not None:
        remaining = limit.remaining()
        if remaining <= 0:
            raise TimeoutError("The time limit of the request has expired.")
        connected.settimeout(remaining)


class _Connection(AWSHTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _new_connection(self, super()._new_conn)


class _TlsConnection(AWSHTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _new_connection(self, super()._new_conn)

    def connect(self) -> None:
        if self.ssl_context is not None:
            self.ssl_context.sslsocket_class = _TlsSocket
        super().connect()

    def _connect_tls_proxy(self, hostname: str, sock: socket.socket) -> ssl.SSLSocket:
        connected = super()._connect_tls_proxy(hostname, sock)
        # urllib3 may have created the context of this one.
        connected.__class__ = _TlsSocket
        return connected


def _new_connection(connection: HTTPConnection, connect: Callable[[], socket.socket]) -> _Socket:
    limit = time_limit.current()
    connected = connect() if limit is None else _connect(connection, limit)
    timeout = connected.gettimeout()
    if limit is not None:
        # For the handshake of TLS. The time-out applies to all of it.
        timeout = max(limit.remaining(), 0.001)
    new = _Socket(connected.family, connected.type, connected.proto, fileno=connected.detach())
    new.settimeout(timeout)
    return new


def _connect(connection: HTTPConnection, limit: TimeLimit) -> socket.socket:
    """Raises the same errors as urllib3's method, and TimeLimitExceeded."""
    host = connection.host
    try:
        return _connect_to_any(connection, _look_up(connection, limit), limit)
    except socket.gaierror as exc:
        raise NameResolutionError(host, connection, exc) from exc
    except TimeoutError as exc:
        raise ConnectTimeoutError(connection, f"Connection to {host} timed out.") from exc
    except OSError as exc:
        raise NewConnectionError(connection, f"Failed to connect to {host}: {exc}") from exc


def _look_up(connection: HTTPConnection, limit: TimeLimit) -> list[str]:
    """The addresses of the host. A look-up that hangs is left behind; the next one waits for it."""
    # `host` lacks the dot at the end, which matters here.
    host = connection._dns_host.strip("[]")
    return limit.result_of(_lookups.start(host, partial(_addresses, host)))


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, allowed_gai_family(), socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def _connect_to_any(
    connection: HTTPConnection, addresses: list[str], limit: TimeLimit
) -> socket.socket:
    """Try one address after the other, each for its share of what is left."""
    error = OSError("no addresses")
    for tried, address in enumerate(addresses):
        share = limit.remaining() / (len(addresses) - tried)
        timeout = share if connection.timeout is None else min(share, connection.timeout)
        try:
            if timeout <= 0:
                raise TimeoutError
            return create_connection(
                (address, connection.port),
                timeout,
                connection.source_address,
                connection.socket_options,
            )
        except OSError as exc:
            error = exc
    raise error


def attach() -> None:
    """Use these connections for everything that botocore sends from now on."""
    AWSHTTPConnectionPool.ConnectionCls = _Connection
    AWSHTTPSConnectionPool.ConnectionCls = _TlsConnection
