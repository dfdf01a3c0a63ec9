"""Upload files from the local disk to S3 with presigned requests, like any other client.

Used by the command `upload`, which signs in its own process, without the HTTP API. A file is read
twice, once for its checksum and once to send it, and never held in memory. Only the calling thread
begins uploads and so uses Django's database; other threads only send.
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

from uploads.aws import clients
from uploads.aws.s3 import SignedRequest
from uploads.core import backoff
from uploads.core.conf import conf
from uploads.core.errors import FilehubError, UploadCompleted
from uploads.core.limits import MULTIPART_ABORT_AFTER
from uploads.files import queries, quotas
from uploads.transfers import batch, begin, parts
from uploads.transfers.tokens import UploadToken

logger = logging.getLogger(__name__)

#: Concurrent requests.
CONCURRENCY = 4
#: How often a request is sent before its file fails.
ATTEMPTS = 6
#: Seconds of the longest pause between two attempts. Pauses double, with jitter.
LONGEST_PAUSE = 20
#: Bytes that are read from disk at a time.
CHUNK_SIZE = 256 * 1024
#: Bytes per second of the slowest connection for which several files are signed ahead.
SLOWEST = 16 * 1024
#: Seconds between two requests for the state of uploads.
POLL_INTERVAL = 1.0

T = TypeVar("T")
#: Called by any thread with the number of bytes just sent; negative before they are sent again.
Progress = Callable[[int], None]


_SHRUNK = "The file shrank while it was being uploaded."


class UploadFailed(FilehubError):
    """A file could not be uploaded; the message says why."""

    code = "sending_failed"


def _unreadable(exc: OSError) -> UploadFailed:
    return UploadFailed(f"The file cannot be read: {exc.strerror}.")


@dataclass(frozen=True)
class Outcome:
    """The result for a file: the upload's id if its bytes are in S3, or else an error."""

    path: Path
    id: str = ""
    error: str = ""


@dataclass(frozen=True)
class LocalFile:
    """A file on the local disk, and the folder that it is uploaded to."""

    path: Path
    folder: str = ""


def files_in(paths: Iterable[Path]) -> Iterator[LocalFile]:
    """These files, and all regular files in these directories, sorted by name.

    Directories become folders: of `photos`, `photos/2024/a.jpg` is uploaded to `photos/2024`.
    Symbolic links in `paths` are followed, those inside directories are skipped. Raises
    UploadFailed for an unreadable directory.
    """

    def fail(exc: OSError) -> None:
        raise UploadFailed(f"The directory {exc.filename} cannot be read: {exc.strerror}.")

    for path in paths:
        # Path.is_dir raises where os.path.isdir returns False, for example on too long a name.
        if not os.path.isdir(path):  # noqa: PTH112
            yield LocalFile(path)
            continue
        # “.” and “..” have no name of their own.
        root = path.resolve()
        for folder, folders, names in os.walk(path, onerror=fail):
            folders.sort()
            for name in sorted(names):
                file = Path(folder, name)
                if _may_be_file(file):
                    inside = Path(root.name) / Path(folder).relative_to(path)
                    yield LocalFile(file, "/".join(inside.parts))


def send(
    files: Iterable[LocalFile],
    owner: str,
    *,
    concurrency: int = CONCURRENCY,
    progress: Progress = lambda _: None,
) -> Iterator[Outcome]:
    """Upload these files. Yields each outcome as soon as the file is in S3 or has failed.

    A file that fails does not stop the others, and leaves no parts in S3.
    """
    with ThreadPoolExecutor(concurrency, "uploader") as pool:
        sender = _Sender(pool, owner, concurrency, progress)
        try:
            # First the small files, several at a time; then several parts of each large file.
            for future in sender.run_limited(sender.small_uploads(files)):
                yield future.result()
            for file in sender.large:
                yield sender.send_in_parts(file)
        finally:
            sender.stopped.set()


def statuses(ids: list[str], owner: str, *, timeout: float) -> dict[str, queries.UploadStatus]:
    """Wait until no upload is pending, or `timeout` seconds, and return the states of all.

    Raises BackendUnavailable.
    """
    deadline = time.monotonic() + timeout
    result: dict[str, queries.UploadStatus] = {}
    pending = list(ids)
    while True:
        rest = iter(pending)
        while batch := list(islice(rest, queries.MAX_IDS)):
            result |= {status.id: status for status in queries.upload_statuses(batch, owner)}
        pending = [i for i in pending if i in result and result[i].state == "pending"]
        if not pending or time.monotonic() >= deadline:
            return result
        time.sleep(POLL_INTERVAL)


@dataclass(frozen=True)
class _SmallFile:
    """A file that fits in one request, or why it cannot be read. The size is in bytes."""

    path: Path
    size: int
    request: begin.FileRequest | UploadFailed


def _groups(files: Iterable[_SmallFile]) -> Iterator[list[_SmallFile]]:
    """Split files into groups that are signed at once, and sent before the signatures expire."""
    most_bytes = conf().url_expiry * SLOWEST
    most_files = min(batch.MAX_FILES, conf().url_expiry)
    group: list[_SmallFile] = []
    for file in files:
        if group and sum(f.size for f in group) + file.size > most_bytes:
            yield group
            group = []
        group.append(file)
        if len(group) == most_files:
            yield group
            group = []
    if group:
        yield group


class _Sender:
    """Uploads files of one owner. Setting `stopped` makes the threads give up."""

    def __init__(
        self, pool: ThreadPoolExecutor, owner: str, concurrency: int, progress: Progress
    ) -> None:
        self._pool, self._owner, self._progress = pool, owner, progress
        self._concurrency = concurrency
        self._quota = quotas.limit_of_owner(owner)
        self._http = urllib3.PoolManager(
            maxsize=concurrency,
            retries=False,
            timeout=urllib3.Timeout(connect=10, read=60),
            ca_certs=clients.ca_bundle(),
        )
        self.large: list[LocalFile] = []
        self.stopped = Event()

    def run_limited(self, tasks: Iterator[Callable[[], T]]) -> Iterator[Future[T]]:
        """Run tasks in threads. Takes a task from the iterator only when a thread is free."""
        running: set[Future[T]] = set()
        try:
            for task in tasks:
                running.add(self._pool.submit(task))
                if len(running) >= self._concurrency:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from done
            yield from as_completed(running)
        except BaseException:
            self.stopped.set()
            wait(running)
            raise

    def small_uploads(self, files: Iterable[LocalFile]) -> Iterator[Callable[[], Outcome]]:
        """Yield a task for each file that fits in one request; collect the others in `large`."""
        for group in _groups(self._small_files(files)):
            requests = [file.request for file in group]
            begun = batch.begin_uploads(self._owner, requests, quota=self._quota)
            for file, upload in zip(group, begun, strict=True):
                if isinstance(upload, begin.StartedUpload):
                    yield partial(self._send_small, file.path, file.size, upload)
                elif isinstance(upload, FilehubError):
                    yield partial(Outcome, file.path, error=upload.message)

    def _small_files(self, files: Iterable[LocalFile]) -> Iterator[_SmallFile]:
        for file in files:
            path = file.path
            try:
                size = _size_of(path)
                if size > conf().multipart_threshold:
                    self.large.append(file)
                    continue
                kind, sha256 = _type_of(path.name), _sha256(path, 0, size)
            except UploadFailed as exc:
                yield _SmallFile(path, 0, exc)
            else:
                request = begin.FileRequest(path.name, size, kind, sha256, folder=file.folder)
                yield _SmallFile(path, size, request)

    def _send_small(self, path: Path, size: int, upload: begin.StartedUpload) -> Outcome:
        try:
            self._put(path, 0, size, lambda: upload.request)
        except FilehubError as exc:
            return Outcome(path, error=exc.message)
        return Outcome(path, upload.id)

    def send_in_parts(self, file: LocalFile) -> Outcome:
        """Upload one file in parts."""
        path = file.path
        try:
            request = begin.FileRequest(
                path.name, _size_of(path), _type_of(path.name), folder=file.folder
            )
            upload = begin.begin_upload(self._owner, request, quota=self._quota)
            if not isinstance(upload, begin.StartedMultipart):
                raise UploadFailed(_SHRUNK)
        except FilehubError as exc:
            return Outcome(path, error=exc.message)
        token = upload.token
        try:
            self._send_parts(path, token)
            parts.complete(token, quota=self._quota)
        except FilehubError as exc:
            try:
                parts.abort(token)
            except UploadCompleted:  # by a request whose response was lost
                return Outcome(path, token.upload_id)
            except FilehubError:
                days = MULTIPART_ABORT_AFTER.days
                logger.warning("cannot abort %s; S3 removes it in %d days", token.upload_id, days)
            return Outcome(path, error=exc.message)
        except BaseException:
            with suppress(FilehubError):
                parts.abort(token)
            raise
        return Outcome(path, token.upload_id)

    def _send_parts(self, path: Path, token: UploadToken) -> None:
        """Send all parts. Raises the first error once no request is running."""
        errors: list[BaseException] = []
        tasks = (
            partial(self._send_part, path, token, number)
            for number in range(1, token.part_count + 1)
            if not errors
        )
        for future in self.run_limited(tasks):
            exc = future.exception()
            if exc is not None:
                errors.append(exc)
        if errors:
            raise errors[0]

    def _send_part(self, path: Path, token: UploadToken, number: int) -> None:
        start, size = token.slice_of(number)
        sha256 = _sha256(path, start, size)
        self._put(path, start, size, lambda: parts.sign_parts(token, [(number, sha256)])[0])

    def _put(self, path: Path, start: int, size: int, sign: Callable[[], SignedRequest]) -> None:
        """Send one request, and retry temporary errors. Raises UploadFailed."""
        problem = "The upload was interrupted"
        for failures in range(ATTEMPTS):
            pause = backoff.pause(failures, longest=LONGEST_PAUSE) if failures else 0
            if self.stopped.wait(pause):
                break
            signed = sign()
            with FileSlice(path, start, size, self._progress) as body:
                try:
                    response = self._http.request(
                        signed.method,
                        signed.url,
                        body=body,
                        headers={**signed.headers, "Content-Length": str(size)},
                    )
                except (urllib3.exceptions.HTTPError, OSError) as exc:
                    problem, is_final = f"S3 is unreachable ({exc})", False
                else:
                    # 412: the object exists, because the response to an earlier attempt was lost.
                    if response.status in {200, 412}:
                        return
                    match = re.search(rb"<Code>(\w+)</Code>", response.data)
                    code = match[1].decode() if match else ""
                    problem = f"S3 responded with {response.status} {code}".rstrip()
                    is_final = not _is_temporary(response.status, code)
                body.rewind()
            if is_final:
                break
        raise UploadFailed(f"{problem}.")


def _is_temporary(status: int, code: str) -> bool:
    """Whether a retry may succeed, by the same rules as static/uploads/client/errors.js.

    409: S3 received the same request twice at the same time, for example after a lost response.
    """
    return status >= 500 or status in {408, 409, 429} or code == "RequestTimeout"


class FileSlice(io.RawIOBase):
    """A slice of a file that reports how much of it was read."""

    def __init__(self, path: Path, start: int, size: int, progress: Progress) -> None:
        try:
            self._file = path.open("rb", buffering=0)
            self._file.seek(start)
        except OSError as exc:
            raise _unreadable(exc) from exc
        self._left, self._sent, self._progress = size, 0, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer
        try:
            chunk = self._file.read(min(len(buffer), self._left)) or b""
        except OSError as exc:
            raise _unreadable(exc) from exc
        if self._left and len(buffer) and not chunk:
            raise UploadFailed(_SHRUNK)
        buffer[: len(chunk)] = chunk
        self._left -= len(chunk)
        self._sent += len(chunk)
        self._progress(len(chunk))
        return len(chunk)

    def rewind(self) -> None:
        """Take back the reported progress, because the request failed."""
        self._progress(-self._sent)
        self._sent = 0

    def close(self) -> None:
        self._file.close()
        super().close()


def _may_be_file(path: Path) -> bool:
    """Whether this is a regular file, or its type is unknown; the error is then reported later."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return True


def _size_of(path: Path) -> int:
    try:
        status = path.stat()
    except OSError as exc:
        raise _unreadable(exc) from exc
    if not stat.S_ISREG(status.st_mode):
        raise UploadFailed("This is neither a file nor a directory.")
    return status.st_size


def _sha256(path: Path, start: int, size: int) -> str:
    """The SHA-256 digest of `size` bytes, in base64. Raises UploadFailed."""
    digest = hashlib.sha256()
    with FileSlice(path, start, size, lambda _: None) as part:
        while chunk := part.read(CHUNK_SIZE):
            digest.update(chunk)
    return b64encode(digest.digest()).decode()


def _type_of(name: str) -> str | None:
    """The media type by file extension, or that of the compression; None if unknown."""
    kind, compression = mimetypes.guess_type(name)
    return {None: kind, "gzip": "application/gzip", "bzip2": "application/x-bzip2"}.get(compression)
