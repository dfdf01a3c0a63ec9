"""Fixtures: local AWS, users, a way to upload, and the real processes."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import translation
from pytest_django import Settings

from local.aws import LocalAws
from tests.plugin import AWS_PORT, DATABASE, FIGURE, STATIC_ROOT
from tests.support import sso
from tests.support.aws_requests import aws_requests  # noqa: F401  # a fixture for all
from tests.support.clamd import clamd, scanning  # noqa: F401  # the same
from tests.support.guardduty import guardduty  # noqa: F401  # the same
from tests.support.installation import Installation, with_small_parts
from tests.support.local_aws import (
    TEMPLATE,
    deploy_installation,
    empty_the_bucket,
    empty_the_queues,
    empty_the_table,
)
from tests.support.processes import consumer, worker
from tests.support.users import PASSWORD, Api, signed_in
from uploads.aws.cloudformation import deploy
from uploads.files import browse, listing, outbox
from uploads.web import waiting

DATABASE_FILE = Path(DATABASE.name) / "db.sqlite3"

# Hypothesis' own profile for CI: a busy machine may take its time for an example (by default more
# than 0.2 s are a failure), and a run that fails fails again, since its examples are the same.
hypothesis.settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _english() -> None:
    """Django leaves the language of the last request active for the next test."""
    translation.activate("en")


@pytest.fixture(autouse=True)
def _no_webhooks() -> None:
    """Most tests have no database to read the endpoints from. Tests of webhooks undo this."""
    outbox.interest.note(has_endpoints=False, read_at=float("inf"))


@pytest.fixture(scope="session", autouse=True)
def _cheap_settings() -> Iterator[None]:
    """Replace settings that slow down tests and prove nothing about filehub.

    Django's password hasher takes a third of a second by design, for every user of every test.
    WhiteNoise reads the whole folder of static files for each new test client, unless autorefresh
    is on.
    """
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers, WHITENOISE_AUTOREFRESH=True):
        yield


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Let requests of Django's test client wait longer for local AWS: a busy machine is no outage.

    tests/web/test_waiting.py checks the limit in a real web process. Searches may take longer too;
    tests of their limit set it to 0.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(waiting, "SECONDS", 60.0)
        patched.setattr(listing, "MAX_SECONDS", 60.0)
        patched.setattr(browse, "MAX_SECONDS", 60.0)
        yield


@pytest.fixture(scope="session")
def _static_files() -> None:
    """Collect the static files, since pages refer to them by hash: once for parallel processes."""
    with (STATIC_ROOT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (STATIC_ROOT / "staticfiles.json").exists():
            call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def _database(django_db_setup: None, django_db_blocker: Any) -> None:
    """Create empty tables, also in the database of the processes that tests start."""
    with django_db_blocker.unblock(), closing(sqlite3.connect(DATABASE_FILE)) as target:
        connection.ensure_connection()
        connection.connection.backup(target)
        connection.close()


@pytest.fixture(scope="session")
def _aws(
    tmp_path_factory: pytest.TempPathFactory, _static_files: None, _database: None
) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), AWS_PORT) as aws:
        deploy("filehub", TEMPLATE.read_text())
        yield aws


@pytest.fixture
def aws(_aws: LocalAws, db: None) -> LocalAws:
    """Local AWS with an empty table, bucket and queues. Confirming reads quotas, hence `db`."""
    empty_the_table()
    empty_the_bucket()
    empty_the_queues()
    return _aws


@pytest.fixture
def own_queues(aws: LocalAws, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bucket, queues and table for this test alone, in this process and those that it starts."""
    names = deploy_installation()
    settings.FILEHUB = settings.FILEHUB | names
    for name, value in names.items():
        monkeypatch.setenv(f"FILEHUB_{name}", value)


@pytest.fixture
def one_day() -> Iterator[None]:
    """Keep the date (UTC) the same until the test ends.

    In the last ten minutes of a day the clock of this process goes back by ten minutes. AWS accepts
    signatures that are up to fifteen minutes old.
    """
    back = timedelta(minutes=10)
    now = datetime.now(UTC)
    if (now + back).date() == now.date():
        yield
    else:
        with time_machine.travel(now - back):
            yield


@pytest.fixture(scope="session")
def full_size(request: pytest.FixtureRequest) -> bool:
    """Whether `--all` was given, so that tests run at full size."""
    return bool(request.config.option.everything)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", password=PASSWORD)


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def admin(root: User) -> Client:
    """A client with a signed-in superuser."""
    return signed_in(root)


@pytest.fixture
def api(aws: LocalAws, alice: User) -> Api:
    return Api(alice)


@pytest.fixture
def other_api(aws: LocalAws, bob: User) -> Api:
    return Api(bob)


@pytest.fixture(scope="session")
def _pipeline(_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A consumer and a worker on their own queues; yields the settings of these queues."""
    directory = tmp_path_factory.mktemp("pipeline")
    names = deploy_installation()
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in names.items():
                environment.setenv(f"FILEHUB_{name}", value)
            stack.enter_context(consumer(directory))
            stack.enter_context(worker(directory))
        yield names


@pytest.fixture
def pipeline(aws: LocalAws, _pipeline: dict[str, str], settings: Settings) -> None:
    """A real consumer and a real Celery worker, with a bucket and a table of their own.

    Several tests share them. A test that stops or kills processes starts its own. A test that uses
    these must wait for its last event, since late events would change the table of the next test.
    """
    settings.FILEHUB = settings.FILEHUB | _pipeline
    empty_the_table()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make botocore and PynamoDB retry at once."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a measured figure in the terminal summary, whether the test passes or not."""
    return lambda text: request.node.user_properties.append((FIGURE, text))


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """filehub as `make run` starts it, except that files above THRESHOLD are uploaded in parts, and
    that there is single sign-on (tests/support/sso.py).
    """
    with with_small_parts(tmp_path_factory.mktemp("installation"), **sso.SETTINGS) as running:
        yield running
