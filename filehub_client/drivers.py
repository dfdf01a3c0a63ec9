"""Perform the effects of flows: with threads and `httpx.Client`, or asyncio and its AsyncClient."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import BoundedSemaphore, Event
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx

from filehub_client.errors import ConnectionFailed, UnexpectedResponse
from filehub_client.flow import (
    Body,
    Effect,
    Flow,
    Join,
    Pause,
    Request,
    Response,
    Send,
    Sink,
    Spawn,
    Work,
)

T = TypeVar("T")

#: Requests for file contents at the same time.
CONCURRENCY = 4
#: Seconds. `read` and `write` are the longest silence, not the time of a whole request.
TIMEOUT = httpx.Timeout(connect=10, read=60, write=60, pool=None)
#: Bytes of a response that is not a file's content.
MAX_RESPONSE = 16 * 1024**2
#: Bytes of a file's content at a time.
CHUNK_SIZE = 256 * 1024

#: Seconds that what was spawned has to give up after Ctrl-C. A request that waits for its response
#: cannot be ended from outside; its thread ends with the request, at the latest after `TIMEOUT`.
GRACE = 2.0

_SECRET = re.compile(r"((?:X-Amz-[\w-]+|token)=)[^&\s\"]*", re.IGNORECASE)


class Stopped(Exception):
    """The run has ended; this flow must end, too."""


class _HideSecrets(logging.Filter):
    """httpx logs the URL of each request, and a presigned one is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                _SECRET.sub(r"\1***", str(arg)) if isinstance(arg, httpx.URL | str) else arg
                for arg in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_HideSecrets())


class _Capture:
    """`with _Capture() as captured:` keeps the exception, for the flow to handle."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True

    @property
    def is_interruption(self) -> bool:
        """Whether this is Ctrl-C or a cancellation, after which the flow may still clean up."""
        return self.error is not None and not isinstance(self.error, Exception)


class ThreadDriver:
    """Runs flows in the calling thread, and what they spawn in a pool of threads."""

    def __init__(self, http: httpx.Client, concurrency: int = CONCURRENCY) -> None:
        self._http, self._concurrency = http, concurrency

    def run(self, flow: Flow[T]) -> T:
        pool = ThreadPoolExecutor(self._concurrency, "filehub")
        run = _ThreadRun(self._http, pool, self._concurrency)
        try:
            return run.drive(flow)
        finally:
            run.stop()
            pool.shutdown(wait=False)


class _ThreadRun:
    """One flow and what it has spawned."""

    def __init__(self, http: httpx.Client, pool: ThreadPoolExecutor, concurrency: int) -> None:
        self._http, self._pool = http, pool
        self._free = BoundedSemaphore(concurrency)
        self._running: set[Future[None]] = set()
        self._error: BaseException | None = None
        self._stopped = Event()

    def drive(self, flow: Flow[T], *, is_spawned: bool = False) -> T:
        result: Any = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error is not None else flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = None
            with _Capture() as captured:
                result = self._perform(effect)
            error = captured.error
            if captured.is_interruption and not is_spawned:
                self.stop(GRACE)

    def stop(self, timeout: float | None = None) -> None:
        """Make what was spawned give up, and wait for that, at most `timeout` seconds."""
        is_first = not self._stopped.is_set()
        self._stopped.set()
        if is_first:
            wait(self._running, timeout)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                return self._send(request)
            case Pause(seconds):
                if self._stopped.wait(seconds):
                    raise Stopped
            case Work(function):
                return function()
            case Spawn(flow):
                self._spawn(flow)
            case Join():
                self._join()
        return None

    def _spawn(self, flow: Flow[Any]) -> None:
        self._free.acquire()
        if self._error or self._stopped.is_set():
            self._free.release()
            return
        self._running = {future for future in self._running if not future.done()}
        self._running.add(self._pool.submit(self._run_spawned, flow))

    def _run_spawned(self, flow: Flow[Any]) -> None:
        with _Capture() as captured:
            self.drive(flow, is_spawned=True)
        self._error = self._error or captured.error
        self._free.release()

    def _join(self) -> None:
        wait(self._running)
        error, self._error = self._error, None
        if error:
            raise error

    def _send(self, request: Request) -> Response:
        try:
            with self._http.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=self._content(request.body),
            ) as response:
                head = _head(response)
                if request.sink and request.sink.accepts(head):
                    for chunk in response.iter_raw(CHUNK_SIZE):
                        self._check()
                        request.sink.write(chunk)
                    return head
                return _with_body(head, b"".join(_limited(response)))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as exc:
            raise _connection_error(request, exc) from None

    def _content(self, body: bytes | Body | None) -> bytes | Iterator[bytes] | None:
        return body if body is None or isinstance(body, bytes) else self._chunks(body)

    def _chunks(self, body: Body) -> Iterator[bytes]:
        for chunk in body.chunks():
            self._check()
            yield chunk

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Stopped


def _limited(response: httpx.Response) -> Iterator[bytes]:
    total = 0
    for chunk in response.iter_bytes():
        total += len(chunk)
        _check_size(total)
        yield chunk


class AsyncDriver:
    """Runs flows, and what they spawn, as tasks of asyncio."""

    def __init__(self, http: httpx.AsyncClient, concurrency: int = CONCURRENCY) -> None:
        self._http, self._concurrency = http, concurrency

    async def run(self, flow: Flow[T]) -> T:
        run = _AsyncRun(self._http, self._concurrency)
        try:
            return await run.drive(flow)
        finally:
            await run.stop()


class _AsyncRun:
    """One flow and what it has spawned."""

    def __init__(self, http: httpx.AsyncClient, concurrency: int) -> None:
        self._http = http
        self._free = asyncio.Semaphore(concurrency)
        self._running: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    async def drive(self, flow: Flow[T], *, is_spawned: bool = False) -> T:
        result: Any = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.throw(error) if error is not None else flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            result = None
            with _Capture() as captured:
                result = await self._perform(effect)
            error = captured.error
            if captured.is_interruption and not is_spawned:
                await self.stop()

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send(request):
                return await self._send(request)
            case Pause(seconds):
                await asyncio.sleep(seconds)
            case Work(function):
                return await asyncio.to_thread(function)
            case Spawn(flow):
                await self._spawn(flow)
            case Join():
                await self._join()
        return None

    async def _spawn(self, flow: Flow[Any]) -> None:
        await self._free.acquire()
        if self._error:
            self._free.release()
            return
        task = asyncio.create_task(self._run_spawned(flow))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run_spawned(self, flow: Flow[Any]) -> None:
        with _Capture() as captured:
            await self.drive(flow, is_spawned=True)
        self._error = self._error or captured.error
        self._free.release()

    async def _join(self) -> None:
        await asyncio.gather(*self._running)
        error, self._error = self._error, None
        if error:
            raise error

    async def _send(self, request: Request) -> Response:
        try:
            async with self._http.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=self._content(request.body),
            ) as response:
                head = _head(response)
                if await _accepts(request.sink, head):
                    await _feed(response, request.sink)
                    return head
                return _with_body(head, await _read(response))
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as exc:
            raise _connection_error(request, exc) from None

    def _content(self, body: bytes | Body | None) -> bytes | AsyncIterator[bytes] | None:
        return body if body is None or isinstance(body, bytes) else _async_chunks(body)


async def _accepts(sink: Sink | None, head: Response) -> bool:
    return sink is not None and await asyncio.to_thread(sink.accepts, head)


async def _feed(response: httpx.Response, sink: Sink | None) -> None:
    async for chunk in response.aiter_raw(CHUNK_SIZE):
        if sink is not None:
            await asyncio.to_thread(sink.write, chunk)


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        _check_size(len(body))
    return bytes(body)


async def _async_chunks(body: Body) -> AsyncIterator[bytes]:
    """The body's pieces. They are read in threads, because disks block."""
    chunks = body.chunks()
    while chunk := await asyncio.to_thread(next, chunks, b""):
        yield chunk


def _head(response: httpx.Response) -> Response:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, headers)


def _with_body(head: Response, body: bytes) -> Response:
    return Response(head.status, head.headers, body)


def _check_size(total: int) -> None:
    if total > MAX_RESPONSE:
        raise UnexpectedResponse("The server's response is too large.")


def _connection_error(request: Request, exc: Exception) -> ConnectionFailed:
    """The error for one of httpx, which itself would carry the request and its secrets."""
    host = urlsplit(request.url).hostname or "The server"
    detail = _SECRET.sub(r"\1***", str(exc)) or "no response"
    return ConnectionFailed(f"{host} could not be reached ({type(exc).__name__}: {detail}).")
