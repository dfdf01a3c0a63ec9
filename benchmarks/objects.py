"""Objects as filehub's clients upload them, put directly so that only their events are measured."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.test import override_settings

from tests.support.local_aws import deploy_installation
from tests.support.waiting import wait_for
from uploads.aws import clients, s3, sqs
from uploads.core import keys

OWNER = "1"
#: 1 KiB that the content check does not read, as it does not read most types.
CONTENT = b"x" * 1024
CONTENT_TYPE = "application/octet-stream"
#: Objects that are put at the same time.
CONCURRENCY = 4


@dataclass(frozen=True)
class Resources:
    """What a program works on. The tasks queue is filehub's own; others leave it empty."""

    bucket: str
    events_queue: str
    tasks_queue: str
    table: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment for filehub's processes."""
        return {f"FILEHUB_{name.upper()}": value for name, value in asdict(self).items()}


def deploy() -> Resources:
    """Deploy new resources with filehub's template.

    Each program has its own: a process that was stopped may leave a poll behind, which takes a
    message that nobody sees until its visibility timeout.
    """
    return Resources(**{name.lower(): value for name, value in deploy_installation().items()})


@contextmanager
def in_use(resources: Resources) -> Iterator[None]:
    """Make filehub's functions work on these resources inside the block."""
    names = {name.upper(): value for name, value in asdict(resources).items()}
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
    """Put objects and wait until all of their events are in the queue; return their ids.

    A few events may already be in the hands of a consumer that is paused.
    """
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        ids = list(pool.map(lambda _: put(resources), range(count)))
    wait_for(lambda: sqs.depth(resources.events_queue).total >= count)
    return ids


def items(resources: Resources, ids: list[str]) -> list[dict[str, Any]]:
    """The items with these ids, as DynamoDB stores them, read consistently."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(ids), 100):
        requested: list[Any] = [{"id": {"S": upload_id}} for upload_id in ids[start : start + 100]]
        while requested:
            response = clients.dynamodb().batch_get_item(
                RequestItems={resources.table: {"Keys": requested, "ConsistentRead": True}}
            )
            found += response["Responses"][resources.table]
            rest: dict[str, Any] = dict(response["UnprocessedKeys"])
            requested = rest.get(resources.table, {}).get("Keys", [])
    return found


def wait_until_idle(*queues: str) -> None:
    """Wait until these queues have no message, neither waiting nor in flight."""
    wait_for(lambda: all(sqs.depth(queue).total == 0 for queue in queues), timeout=600, every=0.1)
