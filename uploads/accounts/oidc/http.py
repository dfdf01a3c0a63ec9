"""Requests to the provider, which is slow, away, or sends anything: each ends within seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from contextvars import copy_context
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import httpx

from uploads.accounts.oidc.errors import UNAVAILABLE, SignInFailed
from uploads.core.slots import Slots
from uploads.core.strict_json import parse_json

T = TypeVar("T")

#: Seconds for all requests of one sign-in together.
TOTAL = 8.0
#: Seconds for each connection, and for each wait for more bytes.
_STEP = 4.0
#: Bytes. The keys and claims of large organizations take some tens of kilobytes.
MAX_BODY = 512 * 1024
#: Threads of the web that may wait for the provider. With those that may wait for AWS and for the
#: database (filehub/wsgi.py), they are fewer than the Procfile starts.
_slots = Slots(3, grace=0.5)


@dataclass(frozen=True)
class Answer:
    """A response with a JSON object. `body` is empty if there was none."""

    status: int
    body: Mapping[str, Any]


def within_limit(call: Callable[[float], T]) -> T:
    """Return what `call` returns; it gets the time (monotonic) at which it must have ended.

    It runs in another thread, because nothing else bounds the lookup of a host name, or headers
    that arrive byte by byte. So it must not use Django's database. Raises SignInFailed.
    """
    if not _slots.acquire():
        raise SignInFailed(UNAVAILABLE, "too many requests are waiting for the provider")
    in_vain = True
    # With the ids of the request, for log lines.
    future = _pool().submit(copy_context().run, call, time.monotonic() + TOTAL)
    try:
        result = future.result(TOTAL)
        in_vain = False
        return result
    except OutOfTime:
        future.cancel()
        raise SignInFailed(UNAVAILABLE, f"no complete response within {TOTAL:.0f} s") from None
    except SignInFailed as exc:
        in_vain = exc.problem is UNAVAILABLE
        raise
    finally:
        if not in_vain:
            _slots.answered()
        _slots.release(in_vain=in_vain)


def send(method: str, url: str, deadline: float, **arguments: Any) -> Answer:
    """Send a request and return the answer. Redirects are not followed.

    Raises SignInFailed(UNAVAILABLE) for no answer, one that is too large or too slow, and for
    status 429 and 5xx.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise SignInFailed(UNAVAILABLE, f"{_place(url)}: no time is left")
    try:
        timeout = min(_STEP, seconds)
        with _client().stream(method, url, timeout=timeout, **arguments) as response:
            body = _read(response, deadline)
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
        raise SignInFailed(UNAVAILABLE, f"{_place(url)}: {type(exc).__name__}") from exc
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500:
        raise SignInFailed(UNAVAILABLE, f"{_place(url)}: status {status}")
    return Answer(status, _parse(body))


def _read(response: httpx.Response, deadline: float) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BODY or time.monotonic() > deadline:
            problem = "is too slow" if size <= MAX_BODY else f"has more than {MAX_BODY} bytes"
            detail = f"{_place(str(response.url))}: the response {problem}"
            raise SignInFailed(UNAVAILABLE, detail)
        chunks.append(chunk)
    return b"".join(chunks)


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        value = parse_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _place(url: str) -> str:
    """A URL as it is logged: without its query."""
    return url.partition("?")[0]


@cache
def _client() -> httpx.Client:
    return httpx.Client(headers={"Accept": "application/json"})


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2 * _slots.size, "oidc")
