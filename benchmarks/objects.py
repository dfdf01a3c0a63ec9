"""Objects as clients of filehub upload them, put directly so that only their events are measured."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import override_settings

from tests.support.local_aws import deploy_installation, drain
from tests.support.waiting import wait_for
from uploads.aws import clients, s3, sqs
from uploads.core import keys
from uploads.core.conf import conf

OWNER = "1"
#: 1 KiB that the content check does not read, as it does not read most types.
CONTENT = b"x" * 1024
CONTENT_TYPE = "application/octet-stream"
#: Objects that are put at the same time.
CONCURRENCY = 4


@dataclass(frozen=True)
class Resources:
    """The bucket, the queue of its events and the table that a program works on."""

    bucket: str
    events_queue: str
    table: str


def own() -> Resources:
    """Those of the installation."""
    return Resources(conf().bucket, conf().events_queue, conf().table)


def raw() -> Resources:
    """Deploy others with the same template for a program that is not filehub."""
    names = deploy_installation()
    return Resources(names["BUCKET"], names["EVENTS_QUEUE"], names["TABLE"])


@contextmanager
def in_use(resources: Resources) -> Iterator[None]:
    """Make filehub's functions work on these resources inside the block."""
    names = {
        "BUCKET": resources.bucket,
        "EVENTS_QUEUE": resources.events_queue,
        "TABLE": resources.table,
    }
    with override_settings(FILEHUB=settings.FILEHUB | names):
        yield


def put(resources: Resources) -> str:
    """Put one object with the key and metadata that filehub would have signed; return its id."""
    upload_id = keys.new_upload_id(OWNER, settings.SECRET_KEY)
    clients.s3().put_object(
        Bucket=resources.bucket,
        Key=keys.object_key(upload_id),
        Body=CONTENT,
        ContentType=CONTENT_TYPE,
        Metadata=s3.metadata(OWNER, f"{upload_id}.bin"),
    )
    return upload_id


def put_many(resources: Resources, count: int) -> list[str]:
    """Put objects and wait until all of their events are in the queue; return their ids."""
    with in_use(resources):
        drain(resources.events_queue)
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            ids = list(pool.map(lambda _: put(resources), range(count)))
        wait_for(lambda: sqs.depth(resources.events_queue).visible >= count)
    return ids


def items(resources: Resources, ids: list[str]) -> list[dict[str, Any]]:
    """The items with these ids, as DynamoDB stores them, read consistently."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 100):
        requested = [{"id": {"S": upload_id}} for upload_id in ids[start : start + 100]]
        while requested:
            response = clients.dynamodb().batch_get_item(
                RequestItems={resources.table: {"Keys": requested, "ConsistentRead": True}}
            )
            found += response["Responses"][resources.table]
            requested = response["UnprocessedKeys"].get(resources.table, {}).get("Keys", [])  # type: ignore[assignment]
    return found


def wait_until_idle(*queues: str) -> None:
    """Wait until these queues have no message, neither waiting nor in flight."""
    wait_for(
        lambda: all(sqs.depth(queue).total == 0 for queue in queues), timeout=600, every=0.1
    )
