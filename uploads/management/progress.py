"""Progress of a long command: a bar on a terminal, otherwise an occasional line."""

from __future__ import annotations

import time
from types import TracebackType

from django.core.management.base import OutputWrapper

#: Seconds between two lines if the output is not a terminal.
LINE_INTERVAL = 30.0
_BAR_WIDTH = 30


class Progress:
    """`with Progress(self.stderr) as progress: progress.show(0.4, "1,234 checked")`."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._next_line_at = time.monotonic() + LINE_INTERVAL
        self._width = 0

    def show(self, fraction: float | None, text: str) -> None:
        """Show the progress. `fraction` is between 0 and 1, or None if the total is unknown."""
        percent = "" if fraction is None else f"{min(fraction, 1):4.0%} "
        if self._is_terminal:
            bar = ""
            if fraction is not None:
                done = round(min(fraction, 1) * _BAR_WIDTH)
                bar = f"[{'#' * done}{'.' * (_BAR_WIDTH - done)}] "
            line = f"{bar}{percent}{text}"
            # Without the style for errors that Django gives stderr on a terminal.
            self._out.write(f"\r{line.ljust(self._width)}", style_func=str, ending="")
            self._out.flush()
            self._width = len(line)
        elif time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + LINE_INTERVAL
            self._out.write(f"{percent}{text}".lstrip())

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._width:
            self._out.write("")
