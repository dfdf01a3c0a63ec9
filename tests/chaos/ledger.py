"""What the uploaders know: the only source of what must be true after a storm."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

#: Whether something happened: yes (it was acknowledged), no, or nobody heard.
Known = Literal["yes", "no", "maybe"]


@dataclass(eq=False)
class Entry:
    """One upload that somebody began and got an id for."""

    id: str
    owner: str
    name: str
    content_type: str
    size: int
    #: Base64 SHA-256 of the bytes.
    sha256: str
    #: What the record has to say: the same, a composite, or "" when none was sent.
    checksum: str
    #: The whole file is in the bucket.
    sent: Known = "no"
    deleted: Known = "no"
    #: The worker's rules exclude it.
    is_forbidden: bool = False
    #: Of an upload in parts: the token.
    token: str = ""
    #: Of an upload in parts: ended with DELETE /uploads/{id}.
    aborted: Known = "no"

    @property
    def is_stored(self) -> Known:
        if self.is_forbidden or self.sent == "no" or self.deleted == "yes":
            return "no"
        return "maybe" if "maybe" in {self.sent, self.deleted} else "yes"

    @property
    def is_unfinished(self) -> Known:
        """Whether S3 must still have parts of it, or know of it."""
        if not self.token or self.sent == "yes" or self.aborted == "yes":
            return "no"
        return "maybe" if "maybe" in {self.sent, self.aborted} else "yes"


@dataclass
class Ledger:
    """Written by all uploaders. `problems` are things that no uploader may ever see."""

    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: Uploads in parts that were asked for, without an answer: S3 may know them, nobody else does.
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: Entry) -> Entry:
        with self._lock:
            if entry.id in self.entries:
                self.problems.append(f"the id {entry.id} was given twice")
            self.entries[entry.id] = entry
        return entry

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def complain(self, sentence: str) -> None:
        with self._lock:
            self.problems.append(sentence)

    def begin_unanswered(self) -> None:
        with self._lock:
            self.unanswered += 1
