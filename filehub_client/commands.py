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
from dataclasses import asdict, replace
from pathlib import Path

from filehub_client import lines
from filehub_client.client import Client
from filehub_client.errors import ConfigurationError, FilehubError, LocalFileError
from filehub_client.local_files import LocalFile, absolute, files_in, is_directory, size_of
from filehub_client.models import About, File, Outcome, UploadStatus
from filehub_client.names import display, join
from filehub_client.progress import Progress, TransferProgress


def upload(client: Client, options: Namespace) -> bool:
    with _sources(options) as files, Progress(sys.stderr, is_quiet=options.quiet) as shown:
        sizes = {file.path: size_of(file.path) for file in files}
        state = None if options.no_resume or "-" in options.paths else _state_file(options)
        progress = TransferProgress(shown, total=sum(sizes.values()), count=len(files))

        def end(outcome: Outcome) -> None:
            progress.end_file(sizes[outcome.path] if outcome.error else 0)

        outcomes = client.upload_many(
            files,
            about=_about(options),
            state=state,
            progress=progress.add_bytes,
            on_outcome=end,
        )
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
            path = join(status.file.folder, status.file.file_name) if status.file else ""
            _print(upload_id, status.state, path, lines.why(status))
        are_stored = are_stored and status is not None and status.state == "stored"
    return are_stored


def list_files(client: Client, options: Namespace) -> bool:
    page_size = min(options.limit or 200, 200)
    files = client.files(
        search=options.search,
        name=options.name,
        folder=options.folder,
        tag=options.tag,
        page_size=page_size,
    )
    for number, file in enumerate(files, 1):
        if options.json:
            print(json.dumps(asdict(file), default=str))
        else:
            created_at = file.created_at.isoformat(timespec="seconds")
            path = display(join(file.folder, file.file_name))
            print(f"{file.id}  {created_at}  {file.size:>14,}  {path}")
        if number == options.limit:
            break
    return True


def download(client: Client, options: Namespace) -> bool:
    needs_directory = len(options.ids) > 1 or options.folders
    if needs_directory and not is_directory(options.output):
        what = "--folders" if options.folders else "several files"
        raise ConfigurationError(f"For {what}, {options.output} must be a directory.")
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
    with Progress(sys.stderr, is_quiet=options.quiet) as shown:
        progress = TransferProgress(shown, total=file.size, count=1)
        return client.download(
            file_id,
            options.output,
            overwrite=options.overwrite,
            keep_folder=options.folders,
            progress=progress.add_bytes,
        )


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
    expected = {"stored"} if waits else {"stored", "pending", "scanning"}
    states = []
    for outcome in outcomes:
        state, line = lines.of_outcome(outcome, statuses.get(outcome.id))
        print(line)
        states.append(state)
    return expected.issuperset(states)


def _print(*fields: str) -> None:
    print(lines.line(*fields))


@contextmanager
def _sources(options: Namespace) -> Iterator[list[LocalFile]]:
    """The files to upload. The standard input is copied to disk, since S3 needs its size first."""
    paths, name, folder = options.paths, options.name, options.folder
    if "-" not in paths:
        if name is not None and (len(paths) != 1 or is_directory(Path(paths[0]))):
            raise ConfigurationError("--name is for a single file.")
        files = list(files_in(map(Path, paths), folder))
        yield files if name is None else [replace(files[0], name=name)]
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
        yield [LocalFile(copy, name, folder)]


def _state_file(options: Namespace) -> Path:
    """Where this upload is remembered: the same for the same paths, and the same site."""
    if options.state:
        return Path(options.state)
    home = os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser()
    paths = [str(absolute(Path(path))) for path in options.paths]
    site = options.url or os.environ.get("FILEHUB_URL")
    what = json.dumps([site, options.name, options.folder, paths, *_said(options)])
    return Path(home, "filehub", f"{hashlib.sha256(what.encode()).hexdigest()[:32]}.jsonl")


def _about(options: Namespace) -> About:
    return About(options.tag, options.context, options.destination)


def _said(options: Namespace) -> list[object]:
    """What is said about the files; nothing if it is nothing, as in earlier versions."""
    said = [options.tag, options.context, options.destination]
    return said if any(said) else []
