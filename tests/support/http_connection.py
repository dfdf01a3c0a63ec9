"""One HTTP/1.1 connection for the fault proxy: heads are parsed, bodies pass in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

PIECE = 256 * 1024
END_OF_HEAD = b"\r\n\r\n"
#: Closing with this option sends a reset to the other side.
NO_LINGERING = struct.pack("ii", 1, 0)


class Connection:
    """A socket with a read buffer."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._rest = b""

    async def connect(self, address: tuple[str, int]) -> None:
        await self._loop.sock_connect(self._socket, address)

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def some(self, most: int = PIECE) -> bytes:
        """What there is; b"" at the end."""
        if self._rest:
            piece, self._rest = self._rest[:most], self._rest[most:]
            return piece
        return await self._loop.sock_recv(self._socket, most)

    async def until(self, mark: bytes) -> bytes:
        """Everything up to the mark and with it; b"" if the other side has closed before."""
        data = self._rest
        while (end := data.find(mark)) < 0:
            more = await self._loop.sock_recv(self._socket, PIECE)
            if not more:
                return b""
            data += more
        end += len(mark)
        self._rest = data[end:]
        return data[:end]

    async def body(self, headers: dict[str, str], length: int | None) -> AsyncIterator[bytes]:
        """The body that follows a head, framing included; without a length up to the end."""
        if "chunked" in headers.get("transfer-encoding", ""):
            size = -1
            while size:
                line = await self.until(b"\r\n")
                size = int(line.partition(b";")[0], 16)
                yield line
                # An empty line follows the last chunk; no test sends trailers.
                async for piece in self._exactly(size + 2):
                    yield piece
        elif length is not None:
            async for piece in self._exactly(length):
                yield piece
        else:
            while piece := await self.some():
                yield piece

    async def _exactly(self, size: int) -> AsyncIterator[bytes]:
        while size:
            piece = await self.some(min(size, PIECE))
            if not piece:
                raise ConnectionResetError
            size -= len(piece)
            yield piece

    def close(self, *, abruptly: bool = False) -> None:
        if abruptly:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)
        self._socket.close()


def headers_of(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
