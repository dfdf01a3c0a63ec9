"""Clients of filehub that know what they did, and what they were told about it."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.ledger import Entry, Known, Ledger

KIB, MIB = 1024, 1024**2
#: The worker's rules exclude it, the web's do not: as if the rules had just become stricter.
FORBIDDEN = "application/x-forbidden"
TYPES = ("text/plain", "image/png", "application/pdf", "application/octet-stream", "video/mp4",
         "text/html;charset=utf-8", "application/zip")  # fmt: skip
NAMES = (
    "report {n}.pdf", "../../etc/passwd {n}", "ünïcödé ✓ {n}.txt", "{n}", "quote\"'`;--{n}",
    "<script>alert({n})</script>", "a/b\\c/{n}.tar.gz", "%2e%2e%2f{n}", "\u202etxt.exe {n}",
    "ﬀ İ ß {n}", "+ & = ? # {n}", "{n}" + "x" * 230, "名前{n}.jpg", ".{n}", "CON {n}.", "🙂{n}",
)  # fmt: skip

#: What a client does with these: it waits and tries again.
AGAIN = {429, 503}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    link: str = ""

    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


class Unanswered(Exception):
    """Nobody said what became of the request. `sent`: it may have arrived."""

    def __init__(self, cause: BaseException, *, sent: bool) -> None:
        super().__init__(repr(cause))
        self.sent = sent


def request(
    method: str, url: str, headers: dict[str, str], body: bytes = b"", *, timeout: float = 60
) -> Answer:
    """One HTTP request on a connection of its own."""
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    sent = False
    try:
        connection.connect()
        sent = True
        connection.request(
            method, target, body if body or method in {"PUT", "POST"} else None, headers
        )
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(), answer.headers.get("Link", ""))
    except (OSError, http.client.HTTPException) as exc:
        raise Unanswered(exc, sent=sent) from exc
    finally:
        connection.close()


def cut(url: str, headers: dict[str, str], body: bytes) -> None:
    """Send half of a PUT and hang up."""
    parts = urlsplit(url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as sock:
            sock.sendall("\r\n".join(lines).encode() + body[: len(body) // 2])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass  # The storm was faster; it comes to the same.


def digest(*pieces: bytes) -> str:
    return base64.b64encode(hashlib.sha256(b"".join(pieces)).digest()).decode()


class Uploader:
    """Uploads one file after the other until the end of the storm."""

    def __init__(
        self,
        number: int,
        chance: Random,
        site: str,
        owner: str,
        secret: str,
        ledger: Ledger,
        until: float,
        remove: Callable[[str], None],
    ) -> None:
        self.name = f"uploader {number}"
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._number, self._chance, self._site = number, chance, site
        self._owner, self._ledger, self._until = owner, ledger, until
        #: Deletes an object past filehub.
        self._remove = remove
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._files = 0
        #: Files of this uploader's own that are there and can be deleted.
        self._mine: list[tuple[Entry, Any, bytes]] = []
        self.error: BaseException | None = None

    def _run(self) -> None:
        try:
            while time.monotonic() < self._until:
                self._step()
                time.sleep(self._chance.uniform(0, 0.25))
        except BaseException as error:
            self.error = error
            raise

    def _step(self) -> None:
        todo: list[tuple[int, Callable[[], None]]] = [
            (58, self._single),
            (6, self._sign_only),
            (7, self._half),
            (5, self._forbidden),
            (7, self._parts),
            (24, self._delete_one),
        ]
        weights = [weight for weight, _ in todo]
        self._chance.choices([what for _, what in todo], weights)[0]()

    # Talking

    def _api(
        self, method: str, path: str, body: Any = None, *, tries: int = 40
    ) -> tuple[Answer | None, bool]:
        """The first answer that is one, and whether an earlier try may have had an effect.

        None: given up.
        """
        uncertain = False
        data = b"" if body is None else json.dumps(body).encode()
        for attempt in range(tries):
            try:
                answer = request(method, self._site + path, self._headers, data)
            except Unanswered as exc:
                uncertain = uncertain or exc.sent
            else:
                if answer.status >= 500 and answer.status not in AGAIN:
                    self._ledger.complain(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
                if answer.status not in AGAIN:
                    return answer, uncertain
                # It may have gone wrong half way.
                uncertain = True
            time.sleep(min(1.5, 0.1 * 2**attempt) * self._chance.uniform(0.5, 1))
        return None, uncertain

    def _complain(self, what: str, answer: Answer) -> None:
        self._ledger.complain(f"{what}: {answer.status} {answer.body[:300]!r}")

    def _put(self, signed: Any, body: bytes, *, tries: int) -> Known:
        """Send the signed request until S3 has the bytes, as the page's client does."""
        uncertain = False
        for attempt in range(tries):
            try:
                answer = request("PUT", signed["url"], signed["headers"], body)
            except Unanswered as exc:
                uncertain = uncertain or exc.sent
            else:
                if answer.status == 200:
                    return "yes"
                if answer.status == 412 and uncertain:
                    return "yes"
                if answer.status not in AGAIN:
                    self._complain(f"PUT of {signed.get('id', 'a part')}", answer)
                    return "maybe"
            time.sleep(min(1.0, 0.1 * 2**attempt) * self._chance.uniform(0.5, 1))
        return "maybe" if uncertain else "no"

    # Files

    def _bytes(self, size: int) -> bytes:
        return self._chance.randbytes(min(size, 64 * KIB)).ljust(size, b"\xa5")

    def _content(self) -> bytes:
        size = self._chance.choice((0, 1, 17, 1000, 5 * KIB, 60 * KIB, 200 * KIB))
        return self._bytes(self._chance.randint(size // 2, size))

    def _name(self) -> str:
        self._files += 1
        number = f"{self._number}-{self._files}"
        return self._chance.choice(NAMES).format(n=number)

    def _begin(
        self, body: bytes, content_type: str | None = None, **more: Any
    ) -> tuple[Entry, Any] | None:
        name = self._name()
        content_type = content_type or self._chance.choice(TYPES)
        fields: dict[str, Any] = {"file_name": name, "content_type": content_type, **more}
        in_parts = len(body) > 5 * MIB
        path = "/uploads"
        checksum = ""
        if not in_parts:
            if self._chance.random() < 0.6:
                fields["sha256"] = checksum = digest(body)
            if self._chance.random() < 0.2:
                path = "/get-url"
        if path == "/uploads" or self._chance.random() < 0.5:
            fields["size"] = len(body)
        answer, uncertain = self._api("POST", path, fields)
        if in_parts and uncertain:
            self._ledger.begin_unanswered()
        if answer is None:
            return None
        if answer.status not in {200, 201}:
            self._complain(f"POST {path}", answer)
            return None
        signed = answer.json()
        entry = Entry(
            signed["id"], self._owner, name, content_type, len(body), digest(body), checksum,
            token=signed.get("token", ""),
        )  # fmt: skip
        signed["sized"] = "size" in fields
        return self._ledger.add(entry), signed

    def _single(self) -> None:
        self._send_whole(self._content())

    def _forbidden(self) -> None:
        self._send_whole(self._content(), FORBIDDEN)

    def _send_whole(self, body: bytes, content_type: str | None = None) -> None:
        for _ in range(3):
            begun = self._begin(body, content_type)
            if begun is None:
                self._ledger.count("given up")
                return
            entry, signed = begun
            entry.is_forbidden = content_type == FORBIDDEN
            # Now and then somebody asks for a fresh signature at once: a new upload.
            entry.sent = self._put(signed, body, tries=self._chance.choice((1, 12, 12, 12)))
            if entry.sent == "yes":
                break
            self._ledger.count("sent again with a fresh signature")
        else:
            return
        self._ledger.count("forbidden" if entry.is_forbidden else "sent whole")
        if self._chance.random() < 0.25:
            self._hint(entry)
        if entry.is_forbidden:
            return
        if self._chance.random() < 0.2:
            self._overwrite(entry, signed, body)
        luck = self._chance.random()
        if luck < 0.08:
            self._delete(entry, signed, body, seen=False)
        elif luck < 0.16:
            self._remove(entry.id)
            entry.deleted = "yes"
            self._ledger.count("deleted past filehub")
        elif luck < 0.8:
            self._mine.append((entry, signed, body))

    def _hint(self, entry: Entry) -> None:
        answer, _ = self._api("POST", f"/uploads/{entry.id}/complete", {})
        if answer is not None and answer.status != 202:
            self._complain(f"hint about {entry.id}", answer)
        self._ledger.count("hints")

    def _overwrite(self, entry: Entry, signed: Any, body: bytes) -> None:
        """The same request once more, with other bytes: what is there must stay."""
        other = self._bytes(len(body)) if signed["sized"] else self._bytes(len(body) + 1)
        if other == body:
            return
        try:
            answer = request("PUT", signed["url"], signed["headers"], other)
        except Unanswered:
            return
        if answer.status not in {400, 403, 412, *AGAIN}:
            self._complain(f"overwriting {entry.id} was not refused", answer)
        self._ledger.count("overwriting refused")

    def _sign_only(self) -> None:
        if self._begin(self._content()):
            self._ledger.count("only signed")

    def _half(self) -> None:
        body = self._bytes(self._chance.randint(2, 100 * KIB))
        if begun := self._begin(body):
            cut(begun[1]["url"], begun[1]["headers"], body)
            self._ledger.count("half sent")

    # Parts

    def _parts(self) -> None:
        body = self._bytes(self._chance.randint(5 * MIB + 1, 11 * MIB))
        has_checksums = self._chance.random() < 0.7
        begun = self._begin(body, checksum="sha256" if has_checksums else "none")
        if begun is None:
            return
        entry, plan = begun
        size = plan["multipart"]["part_size"]
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        ending = self._chance.choice(("complete",) * 6 + ("leave", "leave", "abort", "abort"))
        wanted = [
            {"part_number": n, **({"sha256": digest(piece)} if has_checksums else {})}
            for n, piece in enumerate(pieces, 1)
        ]
        if ending != "complete":
            wanted = wanted[: self._chance.randint(0, len(wanted) - 1)]
        if wanted and not self._send_parts(entry, wanted, pieces):
            return
        if ending == "leave":
            self._ledger.count("left unfinished")
        elif ending == "abort":
            self._abort(entry)
        else:
            if has_checksums:
                whole = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
                entry.checksum = f"{digest(whole)}-{len(pieces)}"
            self._complete(entry)
            if entry.sent == "yes":
                self._ledger.count("sent in parts")
                if self._chance.random() < 0.4:
                    self._complete(entry)
                    self._ledger.count("completed twice")
                if self._chance.random() < 0.6:
                    self._mine.append((entry, None, b""))

    def _send_parts(self, entry: Entry, wanted: list[Any], pieces: list[bytes]) -> bool:
        path = f"/uploads/{entry.id}/parts"
        answer, _ = self._api("POST", path, {"token": entry.token, "parts": wanted})
        if answer is None:
            return False
        if answer.status != 200:
            self._complain(f"POST {path}", answer)
            return False
        for signed in answer.json()["parts"]:
            if self._put(signed, pieces[signed["part_number"] - 1], tries=20) != "yes":
                return False
        return True

    def _complete(self, entry: Entry) -> None:
        path = f"/uploads/{entry.id}/complete"
        answer, uncertain = self._api("POST", path, {"token": entry.token})
        if answer is None:
            entry.sent = "yes" if entry.sent == "yes" else "maybe" if uncertain else "no"
        elif answer.status == 202:
            entry.sent = "yes"
        else:
            self._complain(f"POST {path}", answer)
            entry.sent = "maybe"

    def _abort(self, entry: Entry) -> None:
        answer, uncertain = self._api("DELETE", f"/uploads/{entry.id}", {"token": entry.token})
        if answer is None:
            entry.aborted = "maybe" if uncertain else "no"
        elif answer.status == 204:
            entry.aborted = "yes"
            self._ledger.count("aborted")
        else:
            self._complain(f"abort of {entry.id}", answer)
            entry.aborted = "maybe"

    # Deleting

    def _delete_one(self) -> None:
        if not self._mine:
            self._single()
            return
        entry, signed, body = self._mine.pop(0)
        self._delete(entry, signed, body, seen=self._chance.random() < 0.85)

    def _delete(self, entry: Entry, signed: Any, body: bytes, *, seen: bool) -> None:
        """Delete a file; `seen` waits until it is listed, otherwise it may be too early."""
        if seen and not self._is_listed(entry):
            self._mine.append((entry, signed, body))
            return
        answer, uncertain = self._api("DELETE", f"/files/{entry.id}")
        if answer is not None and answer.status == 200:
            entry.deleted = "yes"
            self._ledger.count("deleted")
            # Not after a request that may still be on its way: it would delete the new object.
            if signed is not None and not uncertain and self._chance.random() < 0.15:
                self._send_once_more(entry, signed, body)
            return
        if answer is not None and answer.status != 404:
            self._complain(f"DELETE of {entry.id}", answer)
        if answer is not None and answer.status == 404 and seen and not uncertain:
            self._complain(f"{entry.id} was listed and is not found", answer)
        if uncertain:
            entry.deleted = "maybe"
        self._ledger.count("deletion too early" if not uncertain else "deletion unanswered")

    def _is_listed(self, entry: Entry) -> bool:
        deadline = time.monotonic() + 2
        while time.monotonic() < min(deadline, self._until):
            answer, _ = self._api("GET", f"/uploads/{entry.id}", tries=5)
            if answer is not None:
                if answer.status != 200:
                    self._complain(f"GET /uploads/{entry.id}", answer)
                    return False
                state = answer.json()["state"]
                if state == "stored":
                    return True
                if state != "pending":
                    self._ledger.complain(f"{entry.id} is {state}, and nobody deleted it")
                    return False
            time.sleep(0.3)
        return False

    def _send_once_more(self, entry: Entry, signed: Any, body: bytes) -> None:
        """The request works once more after the deletion (docs/contract.md)."""
        sent = self._put(signed, body, tries=12)
        if sent != "no":
            entry.deleted = "no"
            entry.sent = sent
        self._ledger.count("sent once more after deletion")
