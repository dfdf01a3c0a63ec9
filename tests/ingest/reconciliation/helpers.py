"""Create objects and records in every combination, and read what a run did."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import boto3
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.management import call_command

from tests.support.records import erase, tamper
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.ingest import confirm, records
from uploads.ingest.reconciliation import reconcile
from uploads.ingest.reconciliation.reconcile import Plan

OWNER = "7"
NOW = timedelta(0)
#: Examines everything, however young.
ALL = Plan("all", min_age=NOW)
#: The same, with checkpoints.
RESUMABLE = replace(ALL, resumable=True)
aws = pytest.mark.usefixtures("aws")


def create_object(
    age: timedelta = timedelta(hours=1),
    body: bytes = b"hello",
    name: str = "a.txt",
    secret: str = "",
) -> str:
    """Create an object as an upload does, signed some time ago, without an event.

    With a `secret`, another installation signed it.
    """
    upload_id = new_id(datetime.now(UTC) - age, secret)
    put(upload_id, body, name)
    return upload_id


def put(upload_id: str, body: bytes, name: str = "a.txt") -> None:
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=body,
        ContentType="text/plain",
        Metadata=s3.metadata(OWNER, name),
    )


def create_file(**details: Any) -> str:
    """Create an object with its record."""
    upload_id = create_object(**details)
    assert confirm.confirm(upload_id) == "stored"
    return upload_id


def create_last_file() -> str:
    """Create the last file that a run examines, which shows that the bucket is the right one."""
    moment = datetime.now(UTC) - timedelta(minutes=5)
    upload_id = ""
    while not upload_id.endswith(keys.SHARDS[-1]):
        upload_id = new_id(moment)
    put(upload_id, b"hello")
    assert confirm.confirm(upload_id) == "stored"
    return upload_id


def new_id(moment: datetime, secret: str = "") -> str:
    """An id that this installation issued at that time; with a `secret`, another installation."""
    bits = random.SystemRandom().getrandbits(42)
    return keys.upload_id_at(moment, OWNER, secret or settings.SECRET_KEY, bits)


def delete_record(upload_id: str) -> None:
    """Delete the record and keep the object."""
    erase(upload_id)


def set_times(upload_id: str, **moments: datetime) -> None:
    """Change timestamps of a record."""
    actions = [getattr(StoredFile, name).set(moment) for name, moment in moments.items()]
    tamper(upload_id, *actions)


def objects() -> set[str]:
    pages = clients.s3().get_paginator("list_objects_v2").paginate(Bucket=conf().bucket)
    ids = {keys.upload_id_of(entry["Key"]) for page in pages for entry in page.get("Contents", [])}
    return {upload_id for upload_id in ids if upload_id}


def recorded(state: str = "stored") -> set[str]:
    return {record.id for record in StoredFile.scan(StoredFile.state == state)}


def table() -> list[dict[str, Any]]:
    """All raw items of the table."""
    client = boto3.client(
        "dynamodb", region_name=conf().region, endpoint_url=conf().endpoint("dynamodb")
    )
    pages = client.get_paginator("scan").paginate(TableName=conf().table)
    items = [dict(item) for page in pages for item in page["Items"]]
    return sorted(items, key=lambda item: str(item["id"]))


def differences(result: reconcile.Result) -> dict[str, int]:
    """The non-zero counts, without the numbers of examined items."""
    counts = vars(result.counts)
    examined = {"objects", "records", "examined"}
    return {name: count for name, count in counts.items() if count and name not in examined}


def run_command(*arguments: str) -> str:
    out = StringIO()
    call_command("reconcile", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def create_records_without_objects(number: int) -> list[str]:
    """Write records that are an hour old and have no object in the bucket."""
    ids = []
    with StoredFile.batch_write() as batch:
        for _ in range(number):
            upload_id = new_id(datetime.now(UTC) - timedelta(hours=1))
            record = records.new_record(upload_id, "0" * 64, "stored")
            record.owner = record.owner_feed = OWNER
            record.file_name = record.name_key = "a.txt"
            record.etag, record.size, record.content_type = "e", 5, "text/plain"
            record.confirmed_at = datetime.now(UTC) - timedelta(hours=1)
            batch.save(record)
            ids.append(upload_id)
    return ids


PLAUSIBLE_MISSING = reconcile.PLAUSIBLE_MISSING


def hit_time_limit_at(upload_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start a run that Celery's time limit ends at this file."""
    head = s3.head

    def stop(examined: str) -> s3.StoredObject | None:
        if examined == upload_id:
            raise SoftTimeLimitExceeded
        return head(examined)

    with monkeypatch.context() as patch:
        patch.setattr(s3, "head", stop)
        with pytest.raises(SoftTimeLimitExceeded):
            reconcile.run(RESUMABLE)
