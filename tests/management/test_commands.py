"""Start with invalid settings, and small commands."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from tests.support.processes import ROOT
from uploads.accounts import api_tokens


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["manage.py", "check"], id="manage.py"),
        pytest.param(
            ["-m", "celery", "-A", "filehub", "report"], id="celery", marks=pytest.mark.exhaustive
        ),
        pytest.param(["-c", "import filehub.wsgi"], id="web", marks=pytest.mark.exhaustive),
    ],
)
def test_an_invalid_setting_prevents_the_start_with_one_sentence(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"FILEHUB_URL_EXPIRY": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    (line,) = [line for line in done.stderr.splitlines() if "FILEHUB_URL_EXPIRY" in line]
    assert line.startswith("filehub cannot start: FILEHUB_URL_EXPIRY is wrong")
    assert "Traceback" not in done.stderr


def test_a_token_is_created_for_a_user(alice: User) -> None:
    out = StringIO()
    call_command("create_api_token", "alice", stdout=out)
    token = api_tokens.find(out.getvalue().strip())
    assert token is not None
    assert token.user == alice


@pytest.mark.django_db
def test_a_token_for_an_unknown_user_is_refused() -> None:
    with pytest.raises(CommandError, match="nobody"):
        call_command("create_api_token", "nobody")


def test_misspelt_settings_cause_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEHUB_BUKCET", "x")
    err = StringIO()
    call_command("check", stderr=err)
    assert "FILEHUB_BUKCET" in err.getvalue()


@pytest.mark.django_db
def test_the_migrations_are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
