"""Download a file: resume what was interrupted, verify the checksum, and never overwrite silently.

The bytes go to `<id>.part` in the target's directory. Only a verified file gets its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from filehub_client import checksums
from filehub_client.api import Api
from filehub_client.errors import (
    ChecksumMismatch,
    FileExists,
    FilehubError,
    LocalFileError,
    NotFound,
    StorageError,
)
from filehub_client.flow import Flow, Request, Response, pause, send, work
from filehub_client.local_files import Progress, is_directory
from filehub_client.models import File
from filehub_client.names import local_folder, local_name
from filehub_client.retry import Retries


@dataclass(frozen=True)
class Options:
    """`target`: a directory, in which the file gets a safe form of its own name, or a path.

    `keep_folder`: `target` is a directory, and the file goes to its folder in it, which is created.
    `progress` is called with the number of bytes that are there, also by an earlier run; with a
    negative one if they have to be received again.
    """

    target: Path
    overwrite: bool = False
    keep_folder: bool = False
    retries: Retries = field(default_factory=Retries)
    progress: Progress = lambda _: None
    on_start: Callable[[File], None] = lambda _file: None


def download(api: Api, file_id: str, options: Options) -> Flow[Path]:
    """Download a file and return its path. Raises FileExists, ChecksumMismatch, NotFound, …"""
    file = yield from api.file(file_id)
    target = yield from work(partial(_target, file, options))
    part = _Part(target.parent / f"{_safe_id(file)}.part", file.size, options.progress)
    options.on_start(file)
    is_resumed = yield from work(part.resume)
    yield from _fill(api, file, part, options.retries)
    if not (yield from work(partial(_is_intact, file, part.path))):
        # What an earlier run has left may be damaged, so start once more.
        if is_resumed:
            yield from work(part.restart)
            yield from _fill(api, file, part, options.retries)
        if not is_resumed or not (yield from work(partial(_is_intact, file, part.path))):
            yield from work(part.delete)
            raise ChecksumMismatch(
                "The downloaded file does not have the checksum that filehub recorded."
            )
    yield from work(partial(_publish, part.path, target, options.overwrite))
    return target


def _is_intact(file: File, path: Path) -> bool:
    """Whether the bytes have the recorded checksum. A file without one has only its size."""
    return not file.checksum or checksums.matches(path, file.size, file.checksum)


def _safe_id(file: File) -> str:
    if not re.fullmatch(r"[0-9A-Za-z-]{1,64}", file.id):
        raise NotFound("The server returned an invalid id.", status=404, code="file_not_found")
    return file.id


def _target(file: File, options: Options) -> Path:
    """Where the file goes. Raises FileExists, or LocalFileError if there is no such directory."""
    target = options.target
    if options.keep_folder:
        target = _create_folder(target, file.folder) / local_name(file.file_name)
    elif is_directory(target):
        target = target / local_name(file.file_name)
    if not is_directory(target.parent):
        raise _no_directory(target.parent)
    if not options.overwrite and os.path.lexists(target):
        raise _exists(target)
    return target


def _create_folder(top: Path, folder: str) -> Path:
    """Create the directories of a folder in an existing directory. Raises LocalFileError.

    Links below `top` are not followed: who names a folder must not choose where they lead.
    """
    directory = top
    if not is_directory(directory):
        raise _no_directory(directory)
    for name in local_folder(folder):
        directory = directory / name
        try:
            directory.mkdir(exist_ok=True)
        except OSError as exc:
            raise LocalFileError(
                f"The directory {directory} cannot be created: {exc.strerror}.", code="no_directory"
            ) from exc
        if directory.is_symlink():
            raise LocalFileError(
                f"{directory} is a link, which is not followed.", code="no_directory"
            )
    return directory


def _no_directory(path: Path) -> LocalFileError:
    return LocalFileError(f"There is no directory {path}.", code="no_directory")


def _exists(target: Path) -> FileExists:
    return FileExists(f"{target} exists already.")


def _fill(api: Api, file: File, part: _Part, retries: Retries) -> Flow[None]:
    """Receive the missing bytes. Attempts that get further than all before are no failures."""
    failures, furthest = 0, 0
    url = ""
    while True:
        before = yield from work(part.received)
        if before == file.size:
            return
        try:
            url = url or (yield from api.download_url(file.id))
            yield from _receive(url, before, part)
            continue
        except FilehubError as exc:
            received = yield from work(part.received)
            failures = 1 if received > furthest else failures + 1
            furthest = max(furthest, received)
            seconds = retries.pause_after(failures, exc)
            if seconds is None:
                raise
            if isinstance(exc, StorageError) and exc.remedy == "sign again":
                url = ""
        yield from pause(seconds)


def _receive(url: str, before: int, part: _Part) -> Flow[None]:
    """Request the bytes from `before` on. Raises StorageError unless some were accepted."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={before}-"} if before else {})
    response = yield from send(Request("GET", url, headers, sink=part))
    if response.status == 416:  # more than the file has: not from this file
        yield from work(part.restart)
        raise StorageError(500, b"<Code>InvalidRange</Code>")
    if response.status == 404:
        raise NotFound("The file is no longer there.", status=404, code="file_not_found")
    if response.status not in {200, 206}:
        raise StorageError(response.status, response.body)
    if (yield from work(part.received)) != part.size:
        raise StorageError(500, b"<Code>IncompleteBody</Code>")


class _Part:
    """The file that receives the bytes; a `Sink`. `size` is that of the complete file."""

    def __init__(self, path: Path, size: int, progress: Progress) -> None:
        self.path, self.size = path, size
        self._progress = progress
        #: Bytes that `progress` was told about.
        self._reported = 0

    def resume(self) -> bool:
        """Whether an earlier run has left bytes."""
        self._report(self.received())
        return self._reported > 0

    def received(self) -> int:
        """The bytes that are there; a file that is too large is not this one, and starts again."""
        self._write(b"", os.O_CREAT)
        size = self.path.lstat().st_size
        if size > self.size:
            self.restart()
            return 0
        return size

    def restart(self) -> None:
        self._write(b"", os.O_CREAT | os.O_TRUNC)
        self._report(-self._reported)

    def delete(self) -> None:
        with suppress(OSError):
            self.path.unlink()

    def accepts(self, response: Response) -> bool:
        """Whether these bytes are wanted: 206 with the requested start, or 200 with all bytes."""
        if response.status == 200:
            self.restart()
            return True
        start = re.match(r"bytes (\d+)-", response.headers.get("content-range", ""))
        is_next = start is not None and int(start[1]) == self.received()
        return response.status == 206 and is_next

    def write(self, chunk: bytes) -> None:
        self._write(chunk, os.O_APPEND)
        self._report(len(chunk))

    def _report(self, count: int) -> None:
        if count:
            self._reported += count
            self._progress(count)

    def _write(self, data: bytes, flags: int) -> None:
        # A link that somebody has put there is not followed.
        flags |= os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            with os.fdopen(os.open(self.path, flags, 0o666), "ab") as file:
                file.write(data)
        except OSError as exc:
            raise _unwritable(exc) from exc


def _publish(part: Path, target: Path, overwrite: bool) -> None:
    """Give the complete file its name, atomically. Raises FileExists."""
    try:
        if overwrite:
            part.replace(target)
            return
        try:
            os.link(part, target)
        except FileExistsError:
            raise _exists(target) from None
        except OSError:  # a file system without hard links
            if os.path.lexists(target):
                raise _exists(target) from None
            part.rename(target)
        else:
            part.unlink()
    except OSError as exc:
        raise _unwritable(exc) from exc


def _unwritable(exc: OSError) -> LocalFileError:
    return LocalFileError(f"The file cannot be written: {exc.strerror}.", code="unwritable")
