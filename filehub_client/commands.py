"""What the subcommands of `filehub` do. Each returns whether everything succeeded."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filehub_client import waiting
from filehub_client.client import Client
from filehub_client.errors import ConfigurationError, FilehubError, LocalFileError
from filehub_client.local_files import LocalFile, absolute, files_in, is_directory
from filehub_client.models import File, Outcome, UploadStatus
from filehub_client.names import display
from filehub_client.progress import Progress

_NO_ID = "-" * 36


def upload(client: Client, options: Namespace) -> bool:
    with _sources(options.paths, options.name) as files:
        sizes = {file.path: _size_of(file.path) for file in files}
        state = None if options.no_resume or "-" in options.paths else _state_file(options)
        total, quiet = sum(sizes.values()), options.quiet
        progress = Progress(sys.stderr, total=total, count=len(files), is_quiet=quiet)

        def end(outcome: Outcome) -> None:
            progress.end_file(sizes[outcome.path] if outcome.error else 0)

        try:
            outcomes = client.upload_many(
                files, state=state, progress=progress.add_bytes, on_outcome=end
            )
        finally:
            progress.close()
    ids = [outcome.id for outcome in outcomes if outcome.id]
    statuses = {} if options.no_wait else client.wait(ids, timeout=options.timeout)
    return _print_outcomes(outcomes, statuses, waits=not options.no_wait)


def wait(client: Client, options: Namespace) -> bool:
    statuses = client.wait(options.ids, timeout=options.timeout)
    are_stored = True
    for upload_id in options.ids:
        status = statuses.get(upload_id)
        if status is None:
            _print(upload_id, "unknown", "", "You have no such upload.")
        else:
            _print(
                upload_id, status.state, status.file.file_name if status.file else "", _why(status)
            )
        are_stored = are_stored and status is not None and status.state == "stored"
    return are_stored


def list_files(client: Client, options: Namespace) -> bool:
    page_size = min(options.limit or 200, 200)
    files = client.files(search=options.search, name=options.name, page_size=page_size)
    for number, file in enumerate(files, 1):
        if options.json:
            print(json.dumps(asdict(file), default=str))
        else:
            created_at = file.created_at.isoformat(timespec="seconds")
            print(f"{file.id}  {created_at}  {file.size:>14,}  {display(file.file_name)}")
        if number == options.limit:
            break
    return True


def download(client: Client, options: Namespace) -> bool:
    if len(options.ids) > 1 and not is_directory(options.output):
        raise ConfigurationError(f"For several files, {options.output} must be a directory.")
    is_complete = True
    for file_id in options.ids:
        try:
            path = _download(client, file_id, options)
        except FilehubError as exc:
            is_complete = False
            _print(file_id, "failed", "", exc.message)
        else:
            _print(file_id, "saved", str(path), "")
    return is_complete


def _download(client: Client, file_id: str, options: Namespace) -> Path:
    file: File = client.file(file_id)
    progress = Progress(sys.stderr, total=file.size, count=1, is_quiet=options.quiet)
    try:
        return client.download(
            file_id, options.output, overwrite=options.overwrite, progress=progress.add_bytes
        )
    finally:
        progress.close()


def delete(client: Client, options: Namespace) -> bool:
    is_complete = True
    for file_id in options.ids:
        try:
            client.delete(file_id)
        except FilehubError as exc:
            is_complete = False
            _print(file_id, "failed", "", exc.message)
        else:
            _print(file_id, "deleting", "", "")
    return is_complete


def _print_outcomes(
    outcomes: Sequence[Outcome], statuses: dict[str, UploadStatus], *, waits: bool
) -> bool:
    """Print id, state, path and reason of each file. Returns whether all went well."""
    are_fine = True
    for outcome in outcomes:
        status = statuses.get(outcome.id)
        state = "failed" if outcome.error else status.state if status else "pending"
        reason = outcome.error.message if outcome.error else _why(status)
        _print(outcome.id or _NO_ID, state, _printable(outcome.path), reason)
        are_fine = are_fine and state in ({"stored"} if waits else {"stored", "pending"})
    return are_fine


def _why(status: UploadStatus | None) -> str:
    """Why an upload is not stored."""
    if status is None or status.state == "stored":
        return ""
    try:
        waiting.stored_file(status)
    except FilehubError as exc:
        return exc.message
    return ""


def _print(*fields: str) -> None:
    upload_id, state, *texts = fields
    shown = [upload_id, f"{state:8}", *filter(None, texts)]
    print(display("  ".join(shown)).rstrip())


def _printable(path: Path) -> str:
    """A path as text that can be encoded: bytes that are not UTF-8 become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()


@contextmanager
def _sources(paths: Sequence[str], name: str | None) -> Iterator[list[LocalFile]]:
    """The files to upload. The standard input is copied to disk, since S3 needs its size first."""
    if "-" not in paths:
        files = list(files_in(map(Path, paths)))
        if name is not None:
            if len(files) != 1 or files[0].folder:
                raise ConfigurationError("--name is for a single file.")
            files = [LocalFile(files[0].path, name)]
        yield files
        return
    if len(paths) != 1 or not name:
        raise ConfigurationError("The standard input needs a --name, and goes alone.")
    with tempfile.TemporaryDirectory(prefix="filehub-") as directory:
        copy = Path(directory, "input")
        try:
            with copy.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
        except OSError as exc:
            raise LocalFileError(f"The input cannot be copied to disk: {exc.strerror}.") from exc
        yield [LocalFile(copy, name)]


def _state_file(options: Namespace) -> Path:
    """Where this upload is remembered: the same for the same paths, and the same site."""
    if options.state:
        return Path(options.state)
    home = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    paths = [str(absolute(Path(path))) for path in options.paths]
    what = json.dumps([options.url or os.environ.get("FILEHUB_URL"), options.name, paths])
    return Path(home, "filehub", f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.jsonl")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
