"""Servers that respond as a function of the test says, on real sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress

#: Seconds between two bytes of a server that drips.
PAUSE = 0.02


class Connection:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, closed: threading.Event) -> None:
        self.socket = sock
        self._closed = closed

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send one byte after the other, as long as the server runs."""
        for byte in data:
            if self.pause():
                break
            self.send(bytes([byte]))

    def pause(self) -> bool:
        """Pause; return whether the server has been closed."""
        return self._closed.wait(PAUSE)

    def hang(self) -> None:
        self._closed.wait()


Script = Callable[[Connection], None]


class Scripted:
    """`with Scripted(script) as server:` - the script is called for each connection, in a thread.

    A connection is closed when its script returns.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self._sockets.append(accepted)
                thread = threading.Thread(target=self._serve, args=(accepted,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with closing(accepted), suppress(OSError):
            self._script(Connection(accepted, self._closed))

    def __enter__(self) -> Scripted:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()


def relay(port: int, drips: Callable[[int], bool]) -> Script:
    """Pass everything to a server and back, or back byte by byte while `drips` says so.

    `drips` gets the number of pieces that the client has sent.
    """

    def script(connection: Connection) -> None:
        with socket.create_connection(("127.0.0.1", port)) as server:
            sent = 0

            def forward() -> None:
                nonlocal sent
                with suppress(OSError):
                    while piece := connection.socket.recv(65536):
                        sent += 1
                        server.sendall(piece)
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)

            forwarding = threading.Thread(target=forward)
            forwarding.start()
            with suppress(OSError):
                while piece := server.recv(65536):
                    (connection.drip if drips(sent) else connection.send)(piece)
                connection.socket.shutdown(socket.SHUT_RDWR)
            forwarding.join()

    return script


@contextmanager
def silent_addresses(count: int) -> Iterator[tuple[list[str], int]]:
    """Addresses whose port never answers a connection, because its queue is full, and that port."""
    with ExitStack() as stack:
        port = 0
        addresses = [f"127.0.1.{number + 1}" for number in range(count)]
        for address in addresses:
            listener = stack.enter_context(socket.create_server((address, port), backlog=0))
            port = listener.getsockname()[1]
            for _ in range(3):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex((address, port))
        yield addresses, port
