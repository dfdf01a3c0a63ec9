"""What `make run` shows of the processes' log lines, which are JSON.

Nothing before the banner, unless something is wrong. The file has everything, as JSON.
"""

from __future__ import annotations

import json
import threading
from typing import Any, TextIO

from honcho.manager import SYSTEM_PRINTER_NAME
from honcho.printer import Message

from uploads.core.logs.lines import as_json, as_text

#: Levels that are shown even if they were written before the banner.
_SERIOUS = ("warning", "error", "critical")


class Console:
    """The printer that honcho's manager writes to. `width` is that of the longest name."""

    width = 0

    def __init__(self, terminal: TextIO, file: TextIO, *, form: str) -> None:
        """`form` is "json", or text of any kind; text has colours if this is a terminal."""
        self._terminal = terminal
        self._file = file
        self._as_json = form == "json"
        self._colors = terminal.isatty()
        #: The lines before the banner, and whether each is serious. None after it.
        self._held_back: list[tuple[str, bool]] | None = []
        # The banner is printed by a thread.
        self._lock = threading.Lock()

    def write(self, message: Message) -> None:
        """Write what a process has written: usually one line, but a crash may write several."""
        name = message.name or ""
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
        for line in text.splitlines():
            fields = _parse(line) or {
                "time": message.time.astimezone().isoformat(timespec="milliseconds"),
                "level": "info" if name == SYSTEM_PRINTER_NAME else "warning",
                "message": line,
            }
            as_line = as_json({"process": name, **fields})
            self._file.write(f"{as_line}\n")
            self._file.flush()
            if not _is_routine(name, fields):
                shown = as_line if self._as_json else self._as_text(message, fields)
                self._show(shown, is_serious=fields.get("level") in _SERIOUS)

    def open(self, banner: str) -> None:
        """Show the banner, and from now on all lines. What was routine until now is left out."""
        with self._lock:
            held_back, self._held_back = self._held_back or [], None
            self._print(banner)
            for line, is_serious in held_back:
                if is_serious:
                    self._print(line)

    def close(self) -> None:
        """Show what was held back, because the processes ended before the banner."""
        with self._lock:
            held_back, self._held_back = self._held_back or [], None
            for line, _ in held_back:
                self._print(line)

    def _as_text(self, message: Message, fields: dict[str, Any]) -> str:
        shown = {key: value for key, value in fields.items() if key != "time"}
        prefix = f"{message.time:%H:%M:%S} {(message.name or ''):{self.width}} | "
        if self._colors and message.colour:
            prefix = f"\033[{message.colour}m{prefix}\033[0m"
        return prefix + as_text(shown, colors=self._colors)

    def _show(self, line: str, *, is_serious: bool) -> None:
        with self._lock:
            if self._held_back is None:
                self._print(line)
            else:
                self._held_back.append((line, is_serious))

    def _print(self, text: str) -> None:
        print(text, file=self._terminal, flush=True)


def _is_routine(name: str, fields: dict[str, Any]) -> bool:
    """Whether honcho says that a process has started or was stopped as requested."""
    text = str(fields.get("message"))
    return name == SYSTEM_PRINTER_NAME and not (
        " stopped (rc=" in text and not text.endswith("(rc=0)")
    )


def _parse(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
