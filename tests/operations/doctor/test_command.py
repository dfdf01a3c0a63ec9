"""The command in a process of its own: exit status, signals, credentials, no secrets."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from local.aws import LocalAws
from tests.operations.doctor.helpers import lines, objects, start
from tests.support.policies import create_user, policies, run
from tests.support.processes import consumer, worker
from tests.support.waiting import wait_for
from uploads.core.conf import Conf, conf


@pytest.mark.exhaustive
def test_a_healthy_installation_is_all_ok_with_the_operators_policy(
    own_installation: Conf, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    with consumer(tmp_path), worker(tmp_path):
        documents = policies(own_installation.bucket)
        done = run(create_user(documents["Operator"]), "manage.py", "doctor")
        assert done.returncode == 0, done.stdout + done.stderr
        assert {line[:4] for line in done.stdout.splitlines()} == {"ok  "}, done.stdout
        assert lines(done.stdout, "ok    round trip: stored after")
        # The web may not read these settings, so they are skipped; the round trip works.
        done = run(create_user(documents["Web"]), "manage.py", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.partition(":")[0][6:] for line in lines(done.stdout, "skip")} == {
        "bucket, public access", "bucket, encryption", "bucket, versioning", "bucket, lifecycle",
        "bucket, CORS", "bucket, notifications", "table", "table, time to live", "table, backups",
    }  # fmt: skip
    assert all("OperatorPolicyArn" in line for line in lines(done.stdout, "skip"))
    assert lines(done.stdout, "ok    round trip: stored after")
    assert objects() == []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "number",
    [pytest.param(signal.SIGINT, id="SIGINT"), pytest.param(signal.SIGTERM, id="SIGTERM")],
)
def test_on_sigint_and_sigterm_the_test_file_is_deleted(
    own_installation: Conf, number: int
) -> None:
    child = start("--timeout=600")
    wait_for(objects)
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in errors
    assert objects() == []


SECRET = "0123456789abcdefghij-not-a-real-secret"


@pytest.mark.exhaustive
def test_wrong_credentials_are_reported_without_secrets(own_installation: Conf) -> None:
    child = start(AWS_ACCESS_KEY_ID="AKIANOTAREALKEY00000", AWS_SECRET_ACCESS_KEY=SECRET)
    output, errors = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "Traceback" not in errors
    assert lines(output, "FAIL  credentials: AWS rejects the credentials")
    assert lines(output, "FAIL  round trip: ")
    for secret in (SECRET, os.environ["DJANGO_SECRET_KEY"], "X-Amz-Signature"):
        assert secret not in output + errors


@pytest.mark.exhaustive
def test_with_everything_down_each_check_reports_a_failure(tmp_path: Path, aws: LocalAws) -> None:
    child = start(
        "--timeout=1",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        DATABASE_URL=f"sqlite:///{tmp_path}/no/such/directory/db",
        AWS_MAX_ATTEMPTS="1",
    )
    output, errors = child.communicate(timeout=120)
    assert child.returncode == 1
    assert "Traceback" not in output + errors
    failed = {line.partition(":")[0][6:] for line in lines(output, "FAIL")}
    assert failed == {
        "database", "clock", "permissions", "bucket", f"queue {conf().events_queue}",
        f"queue {conf().tasks_queue}", f"queue {conf().low_queue}", "bucket, notifications",
        "table", "table, time to live", "table, backups", "broker", "round trip",
    }  # fmt: skip
    assert all(" Fix: " in line for line in lines(output, "FAIL"))


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon", "3601"])
def test_an_invalid_timeout_is_refused(timeout: str) -> None:
    with pytest.raises(CommandError, match="seconds"):
        call_command("doctor", f"--timeout={timeout}")
