"""docs/operations.md, “Restoring”: its commands, run against local AWS."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import objects, recorded, run_command
from tests.project import documents
from tests.support import aws_cli
from tests.support.files import removal, store
from tests.support.policies import client
from tests.support.processes import ROOT
from uploads.core.conf import conf
from uploads.files import actions
from uploads.files.record import StoredFile

pytestmark = pytest.mark.usefixtures("own_queues")


def block(number: int) -> str:
    """One of the section's blocks of commands."""
    section = documents.section(documents.read("docs/operations.md"), "Restoring")
    blocks = documents.blocks(section, "bash")
    assert len(blocks) == 3
    return blocks[number]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with `aws` and `python` for PATH, and a database for the commands."""
    aws_cli.install(tmp_path)
    connection.ensure_connection()
    with closing(sqlite3.connect(tmp_path / "db.sqlite3")) as copy:
        copy.executescript("\n".join(connection.connection.iterdump()))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/db.sqlite3")
    # `provision` updates the stack of this test.
    monkeypatch.setenv("FILEHUB_PREFIX", f"stack-{conf().bucket.removeprefix('bucket-')}")
    path = f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    return tmp_path


def run_block(commands: str, **values: str) -> str:
    """Run commands with other values of the variables that they begin with."""
    for name, value in values.items():
        commands, count = re.subn(rf"^{name}=.*$", f"{name}={value}", commands, flags=re.MULTILINE)
        assert count == 1, name
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.exhaustive
def test_the_table_is_restored_and_used(shell: Path, settings: Settings) -> None:
    kept, reassigned = store("7"), store("7")
    actions.change_owner(reassigned, "8", "1")
    name = f"{conf().table}-restored"
    output = run_block(block(0), table=conf().table, restored=name)
    assert f"Table = {name}" in output
    dynamodb = client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expiresAt")
    restored = dynamodb.describe_table(TableName=name)["Table"]
    assert restored["DeletionProtectionEnabled"] is True
    indexes = {index["IndexName"] for index in restored["GlobalSecondaryIndexes"]}
    assert indexes == set(StoredFile._indexes)
    settings.FILEHUB = settings.FILEHUB | {"TABLE": name}
    assert recorded() == objects() == {kept, reassigned}
    assert StoredFile.get(reassigned).owner == "8"


@pytest.mark.exhaustive
def test_deleted_objects_are_restored_from_their_versions(shell: Path) -> None:
    s3 = client("s3")
    s3.put_bucket_versioning(Bucket=conf().bucket, VersioningConfiguration={"Status": "Enabled"})
    since = datetime.now(UTC).replace(tzinfo=None, microsecond=0).isoformat()
    kept, deleted, deleted_before = store("7"), store("7"), store("7")
    for upload_id in (deleted, deleted_before):
        removal(upload_id, 9)
    assert objects() == {kept}
    run_block(block(1), bucket=conf().bucket, since="2099-01-01T00:00:00")
    assert objects() == {kept}
    run_block(block(1), bucket=conf().bucket, since=since)
    assert objects() == {kept, deleted, deleted_before}
    # The document says to wait two minutes; this does not.
    run_command("--all", "--min-age", "0m", "--restart")
    assert recorded() == objects()
