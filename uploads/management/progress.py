"""How far a long command is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from django.core.management.base import OutputWrapper

#: Seconds between two lines where nobody watches.
LINE_EVERY = 30.0
_WIDTH = 30


class Progress:
    """`with Progress(self.stderr) as progress: progress.show(0.4, "1,234 looked at")`."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._line_at = time.monotonic() + LINE_EVERY
        self._drawn = 0

    def show(self, share: float | None, text: str) -> None:
        """`share` is between 0 and 1, or None when nobody knows how much there is."""
        percent = "" if share is None else f"{min(share, 1):4.0%} "
        if self._is_terminal:
            bar = ""
            if share is not None:
                done = round(min(share, 1) * _WIDTH)
                bar = f"[{'#' * done}{'.' * (_WIDTH - done)}] "
            line = f"{bar}{percent}{text}"
            # Not in the colour of errors, which stderr has on a terminal.
            self._out.write(f"\r{line.ljust(self._drawn)}", style_func=str, ending="")
            self._out.flush()
            self._drawn = len(line)
        elif time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_EVERY
            self._out.write(f"{percent}{text}".lstrip())

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._out.write("")
