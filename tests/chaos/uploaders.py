"""Clients of filehub that record what they did and what they were told."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

from tests.chaos.expectations import Expectations, Possible, Upload
from tests.chaos.folder_client import FolderClient
from tests.chaos.http_client import RETRYABLE, Unanswered, request, send_half
from tests.chaos.trash_client import Sent
from uploads.scanning.clamd import EICAR

KIB, MIB = 1024, 1024**2
#: Allowed by the web but not by the worker, as if the rules had just become stricter.
FORBIDDEN = "application/x-forbidden"
TYPES = ("text/plain", "image/png", "application/pdf", "application/octet-stream", "video/mp4",
         "text/html;charset=utf-8", "application/zip")  # fmt: skip
NAMES = (
    "report {n}.pdf", "../../etc/passwd {n}", "ünïcödé ✓ {n}.txt", "{n}", "quote\"'`;--{n}",
    "<script>alert({n})</script>", "a/b\\c/{n}.tar.gz", "%2e%2e%2f{n}", "\u202etxt.exe {n}",
    "ﬀ İ ß {n}", "+ & = ? # {n}", "{n}" + "x" * 230, "名前{n}.jpg", ".{n}", "CON {n}.", "🙂{n}",
)  # fmt: skip


def digest(*pieces: bytes) -> str:
    return base64.b64encode(hashlib.sha256(b"".join(pieces)).digest()).decode()


class Uploader(FolderClient):
    """Uploads one file after the other until the chaos run ends."""

    def __init__(
        self,
        number: int,
        rng: Random,
        site: str,
        owner: str,
        secret: str,
        expectations: Expectations,
        until: float,
        remove: Callable[[str], None],
        make_due: Callable[[str], bool],
        *,
        sends_malware: bool = False,
    ) -> None:
        self._sends_malware = sends_malware
        super().__init__(number, site, secret, rng, expectations, make_due)
        self.name = f"uploader {number}"
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._number = number
        self._owner, self._until = owner, until
        #: Deletes an object past filehub.
        self._remove = remove
        self._files = 0
        self.error: BaseException | None = None

    def _run(self) -> None:
        try:
            while time.monotonic() < self._until:
                self._step()
                time.sleep(self._rng.uniform(0, 0.25))
        except BaseException as error:
            self.error = error
            raise

    def _step(self) -> None:
        actions: list[tuple[int, Callable[[], None]]] = [
            (58, self._single),
            (6, self._sign_only),
            (7, self._half),
            (5, self._forbidden),
            (7, self._parts),
            (24, self._delete_one),
            (20, self._trash_one),
            (8, self._restore_one),
            (4, self._delete_from_trash),
            (6, self._let_fall_due),
            (12, self._rename_one),
            (16, self._move_one),
            (6, self._move_folder),
            (3, self._make_folder),
            (4, self._delete_folder),
        ]
        if self._sends_malware:
            actions.append((12, self._infected))
        weights = [weight for weight, _ in actions]
        self._rng.choices([action for _, action in actions], weights)[0]()

    # Files

    def _bytes(self, size: int) -> bytes:
        return self._rng.randbytes(min(size, 64 * KIB)).ljust(size, b"\xa5")

    def _content(self) -> bytes:
        size = self._rng.choice((0, 1, 17, 1000, 5 * KIB, 60 * KIB, 200 * KIB))
        return self._bytes(self._rng.randint(size // 2, size))

    def _name(self) -> str:
        self._files += 1
        number = f"{self._number}-{self._files}"
        return self._rng.choice(NAMES).format(n=number)

    def _begin(
        self, body: bytes, content_type: str | None = None, **more: Any
    ) -> tuple[Upload, Any] | None:
        name, folder = self._name(), self._choose_folder()
        content_type = content_type or self._rng.choice(TYPES)
        fields: dict[str, Any] = {
            "file_name": name, "folder": folder, "content_type": content_type, **more,
        }  # fmt: skip
        in_parts = len(body) > 5 * MIB
        path = "/uploads"
        checksum = ""
        if not in_parts:
            if self._rng.random() < 0.6:
                fields["sha256"] = checksum = digest(body)
            if self._rng.random() < 0.2:
                path = "/get-url"
        if path == "/uploads" or self._rng.random() < 0.5:
            fields["size"] = len(body)
        response, uncertain = self._api("POST", path, fields)
        if in_parts and uncertain:
            self._expectations.count_unanswered()
        if response is None:
            return None
        if response.status not in {200, 201}:
            self._report_problem(f"POST {path}", response)
            return None
        signed = response.json()
        upload = Upload(
            signed["id"], self._owner, Possible({name}), Possible(self._possible(folder)),
            content_type, len(body), digest(body), checksum, token=signed.get("token", ""),
        )  # fmt: skip
        signed["sized"] = "size" in fields
        return self._expectations.add(upload), signed

    def _single(self) -> None:
        self._send_whole(self._content())

    def _forbidden(self) -> None:
        self._send_whole(self._content(), FORBIDDEN)

    def _infected(self) -> None:
        """Send the test file that the scanner finds, among all the others."""
        if begun := self._begin(EICAR, "text/plain"):
            upload, signed = begun
            upload.is_infected = True
            upload.sent = self._put(signed, EICAR, attempts=12)
            self._expectations.count("infected")
            if self._rng.random() < 0.25:
                self._hint(upload)

    def _send_whole(self, body: bytes, content_type: str | None = None) -> None:
        for _ in range(3):
            begun = self._begin(body, content_type)
            if begun is None:
                self._expectations.count("gave up")
                return
            upload, signed = begun
            upload.is_forbidden = content_type == FORBIDDEN
            # Some clients request a fresh signature after the first failure: a new upload.
            upload.sent = self._put(signed, body, attempts=self._rng.choice((1, 12, 12, 12)))
            if upload.sent == "yes":
                break
            self._expectations.count("sent again with a fresh signature")
        else:
            return
        self._expectations.count("forbidden" if upload.is_forbidden else "sent whole")
        if self._rng.random() < 0.25:
            self._hint(upload)
        if upload.is_forbidden:
            return
        if self._rng.random() < 0.2:
            self._overwrite(upload, signed, body)
        roll = self._rng.random()
        if roll < 0.08:
            self._delete(upload, signed, body, seen=False)
        elif roll < 0.16:
            self._remove(upload.id)
            upload.deleted = "yes"
            self._expectations.count("deleted past filehub")
        elif roll < 0.8:
            self._mine.append((upload, signed, body))

    def _hint(self, upload: Upload) -> None:
        response, _ = self._api("POST", f"/uploads/{upload.id}/complete", {})
        if response is not None and response.status != 202:
            self._report_problem(f"hint about {upload.id}", response)
        self._expectations.count("hints")

    def _overwrite(self, upload: Upload, signed: Any, body: bytes) -> None:
        """Repeat the request with other bytes: the stored object must stay."""
        other = self._bytes(len(body)) if signed["sized"] else self._bytes(len(body) + 1)
        if other == body:
            return
        try:
            response = request("PUT", signed["url"], signed["headers"], other)
        except Unanswered:
            return
        if response.status not in {400, 403, 412, *RETRYABLE}:
            self._report_problem(f"overwriting {upload.id} was not refused", response)
        self._expectations.count("overwriting refused")

    def _sign_only(self) -> None:
        if self._begin(self._content()):
            self._expectations.count("only signed")

    def _half(self) -> None:
        body = self._bytes(self._rng.randint(2, 100 * KIB))
        if begun := self._begin(body):
            send_half(begun[1]["url"], begun[1]["headers"], body)
            self._expectations.count("half sent")

    # Parts

    def _parts(self) -> None:
        body = self._bytes(self._rng.randint(5 * MIB + 1, 11 * MIB))
        has_checksums = self._rng.random() < 0.7
        begun = self._begin(body, checksum="sha256" if has_checksums else "none")
        if begun is None:
            return
        upload, plan = begun
        size = plan["multipart"]["part_size"]
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        ending = self._rng.choice(("complete",) * 6 + ("leave", "leave", "abort", "abort"))
        parts = [
            {"part_number": n, **({"sha256": digest(piece)} if has_checksums else {})}
            for n, piece in enumerate(pieces, 1)
        ]
        if ending != "complete":
            parts = parts[: self._rng.randint(0, len(parts) - 1)]
        if parts and not self._send_parts(upload, parts, pieces):
            return
        if ending == "leave":
            self._expectations.count("left unfinished")
        elif ending == "abort":
            self._abort(upload)
        else:
            if has_checksums:
                whole = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
                upload.checksum = f"{digest(whole)}-{len(pieces)}"
            self._complete(upload)
            if upload.sent == "yes":
                self._expectations.count("sent in parts")
                if self._rng.random() < 0.4:
                    self._complete(upload)
                    self._expectations.count("completed twice")
                if self._rng.random() < 0.6:
                    self._mine.append((upload, None, b""))

    def _send_parts(self, upload: Upload, parts: list[Any], pieces: list[bytes]) -> bool:
        path = f"/uploads/{upload.id}/parts"
        response, _ = self._api("POST", path, {"token": upload.token, "parts": parts})
        if response is None:
            return False
        if response.status != 200:
            self._report_problem(f"POST {path}", response)
            return False
        for signed in response.json()["parts"]:
            if self._put(signed, pieces[signed["part_number"] - 1], attempts=20) != "yes":
                return False
        return True

    def _complete(self, upload: Upload) -> None:
        path = f"/uploads/{upload.id}/complete"
        response, uncertain = self._api("POST", path, {"token": upload.token})
        if response is None:
            upload.sent = "yes" if upload.sent == "yes" else "maybe" if uncertain else "no"
        elif response.status == 202:
            upload.sent = "yes"
        else:
            self._report_problem(f"POST {path}", response)
            upload.sent = "maybe"

    def _abort(self, upload: Upload) -> None:
        response, uncertain = self._api("DELETE", f"/uploads/{upload.id}", {"token": upload.token})
        if response is None:
            upload.aborted = "maybe" if uncertain else "no"
        elif response.status == 204:
            upload.aborted = "yes"
            self._expectations.count("aborted")
        else:
            self._report_problem(f"abort of {upload.id}", response)
            upload.aborted = "maybe"

    # Changing

    def _rename_one(self) -> None:
        self._change_one(lambda file: self._rename(file, self._name()))

    def _move_one(self) -> None:
        self._change_one(self._move)

    def _change_one(self, change: Callable[[Sent], None]) -> None:
        """Change a file that is listed, and keep it."""
        if not self._mine:
            self._single()
            return
        file = self._mine.pop(0)
        if self._is_listed(file[0]):
            change(file)
        self._mine.append(file)

    # Deleting

    def _delete_one(self) -> None:
        if not self._mine:
            self._single()
            return
        upload, signed, body = self._mine.pop(0)
        self._delete(upload, signed, body, seen=self._rng.random() < 0.85)

    def _trash_one(self) -> None:
        if not self._mine:
            self._single()
            return
        file = self._mine.pop(0)
        if self._is_listed(file[0]):
            self._trash(file)
        else:
            self._mine.append(file)

    def _delete(self, upload: Upload, signed: Any, body: bytes, *, seen: bool) -> None:
        """Delete a file. With `seen`, wait until it is listed; otherwise it may be too early."""
        if seen and not self._is_listed(upload):
            self._mine.append((upload, signed, body))
            return
        response, uncertain = self._api("DELETE", f"/files/{upload.id}")
        if response is not None and response.status == 200:
            upload.deleted = "yes"
            self._expectations.count("deleted")
            # Not while a repeated request may still be in flight: it would delete the new object.
            if signed is not None and not uncertain and self._rng.random() < 0.15:
                self._send_once_more(upload, signed, body)
            return
        if response is not None and response.status != 404:
            self._report_problem(f"DELETE of {upload.id}", response)
        if response is not None and response.status == 404 and seen and not uncertain:
            self._report_problem(f"{upload.id} was listed, but is not found", response)
        if uncertain:
            upload.deleted = "maybe"
        self._expectations.count("deletion too early" if not uncertain else "deletion unanswered")

    def _is_listed(self, upload: Upload) -> bool:
        deadline = time.monotonic() + 2
        while time.monotonic() < min(deadline, self._until):
            response, _ = self._api("GET", f"/uploads/{upload.id}", attempts=5)
            if response is not None:
                if response.status != 200:
                    self._report_problem(f"GET /uploads/{upload.id}", response)
                    return False
                state = response.json()["state"]
                if state == "stored":
                    return True
                if state not in {"pending", "scanning"}:
                    self._expectations.report_problem(
                        f"{upload.id} is {state}, but was never deleted"
                    )
                    return False
            time.sleep(0.3)
        return False

    def _send_once_more(self, upload: Upload, signed: Any, body: bytes) -> None:
        """The request works once more after the deletion (docs/contract.md)."""
        sent = self._put(signed, body, attempts=12)
        if sent != "no":
            upload.deleted = "no"
            upload.sent = sent
        self._expectations.count("sent once more after deletion")
