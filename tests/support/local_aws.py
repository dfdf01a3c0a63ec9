"""Local AWS: empty it, read its queues, deploy more resources."""

from __future__ import annotations

import base64
import json
import os
import uuid
from typing import Any

import urllib3
from django.conf import settings
from django.test import override_settings

from tests.support.processes import ROOT
from tests.support.waiting import wait_for
from uploads.aws import clients, sqs
from uploads.aws.cloudformation import deploy
from uploads.core.conf import conf
from uploads.files.record import StoredFile

TEMPLATE = ROOT / "infra" / "filehub.yaml"


def empty_the_table() -> None:
    with StoredFile.batch_write() as batch:
        for record in list(StoredFile.scan(attributes_to_get=["id"])):
            batch.delete(record)


def empty_the_bucket() -> None:
    client, bucket = clients.s3(), conf().bucket
    if objects := client.list_objects_v2(Bucket=bucket).get("Contents"):
        keys_ = [{"Key": entry["Key"]} for entry in objects]
        client.delete_objects(Bucket=bucket, Delete={"Objects": keys_, "Quiet": True})  # type: ignore[typeddict-item]
    for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def empty_the_queues() -> None:
    """Call this after emptying the bucket, which sends events."""
    queues = [conf().events_queue, conf().tasks_queue]
    queues += [conf().low_queue, *map(sqs.dead_letter_queue, queues)]
    for queue in _queues_with_messages().intersection(queues):
        clients.sqs().purge_queue(QueueUrl=sqs.url(queue))


def _queues_with_messages() -> set[str]:
    """Names, by a request of local AWS' own: one takes a tenth of the time of five purges."""
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_ministack/sqs/messages"
    ((queues,),) = (
        regions.values() for regions in urllib3.request("GET", url).json()["messages"].values()
    )
    return {queue.rpartition("/")[2] for queue, messages in queues.items() if messages}


def drain(queue: str) -> list[dict[str, Any]]:
    """Receive and delete all visible messages of a queue."""
    drained: list[dict[str, Any]] = []
    client, url = clients.sqs(), sqs.url(queue)
    while messages := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            drained.append(dict(message))
    return drained


def arguments(body: str) -> list[Any]:
    """The arguments of a task, from the message body that kombu writes."""
    return json.loads(base64.b64decode(json.loads(base64.b64decode(body))["body"]))[0]  # type: ignore[no-any-return]


def deploy_installation() -> dict[str, str]:
    """Deploy a bucket, its queues and a table; return the settings that name them.

    A stopped process may leave a long poll behind, which swallows a message until
    that message's visibility timeout; other tests must not wait for that.
    """
    suffix = uuid.uuid4().hex[:8]
    names = {
        "BUCKET": f"bucket-{suffix}",
        "EVENTS_QUEUE": f"events-{suffix}",
        "TASKS_QUEUE": f"tasks-{suffix}",
        "TABLE": f"table-{suffix}",
    }
    with override_settings(FILEHUB=settings.FILEHUB | names):
        deploy(f"stack-{suffix}", TEMPLATE.read_text())
    # S3 sends a test event for each of the three notifications.
    greetings: list[Any] = []
    wait_for(lambda: greetings.extend(drain(names["EVENTS_QUEUE"])) or len(greetings) >= 3)
    return names


def queued_tasks() -> list[list[dict[str, str]]]:
    """Receive all tasks from the tasks queue; return the events of each.

    Celery knows the queue that it was configured with, not the test's own.
    """
    queue = settings.CELERY_TASK_DEFAULT_QUEUE
    return [arguments(message["Body"])[0] for message in drain(queue)]
