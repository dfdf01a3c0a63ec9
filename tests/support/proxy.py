"""A proxy in front of one HTTP/1.1 server that can be told to misbehave.

    with Proxy(upstream_port) as proxy:
        proxy.fail_every(5, 503, parts)

It runs in a thread. Faults are counted, not random, so that a test fails twice in the same
way. Only heads are parsed: a body passes in pieces, and is never held as a whole. Heads pass
unchanged, `Host` included, because presigned requests sign it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Literal

from local.aws import free_port
from tests.support.http_connection import END_OF_HEAD, Connection, headers_of

#: A small buffer keeps the sender's progress close to the forwarded bytes.
RECEIVE_BUFFER = 256 * 1024


CORS = (
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: ETag, x-amz-checksum-sha256, x-amz-request-id, Retry-After\r\n"
)


TROUBLE = """<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>{code}</Code><Message>Injected by a test.</Message></Error>"""


@dataclass(eq=False)
class Request:
    """A log entry, which is updated during the request."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    #: Status of the response; None until it begins to reach the client.
    status: int | None = None
    #: Bytes of the body that were forwarded to the server.
    sent: int = 0
    #: Bytes of the response's body that were forwarded to the client.
    received: int = 0
    #: The proxy has the whole body.
    swallowed: bool = False
    #: The fault that the request had.
    fault: str | None = None
    #: The request has ended: with a response, or because the connection broke.
    over: bool = False

    @property
    def size(self) -> int:
        """Bytes in the body, as announced by the client."""
        return int(self.headers.get("content-length", 0))


Match = Callable[[Request], bool]


Kind = Literal["fail", "cut", "lose", "flip", "hold", "swallow"]


def anything(request: Request) -> bool:
    return True


def parts(request: Request) -> bool:
    """Whether the request sends bytes of a file to S3."""
    return request.method == "PUT"


@dataclass(eq=False)
class Fault:
    """Strikes every n-th matching request, at most `times` times."""

    kind: Kind
    every: int
    match: Match
    times: int | None = None
    preflights: bool = False
    response: bytes = b""
    matched: int = 0
    struck: int = 0

    def strikes(self, request: Request) -> bool:
        if request.method == "OPTIONS" and not self.preflights:
            return False
        if self.struck == self.times or not self.match(request):
            return False
        self.matched += 1
        strikes = self.matched % self.every == 0
        self.struck += strikes
        return strikes


class Proxy:
    """`with Proxy(upstream_port) as proxy:` - all settings can change while it runs."""

    def __init__(
        self, upstream_port: int, port: int | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://{host}:{self.port}"
        self._upstream = ("127.0.0.1", upstream_port)
        self._thread: threading.Thread | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self.reset()

    # For tests

    def reset(self) -> None:
        """Remove all faults and clear the log."""
        #: Seconds that each request waits before it is forwarded.
        self.latency = 0.0
        #: Bytes per second of all bodies together; None for no limit.
        self.bandwidth: int | None = None
        self._free_at = 0.0
        self.log: list[Request] = []
        self._faults: list[Fault] = []
        self._refusing = False

    def requests(self, match: Match = anything) -> list[Request]:
        """All requests so far, without preflights."""
        return [request for request in self.log if request.method != "OPTIONS" and match(request)]

    def is_quiet(self) -> bool:
        """Whether no request is in flight."""
        return all(request.over for request in self.log)

    def sent(self, match: Match = parts) -> int:
        """Bytes of the matching requests' bodies that were forwarded."""
        return sum(request.sent for request in self.requests(match))

    def fail_every(
        self,
        every: int,
        status: int = 503,
        match: Match = anything,
        *,
        cors: bool = True,
        times: int | None = None,
        preflights: bool = False,
        code: str = "SlowDown",
    ) -> Fault:
        """Respond with an error of S3. Without `cors` a page sees a broken connection instead."""
        body = TROUBLE.format(code=code).encode()
        response = (
            f"HTTP/1.1 {status} Trouble\r\nContent-Type: application/xml\r\n"
            f"{CORS if cors else ''}Content-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        return self._add(Fault("fail", every, match, times, preflights, response))

    def cut_every(self, every: int, match: Match = anything, *, times: int | None = None) -> Fault:
        """Break the connection when half of the body has passed."""
        return self._add(Fault("cut", every, match, times))

    def lose_every(self, every: int, match: Match = anything, *, times: int | None = None) -> Fault:
        """Forward the request, and break the connection instead of responding."""
        return self._add(Fault("lose", every, match, times))

    def flip_every(self, every: int, match: Match = anything, *, times: int | None = None) -> Fault:
        """Change one bit of the body."""
        return self._add(Fault("flip", every, match, times))

    def hold(self, match: Match = anything) -> Fault:
        """Delay requests until `release`; the log has them without a status."""
        return self._add(Fault("hold", 1, match))

    def swallow(self, match: Match = anything) -> Fault:
        """Take bodies at once, as a proxy with large buffers, and forward them after `release`."""
        return self._add(Fault("swallow", 1, match))

    def release(self) -> None:
        self._faults = [fault for fault in self._faults if fault.kind not in {"hold", "swallow"}]

    def refuse(self) -> None:
        """Drop all connections, and every new one, until `accept`."""
        self._refusing = True
        asyncio.run_coroutine_threadsafe(self._drop(), self._loop).result()

    def accept(self) -> None:
        self._refusing = False

    def _add(self, fault: Fault) -> Fault:
        # A new list, since the other thread may be iterating over the old one.
        self._faults = [*self._faults, fault]
        return fault

    # The thread

    def start(self) -> None:
        started = threading.Event()
        listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        self._thread = threading.Thread(
            target=asyncio.run, args=(self._main(listener, started),), daemon=True
        )
        self._thread.start()
        started.wait()

    def stop(self) -> None:
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Proxy:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _main(self, listener: socket.socket, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        with listener:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            accepting = asyncio.create_task(self._accept(listener))
            started.set()
            await self._stopped.wait()
            accepting.cancel()
            await self._drop()

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            sock, _ = await self._loop.sock_accept(listener)
            client = Connection(sock)
            if self._refusing:
                client.close(abruptly=True)
                continue
            task = asyncio.create_task(self._serve(client))
            self._connections[task] = client
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        # A task that is cancelled before it starts does not close its connection.
        self._connections.pop(task).close(abruptly=True)

    async def _drop(self) -> None:
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, client: Connection) -> None:
        """One client's connection; each of its requests has one to the server."""
        server: Connection | None = None
        request: Request | None = None
        abruptly = True
        try:
            while head := await client.until(END_OF_HEAD):
                method, target, _ = head.decode("latin-1").split(" ", 2)
                path, _, query = target.partition("?")
                request = Request(method, path, query, headers_of(head))
                self.log.append(request)
                struck = self._strike(request)
                request.fault = next(iter(struck), None)
                await self._wait(struck.get("hold"))
                if fault := struck.get("fail"):
                    await self._refuse_politely(request, client, fault)
                    request.over = True
                    continue
                # A new one each time: a server may close it just when the next request is sent.
                server = Connection(socket.socket())
                await server.connect(self._upstream)
                await server.send(head)
                async with asyncio.TaskGroup() as both:
                    # Concurrently: a server may respond before it has the whole body.
                    both.create_task(self._pass_body(request, client, server, struck))
                    response = both.create_task(
                        self._pass_response(request, client, server, struck)
                    )
                request.over = True
                server.close()
                if not response.result():
                    break
            abruptly = False
        except* OSError:
            pass  # One side has closed, so close the other side too.
        finally:
            if request:
                request.over = True
            client.close(abruptly=abruptly)
            if server:
                server.close(abruptly=abruptly)

    def _strike(self, request: Request) -> dict[Kind, Fault]:
        # A held request has no other fault and is not counted by other faults.
        for fault in self._faults:
            if fault.kind == "hold" and fault.strikes(request):
                return {"hold": fault}
        return {fault.kind: fault for fault in self._faults if fault.strikes(request)}

    async def _wait(self, hold: Fault | None) -> None:
        if self.latency:
            await asyncio.sleep(self.latency)
        while hold and hold in self._faults:
            await asyncio.sleep(0.01)

    async def _refuse_politely(self, request: Request, client: Connection, fault: Fault) -> None:
        async for _ in client.body(request.headers, request.size):
            pass
        request.status = int(fault.response.split(b" ", 2)[1])
        await client.send(fault.response)

    async def _pass_body(
        self, request: Request, client: Connection, server: Connection, struck: dict[Kind, Fault]
    ) -> None:
        limit = request.size // 2 if "cut" in struck else None
        flip, gone = "flip" in struck, False
        async for piece in self._taken(request, client, struck.get("swallow")):
            await self._pace(len(piece))
            if limit is not None:
                piece = piece[: limit - request.sent]  # noqa: PLW2901
            if flip:
                piece, flip = bytes([piece[0] ^ 1]) + piece[1:], False  # noqa: PLW2901
            if not gone:
                request.sent += len(piece)
                try:
                    await server.send(piece)
                except OSError:
                    # It has responded already. Read on, or the client would not read the response.
                    gone = True
            if request.sent == limit:
                break
        if limit is not None:
            raise ConnectionResetError

    async def _taken(
        self, request: Request, client: Connection, swallow: Fault | None
    ) -> AsyncIterator[bytes]:
        pieces = client.body(request.headers, request.size)
        if swallow is None:
            async for piece in pieces:
                yield piece
            return
        body = b"".join([piece async for piece in pieces])
        request.swallowed = True
        await self._wait(swallow)
        yield body

    async def _pace(self, size: int) -> None:
        if self.bandwidth:
            self._free_at = max(self._free_at, time.monotonic()) + size / self.bandwidth
            await asyncio.sleep(self._free_at - time.monotonic())

    async def _pass_response(
        self, request: Request, client: Connection, server: Connection, struck: dict[Kind, Fault]
    ) -> bool:
        """Returns whether the connections can be used again."""
        status = 100
        while status < 200:  # "100 Continue" comes before the response itself.
            head = await server.until(END_OF_HEAD)
            if not head:
                raise ConnectionResetError
            status = int(head.split(b" ", 2)[1])
            if "lose" in struck and status >= 200:
                raise ConnectionResetError
            request.status = status if status >= 200 else None
            await client.send(head)
        headers = headers_of(head)
        empty = request.method == "HEAD" or status in {204, 304}
        length = (
            0 if empty else int(headers["content-length"]) if "content-length" in headers else None
        )
        if empty:
            headers.pop("transfer-encoding", None)
        async for piece in server.body(headers, length):
            request.received += len(piece)
            await client.send(piece)
        framed = length is not None or "transfer-encoding" in headers
        return framed and headers.get("connection", "").lower() != "close"
