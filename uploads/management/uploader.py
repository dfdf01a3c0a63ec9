"""Sends files from this machine's disk to S3, as any other client does: with presigned requests.

For the command `upload`. A file is read twice, once for its checksum and once to be sent, and never
held in memory. Uploads are begun by the calling thread, so that Django's database is asked by it
alone; threads only send.
"""

from __future__ import annotations

import hashlib
import io
import logging
import mimetypes
import os
import re
import stat
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TypeVar

import urllib3

from uploads.aws.s3 import SignedRequest
from uploads.core import backoff
from uploads.core.conf import conf
from uploads.core.errors import FilehubError, UploadCompleted
from uploads.files import queries, quotas
from uploads.transfers import begin, parts
from uploads.transfers.tokens import UploadToken

logger = logging.getLogger(__name__)

#: Requests at the same time.
AT_ONCE = 4
#: Times that a request is sent before its file is given up.
ATTEMPTS = 6
#: Seconds of the longest pause between two of them. Pauses double, with jitter.
LONGEST_PAUSE = 20
#: Bytes that are read from the disk at a time.
PIECE = 256 * 1024
#: Seconds between two questions whether files are stored.
ASK_EVERY = 1.0

T = TypeVar("T")
#: Told how many bytes more (or, before they are sent again, fewer) have been sent; by any thread.
Progress = Callable[[int], None]


class SendingFailed(FilehubError):
    """A file could not be sent; the message says why."""

    code = "sending_failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a file: the id of its upload once its bytes are in S3, or why they are not."""

    path: Path
    id: str = ""
    error: str = ""


def files_in(paths: Iterable[Path]) -> Iterator[Path]:
    """These files, and all regular files in these directories, in the order of their names.

    Symbolic links are followed where they are named, and left out in directories. Raises
    SendingFailed for a directory that cannot be read.
    """

    def fail(exc: OSError) -> None:
        raise SendingFailed(f"The directory {exc.filename} cannot be read: {exc.strerror}.")

    for path in paths:
        # Path.is_dir raises for what os.path.isdir says no to, such as a name that is too long.
        if not os.path.isdir(path):  # noqa: PTH112
            yield path
            continue
        for folder, folders, names in os.walk(path, onerror=fail):
            folders.sort()
            for name in sorted(names):
                found = Path(folder, name)
                if _may_be_file(found):
                    yield found


def send(
    paths: Iterable[Path],
    owner: str,
    *,
    at_once: int = AT_ONCE,
    progress: Progress = lambda _: None,
) -> Iterator[Outcome]:
    """Send these files; each is told of as soon as it is in S3 or has failed.

    A fault of one file does not stop the others. Of a file in parts that failed, S3 keeps nothing.
    """
    with ThreadPoolExecutor(at_once, "uploader") as pool:
        sender = _Sender(pool, owner, at_once, progress)
        try:
            # Small ones first, several at a time; then each large one, several of its parts.
            for done in sender.bounded(sender.small(paths)):
                yield done.result()
            for path in sender.large:
                yield sender.in_parts(path)
        finally:
            sender.stopped.set()


def statuses(ids: list[str], owner: str, *, timeout: float) -> dict[str, queries.UploadStatus]:
    """Where uploads stand, once none of them is pending or `timeout` seconds have passed.

    Raises BackendUnavailable.
    """
    deadline = time.monotonic() + timeout
    found: dict[str, queries.UploadStatus] = {}
    pending = list(ids)
    while True:
        rest = iter(pending)
        while some := list(islice(rest, queries.MAX_IDS)):
            found |= {each.id: each for each in queries.upload_statuses(some, owner)}
        pending = [each for each in pending if each in found and found[each].state == "pending"]
        if not pending or time.monotonic() >= deadline:
            return found
        time.sleep(ASK_EVERY)


class _Sender:
    """Files on their way. `stopped`: nobody waits for them any more."""

    def __init__(
        self, pool: ThreadPoolExecutor, owner: str, at_once: int, progress: Progress
    ) -> None:
        self._pool, self._owner, self._at_once, self._progress = pool, owner, at_once, progress
        self._quota = quotas.limit_of_owner(owner)
        self._http = urllib3.PoolManager(
            maxsize=at_once, retries=False, timeout=urllib3.Timeout(connect=10, read=60)
        )
        self.large: list[Path] = []
        self.stopped = Event()

    def bounded(self, tasks: Iterator[Callable[[], T]]) -> Iterator[Future[T]]:
        """Run tasks in threads, each taken from the iterator only when there is room for it."""
        running: set[Future[T]] = set()
        try:
            for task in tasks:
                running.add(self._pool.submit(task))
                if len(running) >= self._at_once:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from done
            yield from as_completed(running)
        except BaseException:
            self.stopped.set()
            wait(running)
            raise

    def small(self, paths: Iterable[Path]) -> Iterator[Callable[[], Outcome]]:
        """A task for each file that goes in one request; what does not is put aside as `large`."""
        for path in paths:
            try:
                size = _size_of(path)
                if size > conf().multipart_threshold:
                    self.large.append(path)
                    continue
                begun = begin.begin_put(
                    self._owner,
                    file_name=path.name,
                    size=size,
                    content_type=_type_of(path.name),
                    sha256=_sha256(path, 0, size),
                    quota=self._quota,
                )
            except FilehubError as exc:
                yield partial(Outcome, path, error=exc.message)
            else:
                yield partial(self._small, path, size, begun)

    def _small(self, path: Path, size: int, begun: begin.StartedUpload) -> Outcome:
        try:
            self._put(path, 0, size, lambda: begun.request)
        except FilehubError as exc:
            return Outcome(path, error=exc.message)
        return Outcome(path, begun.id)

    def in_parts(self, path: Path) -> Outcome:
        """Send one file in parts."""
        try:
            begun = begin.begin_upload(
                self._owner,
                file_name=path.name,
                size=_size_of(path),
                content_type=_type_of(path.name),
                quota=self._quota,
            )
            if not isinstance(begun, begin.StartedMultipart):
                raise SendingFailed("It became smaller while it was sent.")
        except FilehubError as exc:
            return Outcome(path, error=exc.message)
        token = begun.token
        try:
            self._parts(path, token)
            parts.complete(token, quota=self._quota)
        except FilehubError as exc:
            try:
                parts.abort(token)
            except UploadCompleted:  # by a request whose answer got lost
                return Outcome(path, token.upload_id)
            except FilehubError:
                logger.warning("%s could not be ended; S3 ends it in 8 days", token.upload_id)
            return Outcome(path, error=exc.message)
        except BaseException:
            with suppress(FilehubError):
                parts.abort(token)
            raise
        return Outcome(path, token.upload_id)

    def _parts(self, path: Path, token: UploadToken) -> None:
        """Send all parts. Raises what one of them failed with, once none is on its way any more."""
        failed: list[BaseException] = []
        tasks = (
            partial(self._part, path, token, number)
            for number in range(1, token.part_count + 1)
            if not failed
        )
        for done in self.bounded(tasks):
            exc = done.exception()
            if exc is not None:
                failed.append(exc)
        if failed:
            raise failed[0]

    def _part(self, path: Path, token: UploadToken, number: int) -> None:
        start, size = token.slice_of(number)
        sha256 = _sha256(path, start, size)
        self._put(path, start, size, lambda: parts.sign_parts(token, [(number, sha256)])[0])

    def _put(self, path: Path, start: int, size: int, sign: Callable[[], SignedRequest]) -> None:
        """Send one request, again if what went wrong may pass. Raises SendingFailed."""
        problem = "It was interrupted"
        for failures in range(ATTEMPTS):
            pause = backoff.pause(failures, longest=LONGEST_PAUSE) if failures else 0
            if self.stopped.wait(pause):
                break
            signed = sign()
            with FileSlice(path, start, size, self._progress) as body:
                try:
                    answer = self._http.request(
                        signed.method,
                        signed.url,
                        body=body,
                        headers={**signed.headers, "Content-Length": str(size)},
                    )
                except (urllib3.exceptions.HTTPError, OSError) as exc:
                    problem, is_final = f"S3 cannot be reached ({exc})", False
                else:
                    # 412: it is there; an earlier try arrived, and its answer got lost.
                    if answer.status in {200, 412}:
                        return
                    found = re.search(rb"<Code>(\w+)</Code>", answer.data)
                    code = found[1].decode() if found else ""
                    problem = f"S3 answered {answer.status} {code}".rstrip()
                    is_final = not _may_pass(answer.status, code)
                body.rewind()
            if is_final:
                break
        raise SendingFailed(f"{problem}.")


def _may_pass(status: int, code: str) -> bool:
    """Whether S3 may answer otherwise the next time, as static/uploads/client/errors.js has it.

    409: two of the same request met in S3, such as when an answer got lost.
    """
    return status >= 500 or status in {408, 409, 429} or code == "RequestTimeout"


class FileSlice(io.RawIOBase):
    """A part of a file, which tells how far it was read."""

    def __init__(self, path: Path, start: int, size: int, progress: Progress) -> None:
        try:
            self._file = path.open("rb", buffering=0)
            self._file.seek(start)
        except OSError as exc:
            raise SendingFailed(f"It cannot be read: {exc.strerror}.") from exc
        self._left, self._sent, self._progress = size, 0, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer
        try:
            piece = self._file.read(min(len(buffer), self._left)) or b""
        except OSError as exc:
            raise SendingFailed(f"It cannot be read: {exc.strerror}.") from exc
        if self._left and len(buffer) and not piece:
            raise SendingFailed("It became smaller while it was sent.")
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        self._sent += len(piece)
        self._progress(len(piece))
        return len(piece)

    def rewind(self) -> None:
        """It was not sent after all."""
        self._progress(-self._sent)
        self._sent = 0

    def close(self) -> None:
        self._file.close()
        super().close()


def _may_be_file(path: Path) -> bool:
    """Whether this is a regular file, or cannot be looked at: that is told when it is its turn."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return True


def _size_of(path: Path) -> int:
    try:
        found = path.stat()
    except OSError as exc:
        raise SendingFailed(f"It cannot be read: {exc.strerror}.") from exc
    if not stat.S_ISREG(found.st_mode):
        raise SendingFailed("It is neither a file nor a directory.")
    return found.st_size


def _sha256(path: Path, start: int, size: int) -> str:
    """The base64 of the digest of so many bytes. Raises SendingFailed."""
    digest = hashlib.sha256()
    with FileSlice(path, start, size, lambda _: None) as part:
        while piece := part.read(PIECE):
            digest.update(piece)
    return b64encode(digest.digest()).decode()


def _type_of(name: str) -> str | None:
    """What its ending says; None if it says nothing. What is packed is named by its packing."""
    kind, packing = mimetypes.guess_type(name)
    return {None: kind, "gzip": "application/gzip", "bzip2": "application/x-bzip2"}.get(packing)
