"""The state file of an upload: what has been begun and sent, so that a later run can go on.

One JSON object per line, only ever appended, so that a killed process loses at most its last line.
Nobody else may read the file: the token of an upload in parts lets its user continue it.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from filehub_client.errors import LocalFileError
from filehub_client.models import PartsPlan


@dataclass(frozen=True)
class Key:
    """Identifies a file's content for resuming: a file that was changed has another key."""

    site: str
    path: str
    name: str
    folder: str
    size: int
    changed_ns: int
    destination: str = ""


@dataclass(frozen=True)
class Entry:
    """The last known state of an upload. `plan` is None for one in a single request.

    `is_sent`: S3 has confirmed all bytes.
    """

    id: str
    is_sent: bool = False
    plan: PartsPlan | None = None


class Journal:
    """What is known of earlier uploads. Without a path it remembers only this run."""

    def __init__(self, path: Path | None = None) -> None:
        """Read the file if it exists. Raises LocalFileError."""
        self._path = path
        self._lock = Lock()
        self._entries: dict[Key, Entry] = {}
        if path is not None:
            self._read(path)

    @property
    def is_durable(self) -> bool:
        return self._path is not None

    def entries(self) -> dict[Key, Entry]:
        with self._lock:
            return dict(self._entries)

    def record(self, key: Key, entry: Entry) -> None:
        """Remember this, also on disk. Raises LocalFileError."""
        with self._lock:
            self._entries[key] = entry
            self._append({"key": asdict(key), "entry": asdict(entry)})

    def forget(self, key: Key) -> None:
        with self._lock:
            if self._entries.pop(key, None) is not None:
                self._append({"key": asdict(key), "entry": None})

    def delete(self) -> None:
        """Delete the file: everything has been sent."""
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    def _read(self, path: Path) -> None:
        try:
            lines = path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        except OSError as exc:
            raise _failed(exc) from exc
        for line in lines:
            # A line that a killed process has not finished, or that is not ours, says nothing.
            with suppress(ValueError, TypeError, KeyError, RecursionError):
                self._apply(json.loads(line))

    def _apply(self, data: Any) -> None:
        key = Key(**data["key"])
        if data["entry"] is None:
            self._entries.pop(key, None)
            return
        fields = dict(data["entry"])
        plan = fields.pop("plan", None)
        self._entries[key] = Entry(**fields, plan=PartsPlan(**plan) if plan else None)

    def _append(self, data: dict[str, Any]) -> None:
        if self._path is None:
            return
        # Surrogates, which stand for bytes of a path that are not UTF-8, become escapes. The first
        # newline ends the line that a killed process may have left unfinished.
        line = f"\n{json.dumps(data)}\n".encode("ascii")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self._path, flags, 0o600), "wb") as file:
                file.write(line)
        except OSError as exc:
            raise _failed(exc) from exc


def _failed(exc: OSError) -> LocalFileError:
    return LocalFileError(f"The state file cannot be used: {exc.strerror}.", code="state_file")
