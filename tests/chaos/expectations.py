"""What the uploaders did and saw. The invariants compare the final state with it alone."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

#: Whether something happened: yes (it was acknowledged), no, or maybe (the response was lost).
Known = Literal["yes", "no", "maybe"]


@dataclass(eq=False)
class Possible:
    """The values that something may have now: the last one, unless a response was lost."""

    values: set[str]
    #: No request without a response may still take effect.
    is_known: bool = True

    def set(self, values: set[str], *, certain: bool) -> None:
        """It has been changed to one of these values, or may be at any time."""
        self.is_known = self.is_known and certain
        self.values = values if self.is_known else self.values | values


@dataclass(eq=False)
class Upload:
    """One upload that was begun and has an id."""

    id: str
    owner: str
    names: Possible
    folders: Possible
    content_type: str
    size: int
    #: Base64 SHA-256 of the bytes.
    sha256: str
    #: The checksum that the record must have: the same, a composite, or "" if none was sent.
    checksum: str
    #: The whole file is in the bucket.
    sent: Known = "no"
    #: Permanently deleted, by its owner or by the purge.
    deleted: Known = "no"
    #: In the trash, as long as it is not deleted.
    trashed: Known = "no"
    #: The worker's rules reject it.
    is_forbidden: bool = False
    #: The scanner finds malware in it.
    is_infected: bool = False
    #: Of an upload in parts: the token.
    token: str = ""
    #: Of an upload in parts: aborted with DELETE /uploads/{id}.
    aborted: Known = "no"

    @property
    def is_stored(self) -> Known:
        """Whether it is stored or in the trash."""
        if self.is_forbidden or self.is_infected or self.sent == "no" or self.deleted == "yes":
            return "no"
        return "maybe" if "maybe" in {self.sent, self.deleted} else "yes"

    @property
    def is_unfinished(self) -> Known:
        """Whether S3 must still have parts of it, or know of it."""
        if not self.token or self.sent == "yes" or self.aborted == "yes":
            return "no"
        return "maybe" if "maybe" in {self.sent, self.aborted} else "yes"


@dataclass
class Expectations:
    """Written by all uploaders. `problems` are responses that no uploader may ever get."""

    uploads: dict[str, Upload] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    #: Requests for uploads in parts without a response: only S3 may know these uploads.
    unanswered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, upload: Upload) -> Upload:
        with self._lock:
            if upload.id in self.uploads:
                self.problems.append(f"the id {upload.id} was issued twice")
            self.uploads[upload.id] = upload
        return upload

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def report_problem(self, sentence: str) -> None:
        with self._lock:
            self.problems.append(sentence)

    def count_unanswered(self) -> None:
        with self._lock:
            self.unanswered += 1
