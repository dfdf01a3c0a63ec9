"""Flows: the client's logic without I/O.

A flow is a generator that yields effects, such as `Send`, and is resumed with their results. All
logic is written once as flows; `filehub_client.drivers` performs the effects, with threads or with
asyncio. Tests drive flows without any server.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Body(Protocol):
    """A request's body that is read in pieces. `size` is in bytes."""

    size: int

    def chunks(self) -> Iterator[bytes]: ...


class Sink(Protocol):
    """Takes the body of a response in pieces."""

    def accepts(self, response: Response) -> bool:
        """Whether `write` shall get this response's body. It has no body yet."""

    def write(self, chunk: bytes) -> None: ...


@dataclass(frozen=True)
class Request:
    """An HTTP request. Its representation shows neither headers nor the query: they are secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Body | None = field(default=None, repr=False)
    sink: Sink | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Response:
    """The names of headers are lower-case. `body` is empty if a sink took it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Send:
    """Send the request; the result is a Response. Raises ConnectionFailed."""

    request: Request


@dataclass(frozen=True)
class Pause:
    """Wait this many seconds."""

    seconds: float


@dataclass(frozen=True)
class Work:
    """Call a function that blocks, such as one that reads a file; the result is its own."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Spawn:
    """Run another flow concurrently. Waits while as many run as may.

    Once a spawned flow has failed, no other is started until `Join` has reported the failure. A
    spawned flow cannot spawn.
    """

    flow: Flow[Any]


@dataclass(frozen=True)
class Join:
    """Wait for all spawned flows; raises the first error, once none is running."""


Effect = Send | Pause | Work | Spawn | Join
Flow = Generator[Effect, Any, T]


def send(request: Request) -> Flow[Response]:
    response: Response = yield Send(request)
    return response


def pause(seconds: float) -> Flow[None]:
    yield Pause(seconds)


def work(function: Callable[[], T]) -> Flow[T]:
    result: T = yield Work(function)
    return result


def spawn(flow: Flow[Any]) -> Flow[None]:
    yield Spawn(flow)


def join() -> Flow[None]:
    yield Join()
