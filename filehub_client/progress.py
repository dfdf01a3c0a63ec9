"""The progress of a long command: a bar on a terminal, otherwise an occasional line."""

from __future__ import annotations

import time
from threading import Lock
from types import TracebackType
from typing import Protocol, Self

#: Seconds between two updates of a transfer's bar, and between two lines if the output is not a
#: terminal.
BAR_INTERVAL, LINE_INTERVAL = 0.2, 30.0
_BAR_WIDTH = 30


class Output(Protocol):
    """What progress is written to, such as `sys.stderr`."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...
    def isatty(self) -> bool: ...


class Progress:
    """`with Progress(sys.stderr) as progress: progress.show(0.4, "1,234 checked")`."""

    def __init__(self, out: Output, *, is_quiet: bool = False) -> None:
        self._out, self._is_quiet = out, is_quiet
        self._is_terminal = out.isatty()
        self._next_line_at = time.monotonic() + LINE_INTERVAL
        self._width = 0

    def show(self, fraction: float | None, text: str) -> None:
        """Show the progress. `fraction` is from 0 to 1, or None if the total is unknown."""
        if self._is_quiet:
            return
        percent, bar = "", ""
        if fraction is not None:
            fraction = min(max(fraction, 0.0), 1.0)
            done = round(fraction * _BAR_WIDTH)
            percent, bar = f"{fraction:4.0%} ", f"[{'#' * done}{'.' * (_BAR_WIDTH - done)}] "
        if self._is_terminal:
            line = f"{bar}{percent}{text}"
            self._out.write(f"\r{line.ljust(self._width)}")
            self._out.flush()
            self._width = len(line)
        elif time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + LINE_INTERVAL
            self._out.write(f"{percent}{text}\n".lstrip())
            self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the line of the bar."""
        if self._width:
            self._out.write("\n")
            self._out.flush()


class TransferProgress:
    """Counts the bytes and files of a transfer. Its methods are called by several threads."""

    def __init__(self, progress: Progress, *, total: int, count: int) -> None:
        """`total` is the number of bytes of all `count` files."""
        self._progress, self._total, self._count = progress, total, count
        self._bytes = self._files = 0
        self._next_update = 0.0
        self._lock = Lock()

    def add_bytes(self, count: int) -> None:
        """Bytes have been transferred; negative if they have to be transferred again."""
        with self._lock:
            self._bytes += count
            if time.monotonic() >= self._next_update:
                self._show()

    def end_file(self, missing: int = 0) -> None:
        """A file has ended; `missing` bytes of it will not be transferred."""
        with self._lock:
            self._files += 1
            # The bar must still reach 100%.
            self._total -= missing
            self._show()

    def _show(self) -> None:
        self._next_update = time.monotonic() + BAR_INTERVAL
        fraction = self._bytes / self._total if self._total > 0 else None
        self._progress.show(fraction, f"{self._files:,} of {self._count:,} files")
