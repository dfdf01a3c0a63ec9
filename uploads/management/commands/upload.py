import time
from argparse import ArgumentParser
from pathlib import Path
from threading import Lock
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from uploads.accounts import owners
from uploads.core import policy
from uploads.core.errors import FilehubError
from uploads.files import queries
from uploads.management import uploader
from uploads.management.progress import Progress

#: Seconds between two pictures of the bar.
SHOW_EVERY = 0.2


class Command(BaseCommand):
    help = "Upload files and directories straight to S3, and tell the id and the state of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument(
            "--owner",
            metavar="USER",
            help="whose files they will be (default: the superuser, if there is only one)",
        )
        parser.add_argument(
            "--no-wait", action="store_true", help="do not wait until they are stored"
        )
        parser.add_argument(
            "--timeout",
            type=int,
            default=120,
            metavar="SECONDS",
            help="how long to wait until they are stored (default: 120)",
        )

    def handle(
        self,
        *args: Any,
        paths: list[Path],
        owner: str | None,
        no_wait: bool,
        timeout: int,
        **options: Any,
    ) -> None:
        user = _owner(owner)
        outcomes: list[uploader.Outcome] = []
        try:
            files = list(dict.fromkeys(uploader.files_in(paths)))
            with Progress(self.stderr) as bar:
                shown = _Shown(bar, files)
                for outcome in uploader.send(files, user, progress=shown.more):
                    outcomes.append(outcome)
                    shown.ended(outcome)
            ids = [each.id for each in outcomes if each.id]
            found = {} if no_wait else uploader.statuses(ids, user, timeout=timeout)
        except FilehubError as exc:
            self._tell(outcomes, {})
            cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
            raise CommandError(f"{exc.message}{cause}") from exc
        except KeyboardInterrupt:
            self._tell(outcomes, {})
            raise CommandError("Interrupted.", returncode=130) from None
        states = self._tell(outcomes, {} if no_wait else found)
        failed = states.count("failed") + states.count("rejected") + states.count("deleted")
        if failed:
            raise CommandError(f"{failed:,} of {len(files):,} files were not stored.")
        if not no_wait and "pending" in states:
            raise CommandError(
                f"{states.count('pending'):,} of {len(files):,} files are in S3 but were not "
                f"recorded within {timeout} s. Do the consumer and the worker run?"
            )

    def _tell(
        self, outcomes: list[uploader.Outcome], found: dict[str, queries.UploadStatus]
    ) -> list[str]:
        """A line for each file: id, state, path, and what is wrong; returns the states."""
        states: list[str] = []
        for outcome in outcomes:
            status = found.get(outcome.id)
            state = "failed" if outcome.error else status.state if status else "pending"
            why = outcome.error or (status.reason if status else "")
            states.append(state)
            fields = [outcome.id or "-" * 36, f"{state:8}", _printable(outcome.path)]
            self.stdout.write("  ".join([*fields, why]).rstrip())
        return states


def _owner(username: str | None) -> str:
    """How records name the user with this name, or the only superuser."""
    users = get_user_model()._default_manager.filter(is_active=True)
    if username is not None:
        field = get_user_model().USERNAME_FIELD
        user = users.filter(**{field: username}).first()
        if user is None:
            raise CommandError(f"There is no active user “{username}”.")
        return owners.owner_of(user)
    superusers = list(users.filter(is_superuser=True)[:2])
    if len(superusers) != 1:
        count = "are several superusers" if superusers else "is no superuser"
        raise CommandError(f"Say with --owner whose files these will be: there {count}.")
    return owners.owner_of(superusers[0])


def _printable(path: Path) -> str:
    """A path on one line, whatever bytes are in it."""
    return policy.display_name(str(path).encode("utf-8", "backslashreplace").decode())


class _Shown:
    """Shows how many bytes have been sent; told by several threads."""

    def __init__(self, bar: Progress, files: list[Path]) -> None:
        self._bar, self._count = bar, len(files)
        self._total = sum(_size_of(path) for path in files)
        self._sent = self._ended = 0
        self._show_at = 0.0
        self._lock = Lock()

    def more(self, count: int) -> None:
        with self._lock:
            self._sent += count
            if time.monotonic() >= self._show_at:
                self._show()

    def ended(self, outcome: uploader.Outcome) -> None:
        with self._lock:
            self._ended += 1
            if outcome.error:
                # The bar is to come to its end all the same.
                self._total -= _size_of(outcome.path)
            self._show()

    def _show(self) -> None:
        self._show_at = time.monotonic() + SHOW_EVERY
        share = max(self._sent, 0) / self._total if self._total > 0 else None
        self._bar.show(share, f"{self._ended:,} of {self._count:,} files")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
