"""Users with the policies of the stack can do the work of their process, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.ingest.reconciliation.helpers import create_object, objects, recorded, table
from tests.support.files import store, upload
from tests.support.processes import ROOT
from uploads.aws import s3
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.reconciliation import checkpoints

pytestmark = pytest.mark.usefixtures("aws")

#: Runs `python manage.py …` or `python -c …` as a user; returns the completed process.
As = Callable[..., subprocess.CompletedProcess[str]]


def client(service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=conf().region,
        endpoint_url=conf().endpoint_url,
    )


def user_with(policy: str, stack: str = "filehub") -> As:
    """A user with a single policy of the stack."""
    iam = client("iam")
    outputs = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
    (arn,) = [out["OutputValue"] for out in outputs if out["OutputKey"] == f"{policy}PolicyArn"]
    name = f"{policy}-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }

    def as_user(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )

    return as_user


def django_code(*lines: str) -> tuple[str, str]:
    """Run Python code inside Django."""
    return "-c", "\n".join(["import django", "django.setup()", *lines])


def test_the_worker_may_reconcile() -> None:
    worker = user_with("Worker")
    orphaned, missing = create_object(), store("7")
    s3.delete(missing)
    done = worker("manage.py", "reconcile", "--all", "--min-age", "0m")
    assert done.returncode == 0, done.stderr
    assert recorded() == {orphaned} == objects()
    assert [run.kind for run in checkpoints.last_runs()] == ["all"]


def test_the_worker_may_read_files_and_check_quotas() -> None:
    worker = user_with("Worker")
    ids = [
        upload("7", "a.png", b"\x89PNG\r\n\x1a\n", "image/png"),
        upload("7", "b.png", b"<html>", "image/png"),
        upload("7", "c.png", b"GIF89a", "image/png"),
    ]
    done = worker(
        *django_code(
            "from django.conf import settings",
            "from uploads.ingest import confirm",
            "settings.FILEHUB = settings.FILEHUB | {'USER_QUOTA': 10}",
            f"print([confirm.confirm(upload_id) for upload_id in {ids}])",
        )
    )
    assert done.stdout.strip() == "['stored', 'rejected', 'rejected']", done.stderr
    assert objects() == {ids[0]}


def test_the_web_may_record_downloads_and_deletions_and_change_records() -> None:
    web = user_with("Web")
    kept, reassigned, missing = store("7"), store("7"), store("7")
    s3.delete(missing)
    done = web(
        *django_code(
            "from uploads.files import actions, queries",
            "from uploads.ingest import confirm",
            "from uploads.ingest.reconciliation import checkpoints",
            f"actions.sign_download(queries.stored_file({kept!r}, '7'), '1')",
            f"actions.remove({kept!r}, '1')",
            f"assert actions.change_owner({reassigned!r}, '8', '1')",
            f"assert confirm.check({missing!r}) == 'missing'",
            "assert checkpoints.last_runs() == []",
        )
    )
    assert done.returncode == 0, done.stderr
    assert "not recorded" not in done.stderr
    record = StoredFile.get(kept)
    assert (record.downloads, record.deletion_requested_by) == (1, "1")
    assert StoredFile.get(reassigned).owner == "8"
    assert confirm.check(missing) == "consistent"


@pytest.mark.parametrize("policy", ["Web", "Worker"])
def test_neither_web_nor_worker_may_scan_the_table_or_delete_records(policy: str) -> None:
    upload_id = store("7")
    before = table()
    done = user_with(policy)(
        *django_code(
            "from pynamodb.exceptions import DeleteError, ScanError",
            "from tests.support.records import erase",
            "from uploads.files.record import StoredFile",
            f"refused = {{ScanError: lambda: list(StoredFile.scan()), "
            f"DeleteError: lambda: erase({upload_id!r})}}",
            "for error, attempt in refused.items():",
            "    try: attempt()",
            "    except error as exc: print(exc.cause_response_code)",
        )
    )
    assert done.stdout.split() == ["AccessDeniedException"] * 2, done.stderr
    assert table() == before
