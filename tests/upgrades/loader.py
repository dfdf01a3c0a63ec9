"""Upload all the time, as clients behind a load balancer do, and remember what S3 has."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from itertools import count
from typing import Any

from tests.chaos.http_client import Response, Unanswered, request

#: Seconds between two uploads of a thread.
PAUSE = 0.2


class Loader:
    """`with Loader(urls, token) as loader:` uploads in some threads until the end of the block."""

    def __init__(self, sites: Sequence[str], token: str, threads: int = 2) -> None:
        self._sites = sites
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        #: The sites take turns, also between requests.
        self._turns = count()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(threads)
        ]
        #: The files that S3 has: id -> name and content. All of them must be stored.
        self.sent: dict[str, tuple[str, bytes]] = {}
        #: Those that were moved to the trash.
        self.trashed: set[str] = set()
        #: Responses that no client may get during an upgrade.
        self.problems: list[str] = []
        #: Connections that a web process refused or broke, and that another one had to serve.
        self.refused = self.broken = 0

    def __enter__(self) -> Loader:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API at the next site that answers, as a load balancer does."""
        data = b"" if body is None else json.dumps(body).encode()
        for _ in range(20):
            try:
                site = self._sites[next(self._turns) % len(self._sites)]
                response = request(method, site + path, self._headers, data)
            except Unanswered as exc:
                self.broken += exc.sent
                self.refused += not exc.sent
            else:
                self._check(f"{method} {path}", response)
                return response.json() if response.status < 400 else None
            self._stopped.wait(0.05)
        self.problems.append(f"{method} {path}: nobody answers")
        return None

    def _check(self, what: str, response: Response) -> None:
        if response.status >= 400:
            self.problems.append(f"{what}: {response.status} {response.body[:200]!r}")

    def _run(self, thread: int) -> None:
        for number in count():
            if self._stopped.is_set():
                return
            name, body = f"load {thread}-{number}.txt", f"content {number}".encode()
            self.upload(name, body, f"Load/{thread}")
            # A queue that grows would only prove that the machine is slow.
            self._stopped.wait(PAUSE)
            if number % 5 == 4:
                # The newest that is surely recorded: not the last one.
                self._trash_one(thread, number)

    def upload(self, name: str, body: bytes, folder: str) -> str | None:
        signed = self.call(
            "POST", "/get-url",
            {"file_name": name, "content_type": "text/plain", "size": len(body), "folder": folder},
        )  # fmt: skip
        if signed is None:
            return None
        response = request("PUT", signed["url"], signed["headers"], body)
        self._check("PUT", response)
        if response.status == 200:
            self.sent[signed["id"]] = (name, body)
        return str(signed["id"])

    def _trash_one(self, thread: int, number: int) -> None:
        for upload_id, (name, _) in list(self.sent.items())[-40:]:
            if name != f"load {thread}-{number - 4}.txt":
                continue
            moved = self.call("POST", "/files/trash", {"ids": [upload_id]})
            # It may not be recorded yet, while a worker restarts.
            if moved and moved["results"][0].get("state") == "trashed":
                self.trashed.add(upload_id)
