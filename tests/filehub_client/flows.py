"""Drive flows without any server, so that tests choose what each request gets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from filehub_client.errors import FilehubError
from filehub_client.flow import Flow, Join, Pause, Request, Response, Send, Spawn, Work

T = TypeVar("T")

#: The response to a request, or the error that sending it raises.
Server = Callable[[Request], Response | Exception]


@dataclass
class Run:
    """Performs effects at once, one after the other, and notes requests and pauses."""

    server: Server
    requests: list[Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __call__(self, flow: Flow[T]) -> T:
        result: Any = None
        error: Exception | None = None
        while True:
            try:
                effect = flow.throw(error) if error else flow.send(result)
            except StopIteration as stop:
                value: T = stop.value
                return value
            try:
                result, error = self._perform(effect), None
            except FilehubError as exc:
                result, error = None, exc

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Send(request):
                return self._send(request)
            case Pause(seconds):
                self.pauses.append(seconds)
            case Work(function):
                return function()
            case Spawn(flow):
                self(flow)
            case Join():
                pass
        return None

    def _send(self, request: Request) -> Response:
        self.requests.append(request)
        assert len(self.requests) < 1_000, "the flow does not end"
        if request.body is not None and not isinstance(request.body, bytes):
            b"".join(request.body.chunks())
        response = self.server(request)
        if isinstance(response, Exception):
            raise response
        if request.sink and request.sink.accepts(response):
            request.sink.write(response.body)
        return response


def in_turn(*responses: Response | Exception) -> Server:
    """A server that returns these, and then the last one for all other requests."""
    waiting = list(responses)
    return lambda request: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def ok(data: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    return Response(status, headers or {}, json.dumps(data).encode())


def refusal(status: int, code: str, retry_after: int | None = None) -> Response:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    return ok({"error": "A sentence.", "code": code}, headers, status)


def s3_error(status: int, code: str, message: str = "") -> Response:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Response(status, {}, body.encode())
