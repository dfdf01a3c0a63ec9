"""The command `filehub`."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn

from filehub_client import commands, config
from filehub_client.client import WAIT, Client
from filehub_client.drivers import CONCURRENCY
from filehub_client.errors import ConfigurationError, FilehubError
from filehub_client.names import display

#: Exit status: 1 if something failed, 2 for wrong usage, 130 after Ctrl-C, as shells have it.
FAILED, USAGE, INTERRUPTED = 1, 2, 130


def run() -> NoReturn:
    """Run the command and end the process."""
    status = main()
    if status == INTERRUPTED:
        # Python would wait for the requests that still run.
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name may have characters that the terminal's encoding does not have.
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        with Client(
            options.url, token_file=options.token_file, concurrency=options.parallel
        ) as client:
            is_complete: bool = options.run(client, options)
        sys.stdout.flush()
    except ConfigurationError as exc:
        return _report(exc.message, USAGE)
    except FilehubError as exc:
        return _report(exc.message, FAILED)
    except KeyboardInterrupt:
        return _report(options.when_interrupted, INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output has closed it. Python would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return 0 if is_complete else FAILED


def _report(message: str, status: int) -> int:
    print(f"filehub: {display(message)}", file=sys.stderr)
    return status


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="filehub",
        description="Upload, list, download and delete files of a filehub site. The token is read "
        f"from the file that {config.TOKEN_FILE} names, or from {config.TOKEN}.",
    )
    parser.add_argument("--url", help=f"address of the site (default: ${config.URL})")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with an API token")
    parser.add_argument(
        "--parallel", type=positive_number, default=CONCURRENCY, metavar="N",
        help=f"requests to S3 at a time (default: {CONCURRENCY})",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    parser.set_defaults(when_interrupted="Interrupted.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_upload(subparsers.add_parser("upload", help="upload files, directories or the input"))
    _add_wait(subparsers.add_parser("wait", help="wait until uploads are stored"))
    _add_list(subparsers.add_parser("list", help="list your files, newest first"))
    _add_download(subparsers.add_parser("download", help="download files and verify them"))
    delete = subparsers.add_parser("delete", help="permanently delete files (not to the trash)")
    delete.add_argument("ids", nargs="+", metavar="ID")
    delete.set_defaults(run=commands.delete)
    return parser


def _add_upload(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="files and directories; - is the standard input"
    )
    parser.add_argument("--name", help="name of a single file, required for the standard input")
    parser.add_argument(
        "--folder", default="", metavar="PATH",
        help="folder at filehub, such as Photos/2024; directories become folders in it",
    )  # fmt: skip
    parser.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="a tag of the files; repeatable"
    )
    parser.add_argument(
        "--context", type=json_object, metavar="JSON", help="a JSON object of your own"
    )
    parser.add_argument(
        "--destination", default="", metavar="NAME", help="one of the site's destinations"
    )
    parser.add_argument("--no-wait", action="store_true", help="do not wait until all are stored")
    _add_timeout(parser)
    parser.add_argument(
        "--state", type=Path, metavar="FILE",
        help="where to remember what was sent (default: a file in ~/.local/state/filehub)",
    )  # fmt: skip
    parser.add_argument(
        "--no-resume", action="store_true", help="neither resume an upload nor remember this one"
    )
    parser.set_defaults(
        run=commands.upload,
        when_interrupted="Interrupted. Run the same command again to resume.",
    )


def _add_wait(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID")
    _add_timeout(parser)
    parser.set_defaults(run=commands.wait)


def _add_list(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--folder", metavar="PATH",
        help='only files directly in this folder, "" for those in none; with --search, --name or '
        "--tag also in its subfolders (default: all folders)",
    )  # fmt: skip
    parser.add_argument(
        "--search", default="", metavar="TEXT",
        help="only files whose name contains this, ignoring case and accents",
    )  # fmt: skip
    parser.add_argument("--name", default="", help="only files with exactly this name")
    parser.add_argument("--tag", default="", help="only files with this tag")
    parser.add_argument("--limit", type=positive_number, metavar="N", help="at most N files")
    parser.add_argument("--json", action="store_true", help="a JSON object per line")
    parser.set_defaults(run=commands.list_files)


def _add_download(parser: ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path(), metavar="PATH",
        help="a directory, or a path for a single file (default: the current directory)",
    )  # fmt: skip
    parser.add_argument(
        "--folders", action="store_true",
        help="keep the folders: save each file in its folder in the output directory",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.set_defaults(
        run=commands.download,
        when_interrupted="Interrupted. Run the same command again to resume.",
    )


def _add_timeout(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--timeout", type=positive_number, default=int(WAIT), metavar="SECONDS",
        help=f"how long to wait until they are stored (default: {WAIT:.0f})",
    )  # fmt: skip


def positive_number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def json_object(text: str) -> dict[str, Any]:
    """A JSON object of the command line. Raises ArgumentTypeError."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ArgumentTypeError("it is not a JSON object")
    return value
