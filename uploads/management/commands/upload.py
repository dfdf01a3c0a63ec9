from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from filehub_client import lines
from filehub_client.cli import json_object
from filehub_client.errors import FilehubError as ClientError
from filehub_client.local_files import files_in, size_of
from filehub_client.models import About, Outcome, UploadStatus
from filehub_client.progress import TransferProgress
from uploads.accounts import owners
from uploads.core.errors import FilehubError
from uploads.core.names import display_name
from uploads.management import uploader
from uploads.management.owner_option import owner_named
from uploads.management.progress import Progress


class Command(BaseCommand):
    help = (
        "Upload files, and directories as folders, straight to S3: large files in parts, all with "
        "checksums. Waits until they are stored, prints the id and state of each, and exits with 1 "
        "if one was not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="+", type=Path, metavar="PATH", help="files and directories"
        )
        parser.add_argument(
            "--owner",
            metavar="USER",
            help="the owner of the files (default: the superuser, if there is exactly one)",
        )
        parser.add_argument(
            "--tag",
            action="append",
            default=[],
            dest="tags",
            metavar="TAG",
            help="a tag of the files; repeatable",
        )
        parser.add_argument(
            "--context", type=json_object, metavar="JSON", help="a JSON object of your own"
        )
        parser.add_argument(
            "--destination",
            default="",
            metavar="NAME",
            help="a destination of FILEHUB_DESTINATIONS, even if the owner may not choose it",
        )
        parser.add_argument(
            "--no-wait", action="store_true", help="do not wait until the files are stored"
        )
        parser.add_argument(
            "--timeout",
            type=int,
            default=120,
            metavar="SECONDS",
            help="how long to wait until the files are stored (default: 120)",
        )

    def handle(
        self,
        *args: Any,
        paths: list[Path],
        owner: str | None,
        tags: list[str],
        context: dict[str, Any] | None,
        destination: str,
        no_wait: bool,
        timeout: int,
        **options: Any,
    ) -> None:
        user = _owner(owner)
        outcomes: list[Outcome] = []
        try:
            files = list(files_in(paths))
            sizes = {file.path: size_of(file.path) for file in files}
            with Progress(self.stderr) as bar:
                progress = TransferProgress(bar, total=sum(sizes.values()), count=len(files))

                def end(outcome: Outcome) -> None:
                    outcomes.append(outcome)
                    progress.end_file(sizes[outcome.path] if outcome.error else 0)

                about = About(tags, context, destination)
                uploader.send(files, user, about=about, progress=progress.add_bytes, on_outcome=end)
            ids = [outcome.id for outcome in outcomes if outcome.id]
            statuses = {} if no_wait else uploader.statuses(ids, user, timeout=timeout)
        except (FilehubError, ClientError) as exc:
            self._print(outcomes, {})
            cause = f" ({exc.__cause__!r})" if exc.__cause__ else ""
            raise CommandError(display_name(f"{exc.message}{cause}")) from exc
        except KeyboardInterrupt:
            self._print(outcomes, {})
            raise CommandError("Interrupted.", returncode=130) from None
        states = self._print(outcomes, statuses)
        failed = sum(state not in {"stored", "scanning", "pending"} for state in states)
        if failed:
            raise CommandError(f"{failed:,} of {len(files):,} files were not stored.")
        if not no_wait and "pending" in states:
            raise CommandError(
                f"{states.count('pending'):,} of {len(files):,} files are in S3 but were not "
                f"recorded within {timeout} s. Check that the consumer and the worker are running."
            )

    def _print(self, outcomes: list[Outcome], statuses: Mapping[str, UploadStatus]) -> list[str]:
        """Print id, state, path and reason of each file. Returns the states."""
        states: list[str] = []
        for outcome in outcomes:
            state, line = lines.of_outcome(outcome, statuses.get(outcome.id))
            self.stdout.write(line)
            states.append(state)
        return states


def _owner(username: str | None) -> str:
    """The owner string of this user, or of the only superuser."""
    if username is not None:
        return owner_named(username)
    users = get_user_model()._default_manager
    superusers = list(users.filter(is_active=True, is_superuser=True)[:2])
    if len(superusers) != 1:
        problem = "are several superusers" if superusers else "is no superuser"
        raise CommandError(f"Choose the owner of the files with --owner: there {problem}.")
    return owners.owner_of(superusers[0])
