"""A client that stores files in folders, renames and moves them, and moves and deletes folders."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import quote

from tests.chaos.expectations import Expectations, Upload
from tests.chaos.trash_client import Sent, TrashClient

#: What may happen to a request about a folder that others use at the same time.
FOLDER_STATUSES = {200, 201, 202, 204, 404, 409}


class FolderClient(TrashClient):
    """Uses folders that no other client uses, though some have the same owner.

    Of a file in a folder that is never moved itself, the folder is known. The others are moved in
    the background and at any time, so such a file may be in any of them.
    """

    def __init__(
        self,
        number: int,
        site: str,
        token: str,
        rng: Random,
        expectations: Expectations,
        make_due: Callable[[str], bool],
    ) -> None:
        super().__init__(site, token, rng, expectations, make_due)
        self._fixed = ("", f"{number}", f"{number}/ü {number}", f"{number}/a/b")
        self._movable = tuple(f"{number} moved {n}" for n in range(3))
        #: Which of the movable folders probably exists.
        self._current = self._movable[0]

    def _choose_folder(self) -> str:
        if self._rng.random() < 0.6:
            return self._rng.choice(self._fixed)
        return self._current + self._rng.choice(("", "/in"))

    def _possible(self, folder: str) -> set[str]:
        """Where a file may be that was put into this folder."""
        top, slash, inner = folder.partition("/")
        if top not in self._movable:
            return {folder}
        return {movable + slash + inner for movable in self._movable}

    def _rename(self, file: Sent, name: str) -> None:
        body = {"file_name": name}
        if (certain := self._patch(file[0], body)) is not None:
            file[0].names.set({name}, certain=certain)
            self._expectations.count("renamed")

    def _move(self, file: Sent) -> None:
        upload, folder = file[0], self._choose_folder()
        if self._rng.random() < 0.5:
            certain = self._patch(upload, {"folder": folder})
        else:
            certain = self._move_with_results(upload, folder)
        if certain is not None:
            upload.folders.set(self._possible(folder), certain=certain)
            self._expectations.count("moved")

    def _patch(self, upload: Upload, changes: dict[str, str]) -> bool | None:
        """Whether the change is certain; None if there was none."""
        response, uncertain = self._api("PATCH", f"/files/{upload.id}", changes)
        if response is None:
            return False if uncertain else None
        if response.status == 200:
            return not uncertain
        if response.status != 404 or upload.trashed != "maybe":
            self._report_problem(f"PATCH of {upload.id}", response)
        return False

    def _move_with_results(self, upload: Upload, folder: str) -> bool | None:
        body = {"ids": [upload.id], "folder": folder}
        response, uncertain = self._api("POST", "/files/move", body)
        if response is None:
            return False if uncertain else None
        if response.status != 200:
            self._report_problem("POST /files/move", response)
            return False
        (result,) = response.json()["results"]
        if result.get("state") == "moved":
            return not uncertain
        if result["code"] != "unavailable" and upload.trashed != "maybe":
            self._report_problem(f"move of {upload.id}", response)
        return False

    def _move_folder(self) -> None:
        to = self._rng.choice([folder for folder in self._movable if folder != self._current])
        if self._folder_request("PATCH", "/folders", {"folder": self._current, "to": to}) != 404:
            self._current = to

    def _make_folder(self) -> None:
        self._folder_request("POST", "/folders", {"folder": self._choose_folder() or "empty"})

    def _delete_folder(self) -> None:
        folder = self._choose_folder() or "empty"
        self._folder_request("DELETE", f"/folders?folder={quote(folder)}")

    def _folder_request(self, method: str, path: str, body: Any = None) -> int | None:
        """The status; None without a response."""
        response, _ = self._api(method, path, body)
        if response is None:
            return None
        if response.status not in FOLDER_STATUSES:
            self._report_problem(f"{method} {path} {body}", response)
        self._expectations.count(f"{method} of a folder: {response.status}")
        return response.status
