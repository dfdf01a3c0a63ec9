"""Read local files: find them, hash them, send slices of them. Nothing is held in memory."""

from __future__ import annotations

import hashlib
import mimetypes
import os
import stat
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from filehub_client.errors import LocalFileError
from filehub_client.names import fit_folder

#: Bytes that are read from disk at a time.
CHUNK_SIZE = 256 * 1024

#: Called by any thread with the number of bytes just sent; negative before they are sent again.
Progress = Callable[[int], None]

_SHRUNK = "The file shrank while it was being uploaded."


@dataclass(frozen=True)
class LocalFile:
    """A file to upload, its name at filehub and its folder there: a path, or "" for the root."""

    path: Path
    name: str
    folder: str = ""


@dataclass(frozen=True)
class Inspected:
    """A file's size in bytes, and when it was changed."""

    file: LocalFile
    size: int
    changed_ns: int


def unreadable(exc: OSError) -> LocalFileError:
    return LocalFileError(f"The file cannot be read: {exc.strerror}.", code="unreadable")


def files_in(paths: Iterable[Path | LocalFile], folder: str = "") -> Iterator[LocalFile]:
    """These files, and all regular files in these directories, sorted by name, each file once.

    `paths` go to `folder`. Directories become folders: of `photos`, `photos/2024/a.jpg` goes to
    `photos/2024`, in a form that the server accepts. Symbolic links in `paths` are followed, those
    inside directories are skipped. Raises LocalFileError for an unreadable directory.
    """
    seen: set[Path] = set()
    for path in paths:
        for file in [path] if isinstance(path, LocalFile) else _files_in_one(path, folder):
            if file.path not in seen:
                seen.add(file.path)
                yield file


def _files_in_one(path: Path, folder: str) -> Iterator[LocalFile]:
    if not is_directory(path):
        yield LocalFile(path, path.name, folder)
        return

    def fail(exc: OSError) -> None:
        raise LocalFileError(
            f"The directory {exc.filename} cannot be read: {exc.strerror}.", code="unreadable"
        )

    root = [folder, _name_of(path)]
    for directory, directories, names in os.walk(path, onerror=fail):
        directories.sort()
        inside = Path(directory).relative_to(path).parts
        remote = fit_folder("/".join(filter(None, [*root, *inside])))
        for name in sorted(names):
            file = Path(directory, name)
            if _may_be_file(file):
                yield LocalFile(file, name, remote)


def _name_of(directory: Path) -> str:
    """The name by which a directory was given. `.` and `..` have none of their own."""
    return directory.name if directory.name not in {"", ".."} else directory.resolve().name


def is_directory(path: Path) -> bool:
    """Whether this is a directory, or a link to one; no error for an impossible name."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def absolute(path: Path) -> Path:
    """The absolute path without `..`; links are not followed."""
    return Path(os.path.normpath(path.absolute()))


def _may_be_file(path: Path) -> bool:
    """Whether this is a regular file, or its type is unknown; the error is then reported later."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return True


def inspect(file: LocalFile) -> Inspected:
    """The size and the time of the last change. Raises LocalFileError."""
    try:
        status = file.path.stat()
    except OSError as exc:
        raise unreadable(exc) from exc
    if not stat.S_ISREG(status.st_mode):
        raise LocalFileError("This is neither a file nor a directory.", code="not_a_file")
    return Inspected(file, status.st_size, status.st_mtime_ns)


def size_of(path: Path) -> int:
    """The bytes of a file, for a progress bar; 0 for one that cannot be read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def type_of(name: str) -> str | None:
    """The media type by file extension, or that of the compression; None if unknown."""
    kind, compression = mimetypes.guess_type(name)
    return {None: kind, "gzip": "application/gzip", "bzip2": "application/x-bzip2"}.get(compression)


def sha256(path: Path, start: int, size: int) -> str:
    """The SHA-256 digest of `size` bytes, in base64. Raises LocalFileError."""
    digest = hashlib.sha256()
    for chunk in FileSlice(path, start, size).chunks():
        digest.update(chunk)
    return b64encode(digest.digest()).decode()


class FileSlice:
    """A request's body: `size` bytes of a file from `start`. It counts what it has sent."""

    def __init__(
        self, path: Path, start: int, size: int, progress: Progress = lambda _: None
    ) -> None:
        self.size = size
        self._path, self._start, self._progress = path, start, progress
        self._sent = 0

    def chunks(self) -> Iterator[bytes]:
        """Read the bytes. Raises LocalFileError, also if the file ends too early."""
        left = self.size
        try:
            with self._path.open("rb", buffering=0) as file:
                file.seek(self._start)
                while left:
                    chunk = file.read(min(CHUNK_SIZE, left))
                    if not chunk:
                        raise LocalFileError(_SHRUNK, code="file_changed")
                    left -= len(chunk)
                    self._sent += len(chunk)
                    self._progress(len(chunk))
                    yield chunk
        except OSError as exc:
            raise unreadable(exc) from exc

    def rewind(self) -> None:
        """Take back the reported progress, because the request failed."""
        self._progress(-self._sent)
        self._sent = 0

    def skip(self) -> None:
        """Report all bytes as sent, because S3 has them already."""
        self._sent = self.size
        self._progress(self.size)
