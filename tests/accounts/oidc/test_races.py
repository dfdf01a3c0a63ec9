"""Several first sign-ins of one subject at the same moment, in a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import Postgres
from tests.support.processes import ROOT

pytestmark = pytest.mark.exhaustive

RACE = """
import json, sys, threading
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from uploads.models import Identity
from uploads.accounts.oidc.accounts import account_of
from uploads.accounts.oidc.flow import SignedIn

call_command("migrate", verbosity=0)
found, errors = [], []

def run(barrier, sub):
    try:
        barrier.wait(30)
        person = SignedIn("https://login", sub, {"preferred_username": "ada"}, "token")
        found.append(account_of(person).pk)
    except BaseException as exc:
        errors.append(repr(exc))
    finally:
        connection.close()

for sub in range(10):
    # Three for one subject, and one for another, who claims the same name.
    barrier = threading.Barrier(4)
    threads = [
        threading.Thread(target=run, args=(barrier, f"{sub}{'b' if n == 3 else ''}"))
        for n in range(4)
    ]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
json.dump([errors, len(found), User.objects.count(), Identity.objects.count()], sys.stdout)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/race.sqlite3"
        return
    with Postgres() as server:
        yield server.url


def test_one_subject_becomes_one_user(database: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", RACE],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], 40, 20, 20]
