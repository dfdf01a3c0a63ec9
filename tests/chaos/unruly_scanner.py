"""clamd behind a proxy that makes it late, stalls it and cuts it off; clamd itself is killed."""

from __future__ import annotations

import socket
import socketserver
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.chaos.plan import Plan
from tests.support.real_clamd import RealClamd

#: What can happen to a connection to the scanner: late - the answer comes seconds later; stall - it
#: comes after the worker has given up; cut - the connection ends in the middle of the file; mute -
#: it ends instead of the answer; half - it ends in the middle of the answer.
_WEIGHTS = {"none": 50, "late": 20, "stall": 6, "cut": 8, "mute": 8, "half": 8}


class UnrulyScanner:
    """Listens on a free port of the loopback interface, in front of a real clamd."""

    def __init__(self, plan: Plan) -> None:
        self._random = plan.random("scanner")
        # The path of a socket is at most 107 bytes.
        self._folder = tempfile.TemporaryDirectory(prefix="clamd-")
        self._clamd = RealClamd(Path(self._folder.name))
        self._server = _Server(self._clamd.socket, plan.random("scanner connections"))
        self._threads = [
            threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True),
            threading.Thread(target=self._kill_and_start, daemon=True),
        ]
        self._is_ending = threading.Event()
        self.error: BaseException | None = None
        self.url = f"tcp://127.0.0.1:{self._server.server_address[1]}"

    @property
    def counts(self) -> Counter[str]:
        return self._server.counts

    def start(self) -> None:
        self._clamd.start()
        self._threads[0].start()

    def start_faults(self) -> None:
        self._server.has_faults = True
        self._threads[1].start()

    def stop_faults(self) -> None:
        self._server.has_faults = False
        self._is_ending.set()
        self._threads[1].join(60)

    def stop(self) -> None:
        self._is_ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._clamd.kill()
        self._folder.cleanup()

    def _kill_and_start(self) -> None:
        try:
            while not self._is_ending.wait(self._random.uniform(2, 6)):
                self._clamd.kill()
                self.counts["killed"] += 1
                self._is_ending.wait(self._random.choice((0.0, 0.5, 3.0)))
                self._clamd.start()
        except BaseException as error:
            self.error = error
            raise


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, clamd: Path, rng: Random) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.clamd, self.rng = str(clamd), rng
        self.has_faults = False
        self.counts: Counter[str] = Counter()


class _Connection(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        rng = self.server.rng
        fault = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        if not self.server.has_faults:
            fault = "none"
        self.server.counts[fault] += 1
        client: socket.socket = self.request
        # If one side hangs up, closing the connection tells the other.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as clamd:
            clamd.connect(self.server.clamd)
            threading.Thread(target=_copy, args=(client, clamd, fault), daemon=True).start()
            answer = clamd.recv(4096)
            if fault == "mute" or not answer:
                return
            if fault == "half":
                client.sendall(answer[: len(answer) // 2])
                return
            time.sleep({"late": rng.uniform(0.5, 3), "stall": rng.uniform(8, 12)}.get(fault, 0))
            client.sendall(answer)


def _copy(client: socket.socket, clamd: socket.socket, fault: str) -> None:
    """Copy what the worker sends, or only the beginning."""
    with suppress(OSError):
        while data := client.recv(64 * 1024):
            if fault == "cut":
                clamd.sendall(data[: len(data) // 2])
                break
            clamd.sendall(data)
        clamd.shutdown(socket.SHUT_RDWR)
