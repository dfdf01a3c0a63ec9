"""Record what the previous release leaves behind, as data for tests/upgrades/test_recorded.py:

    python -m tests.upgrades.record_release 0.1

Run it once for each release: it starts the release, lets it do a bit of everything, stops it while
there is work in both queues, and writes table, objects, messages and database to a folder.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3

from tests.support.site import Site
from tests.support.waiting import wait_for
from tests.upgrades import previous_release
from tests.upgrades.loader import Loader

FOLDER = Path(__file__).parent
#: Seconds for which the poll of a stopped process may live on, and would swallow a message.
POLL = 21
#: Not in the records: sessions, the log of the admin site, and what migrations write themselves.
_LEFT_OUT = ("django_session", "django_admin_log", "sqlite_sequence")
CREATE = """
from django.contrib.auth.models import User
from uploads.models import Quota, WebhookEndpoint
user = User.objects.create_superuser('ann')
Quota.objects.create(user=user, limit=10**9)
WebhookEndpoint.objects.create(
    name='x', url='https://example.com/', secret='whsec_eA==', is_enabled=False
)
"""


def client(site: Site, service: str) -> Any:
    return boto3.client(
        service, region_name="us-east-1", endpoint_url=site.aws.url,
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip


def messages(site: Site, queue: str) -> list[str]:
    """The bodies of all messages of a queue."""
    sqs, bodies = client(site, "sqs"), []
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies += [message["Body"] for message in found]
    return bodies


def objects(site: Site) -> list[dict[str, Any]]:
    s3, bucket = client(site, "s3"), "filehub-uploads"
    found = []
    for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        response = s3.get_object(Bucket=bucket, Key=entry["Key"])
        found.append(
            {
                "Key": entry["Key"],
                "Body": base64.b64encode(response["Body"].read()).decode(),
                "ContentType": response["ContentType"],
                "Metadata": response["Metadata"],
            }
        )
    return found


def work(site: Site, loader: Loader) -> dict[str, str]:
    """Let the release do a bit of everything; return upload id -> the state that it must have."""

    def upload(name: str, body: bytes = b"hello", folder: str = "") -> str:
        upload_id = loader.upload(name, body, folder)
        assert upload_id is not None
        return upload_id

    def states(ids: list[str]) -> set[str]:
        answer = loader.call("GET", f"/uploads?ids={','.join(ids)}")
        return {found["state"] for found in answer}

    expected = {upload("Übersicht.txt"): "stored", upload("a.txt", folder="A/B"): "stored"}
    trashed, renamed = upload("t.txt", folder="A"), upload("r.txt")
    rejected = upload("page.txt", b"%PDF-1.7\n" + b"x" * 100)
    deleted = upload("d.txt")
    ids = [*expected, trashed, renamed, deleted]
    wait_for(lambda: states(ids) == {"stored"})
    loader.call("POST", "/files/trash", {"ids": [trashed]})
    loader.call("PATCH", f"/files/{renamed}", {"file_name": "new.txt", "tags": ["x"]})
    loader.call("DELETE", f"/files/{deleted}")
    wait_for(lambda: states([deleted]) == {"deleted"})
    wait_for(lambda: states([rejected]) <= {"stored", "rejected"})
    expected |= {trashed: "trashed", renamed: "stored"}
    # From here on, work is left in the queues: first a task, then an event.
    site.stop("filehub-worker")
    time.sleep(POLL)
    expected[upload("task.txt")] = "stored"
    wait_for(lambda: "queued: " + list(expected)[-1] in site.log("filehub-consumer").read_text())
    site.stop("filehub-consumer")
    time.sleep(POLL)
    expected[upload("event.txt", folder="C")] = "stored"
    return expected


def record(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site:
        release = previous_release.install(Path(folder))
        site.manage(release, "provision")
        site.manage(release, "migrate", "--verbosity", "0")
        site.manage(release, "shell", "-c", CREATE)
        token = site.manage(release, "create_api_token", "ann").split()[-1]
        for unit in ("filehub-worker", "filehub-consumer", "filehub-web@8000"):
            site.start(release, unit)
        loader = Loader(site.urls[:1], token)
        expected = work(site, loader)
        assert loader.problems == [], loader.problems
        dynamodb = client(site, "dynamodb")
        data = {
            "commit": previous_release.PREVIOUS,
            "expected": expected,
            "items": dynamodb.scan(TableName="files")["Items"],
            "objects": objects(site),
            "events": messages(site, "filehub-events"),
            "tasks": messages(site, "filehub-tasks"),
        }
        with closing(sqlite3.connect(site.directory / "db.sqlite3")) as database:
            lines = [
                line for line in database.iterdump() if not any(name in line for name in _LEFT_OUT)
            ]
    target.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True)
    (target / "data.json").write_text(f"{text}\n")
    (target / "database.sql").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    record(FOLDER / sys.argv[1])
