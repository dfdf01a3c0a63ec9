"""A client that moves files to the trash, restores and deletes them, and lets them fall due."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos.expectations import Expectations, Upload
from tests.chaos.retrying_client import RetryingClient

#: A file of an uploader: what is known about it, the request that sent it, and its bytes.
Sent = tuple[Upload, Any, bytes]


class TrashClient(RetryingClient):
    """Changes one file at a time. `_mine` has the files of the list, `_trashed` those in the trash.

    A request without a response may take effect at any later time: from then on it is unknown where
    the file is (`Upload.trashed`).
    """

    def __init__(
        self,
        site: str,
        token: str,
        rng: Random,
        expectations: Expectations,
        make_due: Callable[[str], bool],
    ) -> None:
        super().__init__(site, token, rng, expectations)
        self._mine: list[Sent] = []
        self._trashed: list[Sent] = []
        #: Sets the time of a file in the trash to now, past filehub; False if it is not there.
        self._make_due = make_due

    def _trash(self, file: Sent) -> None:
        """Move a file that is listed to the trash."""
        upload = file[0]
        outcome = self._change("trash", upload)
        if outcome == "trashed":
            if upload.trashed != "maybe":
                upload.trashed = "yes"
            self._trashed.append(file)
            self._expectations.count("trashed")
        elif outcome != "unknown" and upload.trashed != "maybe":
            self._expectations.report_problem(f"{upload.id} was listed, but trash: {outcome}")

    def _restore_one(self) -> None:
        if self._trashed:
            self._restore(self._trashed.pop(0), is_due=False)

    def _delete_from_trash(self) -> None:
        if not self._trashed:
            return
        upload = self._trashed.pop(0)[0]
        outcome = self._change("delete", upload)
        if outcome == "deleting":
            upload.deleted = "yes"
            self._expectations.count("deleted from the trash")
        elif outcome == "unknown":
            upload.deleted = "maybe"
        elif upload.trashed == "maybe":
            # An earlier request without a response may have deleted it.
            upload.deleted = "maybe"
        else:
            self._expectations.report_problem(f"{upload.id} was in the trash: {outcome}")

    def _let_fall_due(self) -> None:
        """The file is purged, unless it is restored first."""
        if not self._trashed:
            return
        file = self._trashed.pop(0)
        upload = file[0]
        if not self._make_due(upload.id):
            if upload.trashed != "maybe":
                self._expectations.report_problem(f"{upload.id} is not in the trash")
            return
        self._expectations.count("due")
        upload.deleted = "maybe" if upload.trashed == "maybe" else "yes"
        if self._rng.random() < 0.5:
            self._restore(file, is_due=True)

    def _restore(self, file: Sent, *, is_due: bool) -> None:
        upload = file[0]
        outcome = self._change("restore", upload)
        if outcome == "stored":
            # A file that was deleted, or is being purged, cannot be restored.
            upload.deleted = "no"
            if upload.trashed != "maybe":
                upload.trashed = "no"
            self._mine.append(file)
            self._expectations.count("restored just before the purge" if is_due else "restored")
        elif outcome == "unknown":
            upload.deleted = "maybe" if is_due else upload.deleted
        elif is_due:
            self._expectations.count("restored too late")
        elif upload.trashed != "maybe":
            self._expectations.report_problem(f"{upload.id} was in the trash: {outcome}")

    def _change(self, change: str, upload: Upload) -> str:
        """The new state, the code of the error, or "unknown"."""
        response, uncertain = self._api("POST", f"/files/{change}", {"ids": [upload.id]})
        if response is not None and response.status != 200:
            self._report_problem(f"POST /files/{change}", response)
        outcome = "unknown"
        if response is not None and response.status == 200:
            (result,) = response.json()["results"]
            outcome = result.get("state") or result["code"]
        if outcome == "unavailable":
            outcome = "unknown"
        if uncertain or outcome == "unknown":
            upload.trashed = "maybe"
        return str(outcome)
