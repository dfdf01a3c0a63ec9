"""Data that earlier releases have left behind is read, and the work in their queues is done.

tests/upgrades/record_release.py has recorded it. This needs no git history, unlike test_upgrade.py.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import ROOT, consumer, worker
from tests.support.waiting import wait_for
from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.files import browse, recount, store
from uploads.files.record import SCHEMA, info_of, schema_of

RELEASES = sorted(path.parent.name for path in Path(__file__).parent.glob("*/data.json"))
OWNER = "1"


def restore(data: dict[str, Any]) -> None:
    """Put objects, records and messages where the release had them."""
    for stored in data["objects"]:
        body = base64.b64decode(stored["Body"])
        clients.s3().put_object(Bucket=conf().bucket, **{**stored, "Body": body})
    # Putting them has sent events, which the recorded messages stand for.
    clients.sqs().purge_queue(QueueUrl=sqs.url(conf().events_queue))
    for item in data["items"]:
        clients.dynamodb().put_item(TableName=conf().table, Item=item)
    for queue, kind in ((conf().tasks_queue, "tasks"), (conf().events_queue, "events")):
        for body in data[kind]:
            clients.sqs().send_message(QueueUrl=sqs.url(queue), MessageBody=body)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("release", RELEASES)
def test_what_an_earlier_release_left_behind_is_read_and_finished(
    release: str, tmp_path: Path
) -> None:
    data = json.loads((Path(__file__).parent / release / "data.json").read_text())
    restore(data)
    expected: dict[str, str] = data["expected"]
    before = {upload_id: store.get(upload_id) for upload_id in expected}
    assert data["tasks"]
    assert data["events"]
    assert None in before.values()

    def states() -> dict[str, str]:
        return {upload_id: record.state for upload_id, record in store.read(expected).items()}

    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: states() == expected)
    records = store.read(expected)
    for upload_id, record in before.items():
        if record is not None:
            assert info_of(records[upload_id]) == info_of(record)
    # What was written now has the number of this version.
    new = {schema_of(records[upload_id]) for upload_id, record in before.items() if not record}
    assert new == {SCHEMA}
    assert recount.differences() == []
    listed = browse.contents(OWNER, "", limit=100)
    assert {file.file_name for file in listed.files} >= {"Übersicht.txt", "new.txt", "task.txt"}
    assert {
        sqs.depth(sqs.dead_letter_queue(name)).visible
        for name in (conf().events_queue, conf().tasks_queue)
    } == {0}


@pytest.mark.parametrize("release", RELEASES)
def test_the_database_of_an_earlier_release_is_migrated(
    release: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(file)) as database:
        database.executescript((Path(__file__).parent / release / "database.sql").read_text())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}")
    script = (
        "from django.core.management import call_command; call_command('migrate', verbosity=0); "
        "from uploads.models import *; from uploads.accounts import api_tokens; "
        "print(Quota.objects.get().limit, WebhookEndpoint.objects.get().is_enabled, "
        "ApiToken.objects.get().user, AuditEntry.objects.count() > 0)"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1000000000", "False", "ann", "True"], done.stderr
