"""Ask for downloads during a chaos run: no file may be available before its verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos.expectations import Expectations, Upload
from tests.chaos.http_client import Unanswered, request

#: Half of the time, the file is one of the newest, whose verdict is about to come.
NEWEST = 12


class DownloadWatch:
    """Owners that ask for downloads of their files all the time, the newest ones above all."""

    def __init__(
        self,
        site: str,
        api_tokens: dict[str, str],
        expectations: Expectations,
        read: Callable[[str], dict[str, Any] | None],
        rng: Random,
    ) -> None:
        self._site, self._api_tokens, self._expectations = site, api_tokens, expectations
        #: Reads a record past filehub.
        self._read = read
        self._rng = rng
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_ending.set()
        self._thread.join(60)

    def _run(self) -> None:
        try:
            while not self._is_ending.wait(0.02):
                uploads = list(self._expectations.uploads.values())
                if self._rng.random() < 0.5:
                    uploads = uploads[-NEWEST:]
                if uploads:
                    self._watch(self._rng.choice(uploads))
        except BaseException as error:
            self.error = error
            raise

    def _watch(self, upload: Upload) -> None:
        before = self._read(upload.id)
        headers = {"Authorization": f"Bearer {self._api_tokens[upload.owner]}"}
        try:
            response = request(
                "GET", f"{self._site}/files/{upload.id}/download", headers, timeout=20
            )
        except Unanswered:
            time.sleep(0.2)
            return
        if response.status != 200:
            self._expectations.count("downloads refused")
            return
        self._expectations.count("downloads")
        # A file that was deleted and sent again may have become another one meanwhile.
        records = [before, self._read(upload.id)]
        if not any(record and record.get("malware") == "clean" for record in records):
            self._expectations.report_problem(f"{upload} was available: {records}")
