"""The progress of a transfer: a bar on a terminal, otherwise an occasional line."""

from __future__ import annotations

import time
from threading import Lock
from typing import TextIO

#: Seconds between two updates of the bar, and between two lines if the output is not a terminal.
BAR_INTERVAL, LINE_INTERVAL = 0.2, 30.0
_BAR_WIDTH = 30


def bar(fraction: float | None, text: str) -> str:
    """A line such as `[######....]  60% 3 of 5 files`. `fraction` is None if it is unknown."""
    if fraction is None:
        return text
    fraction = min(max(fraction, 0.0), 1.0)
    done = round(fraction * _BAR_WIDTH)
    return f"[{'#' * done}{'.' * (_BAR_WIDTH - done)}] {fraction:4.0%} {text}"


class Progress:
    """Counts bytes and files, and shows them. Its methods are called by several threads."""

    def __init__(self, out: TextIO, *, total: int | None, count: int, is_quiet: bool) -> None:
        """`total` is the number of bytes of all `count` files; None if it is unknown."""
        self._out, self._is_quiet = out, is_quiet
        self._is_terminal = out.isatty()
        self._total, self._count = total, count
        self._bytes = self._files = 0
        self._next = time.monotonic() + (0 if self._is_terminal else LINE_INTERVAL)
        self._width = 0
        self._lock = Lock()

    def add_bytes(self, count: int) -> None:
        with self._lock:
            self._bytes += count
            if time.monotonic() >= self._next:
                self._show()

    def end_file(self, missing: int = 0) -> None:
        """A file has ended; `missing` bytes of it will not be transferred."""
        with self._lock:
            self._files += 1
            if self._total is not None:
                self._total -= missing
            if self._is_terminal:
                self._show()

    def close(self) -> None:
        """End the line of the bar."""
        with self._lock:
            if self._width:
                self._out.write("\n")
                self._out.flush()
                self._width = 0

    def _show(self) -> None:
        if self._is_quiet:
            return
        self._next = time.monotonic() + (BAR_INTERVAL if self._is_terminal else LINE_INTERVAL)
        fraction = self._bytes / self._total if self._total else None
        text = f"{self._files:,} of {self._count:,} files"
        if self._is_terminal:
            line = bar(fraction, text)
            self._out.write(f"\r{line.ljust(self._width)}")
            self._width = len(line)
        else:
            percent = "" if fraction is None else f"{min(fraction, 1):.0%}, "
            self._out.write(f"{percent}{text}\n")
        self._out.flush()
