"""The baseline of confirming: what a short script with boto3 does for each event.

Receive ten messages, HeadObject for each, a conditional PutItem for each, and delete the ten. It
keeps no counters, checks no rule, knows neither removals nor repeated events in the wrong order.

    python -m benchmarks.raw_loop BUCKET QUEUE TABLE START

It begins when the file START exists, and ends when the queue is empty.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BATCH = 10
#: Printed once the loop only waits for START.
READY = "ready"
#: As PynamoDB writes times.
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f+0000"


def client(service: Any) -> Any:
    config = Config(signature_version="s3v4") if service == "s3" else None
    return boto3.client(
        service,
        region_name=os.environ["AWS_REGION"],
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        config=config,
    )


class RawLoop:
    """The loop, and its steps one by one for the latency benchmark."""

    def __init__(self, bucket: str, queue: str, table: str) -> None:
        self.s3, self.sqs, self.dynamodb = client("s3"), client("sqs"), client("dynamodb")
        self.bucket, self.table = bucket, table
        self.queue_url: str = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def run(self) -> None:
        """Confirm until the queue is empty."""
        while messages := self.receive(BATCH, wait=0):
            for message in messages:
                for key in keys_in(message["Body"]):
                    self.put(key, self.head(key))
            self.delete(messages)

    def receive(self, count: int, wait: int) -> list[dict[str, Any]]:
        response = self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=count, WaitTimeSeconds=wait
        )
        found: list[dict[str, Any]] = response.get("Messages", [])
        return found

    def send(self, body: str) -> None:
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=body)

    def head(self, key: str) -> dict[str, Any]:
        described: dict[str, Any] = self.s3.head_object(Bucket=self.bucket, Key=key)
        return described

    def put(self, key: str, described: dict[str, Any]) -> None:
        """Write a record with the same facts as filehub's, unless there is one."""
        metadata = described["Metadata"]
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={
                    "id": {"S": key.rpartition("/")[2]},
                    "uniqueFileName": {"S": key},
                    "state": {"S": "stored"},
                    "originalFileName": {"S": unquote(metadata["filename"])},
                    "contentType": {"S": described["ContentType"]},
                    "size": {"N": str(described["ContentLength"])},
                    "etag": {"S": described["ETag"].strip('"')},
                    "owner": {"S": unquote(metadata["owner"])},
                    "confirmedAt": {"S": datetime.now(UTC).strftime(TIME_FORMAT)},
                },
                ConditionExpression="attribute_not_exists(id)",
            )
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def delete(self, messages: list[dict[str, Any]]) -> None:
        self.sqs.delete_message_batch(
            QueueUrl=self.queue_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ],
        )


def keys_in(body: str) -> list[str]:
    """The keys in an S3 notification."""
    records = json.loads(body).get("Records", [])
    return [unquote_plus(record["s3"]["object"]["key"]) for record in records]


def main(bucket: str, queue: str, table: str, start: str) -> None:
    loop = RawLoop(bucket, queue, table)
    print(READY, flush=True)
    while not Path(start).exists():
        time.sleep(0.002)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
