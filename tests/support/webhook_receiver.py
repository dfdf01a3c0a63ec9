"""A receiver of webhooks: an HTTP server that verifies each with the library's own verifier.

As a program it prints its port, and then writes each verified webhook to a file as a line of JSON,
and `null` for each whose signature is wrong.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


@dataclass
class Receiver:
    """What it answers, and what it has received: the id and the parsed body of each webhook."""

    secret: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: Called before the answer: with the parsed body, or None if the signature is wrong.
    on_receipt: Callable[[dict[str, Any] | None], object] = lambda _: None
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: Requests whose signature is wrong.
    refused: int = 0
    url: str = ""

    @property
    def types(self) -> list[str]:
        return [body["type"] for _, body in self.received]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                body = Webhook(receiver.secret).verify(data, dict(self.headers))
            except WebhookVerificationError:
                receiver.refused += 1
                receiver.on_receipt(None)
                self.send_error(401)
                return
            receiver.on_receipt(body)
            receiver.received.append((self.headers["webhook-id"], body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


@contextmanager
def receiving(receiver: Receiver) -> Iterator[Receiver]:
    """Run the receiver on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(secret: str, file: str) -> None:
    with Path(file).open("a", buffering=1) as log:
        receiver = Receiver(secret, on_receipt=lambda body: log.write(json.dumps(body) + "\n"))
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
        sys.stdout.write(f"listening on {server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
