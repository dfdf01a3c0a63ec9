"""The installation that a chaos run breaks: local AWS, the fault proxy and filehub's processes."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

from local.aws import CREDENTIALS, LocalAws, free_port
from tests.chaos.aws_fault_proxy import AwsFaultProxy
from tests.chaos.plan import Plan
from tests.chaos.processes import ROOT, Processes
from tests.chaos.report import Report
from tests.chaos.unruly_scanner import UnrulyScanner
from tests.chaos.uploaders import TYPES
from tests.support.processes import process

OWNERS = ("ann", "ben", "cem")
BUCKET, TABLE, EVENTS, TASKS, NOTIFICATIONS = (
    "filehub-uploads", "files", "filehub-events", "filehub-tasks", "chaos-notifications",
)  # fmt: skip
MIB = 1024**2

#: Seconds until a message that was received but not deleted is delivered again.
EVENTS_VISIBILITY, TASKS_VISIBILITY = 4, 12
#: Out of reach: the consumer retries for as long as it takes.
EVENTS_RECEIVES = 1000
#: Low enough that some tasks become dead letters and have to be replayed.
TASKS_RECEIVES = 6

#: Of the endpoint, and of its receiver.
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"only for chaos runs".ljust(32)).decode()

#: In one process, since each takes two seconds to start.
PREPARE = f"""
import json
from django.contrib.auth import get_user_model
from django.core.management import call_command
from uploads.accounts import api_tokens, owners
call_command('provision')
call_command('migrate', verbosity=0)
from uploads.files.file_events import EVENT_TYPES
from uploads.models import WebhookEndpoint
WebhookEndpoint.objects.create(
    name='chaos', url=WEBHOOK_URL, secret={WEBHOOK_SECRET!r}, events=' '.join(EVENT_TYPES)
)
users = [get_user_model().objects.create_user(name) for name in {OWNERS!r}]
print(json.dumps({{owners.owner_of(user): api_tokens.create(user) for user in users}}))
"""
ABORT_UNFINISHED = """
from uploads.aws import multipart
for upload in multipart.list_unfinished(1000).uploads:
    multipart.abort_key(upload.key, upload.s3_upload_id)
"""
PURGE = """
from uploads.files import purge
purge.purge()
"""
#: Files whose check was lost after beat was stopped.
SWEEP_SCANS = """
from uploads.ingest import scans
scans.sweep()
"""
#: What fell due after beat was stopped, or was claimed by a worker that was killed.
DELIVER_WEBHOOKS = """
import time
from datetime import UTC, datetime, timedelta
from uploads.files import outbox
from uploads.integrations import publish
from uploads.integrations.webhooks import deliver, deliveries
from uploads.models import WebhookDelivery
outbox.OVERDUE = timedelta(seconds=-1)
until = time.monotonic() + 60
while (left := outbox.overdue(1000)) or deliveries.counts().pending:
    assert time.monotonic() < until, f"{deliveries.counts()}, {len(left)} items in the outbox"
    publish.publish(left)
    # Nothing older is left for which renames have to wait.
    WebhookDelivery.objects.filter(status="pending").update(next_attempt_at=datetime.now(UTC))
    for endpoint in deliveries.endpoints_with_due():
        deliver.deliver(endpoint)
    time.sleep(0.2)
print(deliveries.counts())
"""


class Installation:
    """All of filehub in a directory of its own, which keeps the logs.

    The clients `sqs`, `s3` and `dynamodb` bypass the proxy.
    """

    def __init__(
        self, directory: Path, plan: Plan, report: Report, scanner: UnrulyScanner | None = None
    ) -> None:
        #: Checks files for malware, if there is one.
        self.scanner = scanner
        self._directory, self._report = directory, report
        self._webhooks, self._webhook_url = directory / "webhooks", ""
        self._stack = ExitStack()
        self._aws = LocalAws(directory / "aws", free_port())
        self.proxy = AwsFaultProxy(self._aws.port, plan)
        self._port = free_port()
        self.site = f"http://127.0.0.1:{self._port}"
        # The worker's rules are stricter than the web's, so that it rejects some uploads.
        self._worker_rules = {
            "FILEHUB_ALLOWED_TYPES": ",".join(type_.partition(";")[0] for type_ in TYPES)
        }
        self.processes = Processes(
            directory, self._environment(self.proxy.url), {"worker": self._worker_rules}
        )
        self.sqs, self.s3, self.dynamodb = map(self._client, ("sqs", "s3", "dynamodb"))
        #: API tokens by owner.
        self.api_tokens: dict[str, str] = {}
        #: Addresses of the queues by name.
        self.queue_urls: dict[str, str] = {}

    def start(self) -> None:
        if self.scanner is not None:
            self.scanner.start()
        self._aws.start()
        self.proxy.start()
        log = self._directory / "receiver.log"
        receiver = ("-m", "tests.support.webhook_receiver", WEBHOOK_SECRET, str(self._webhooks))
        self._stack.enter_context(process(*receiver, ready="listening on ", log=log))
        self._webhook_url = f"http://127.0.0.1:{log.read_text().split()[-1]}/"

    def stop(self) -> None:
        self.processes.end()
        self._stack.close()
        self.proxy.stop()
        self._aws.stop()
        if self.scanner is not None:
            self.scanner.stop()

    def _environment(self, endpoint: str) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_", "CELERY_"))
        }
        scanner = (
            {"FILEHUB_SCAN": "clamd", "FILEHUB_CLAMD": self.scanner.url} if self.scanner else {}
        )
        return inherited | CREDENTIALS | scanner | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "tests.chaos.chaos_settings",
            "DJANGO_SECRET_KEY": "only-for-chaos-" + "0123456789abcdef" * 2,
            "DJANGO_STATIC_ROOT": str(self._directory / "static"),
            "DATABASE_URL": f"sqlite:///{self._directory / 'db.sqlite3'}",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "FILEHUB_CORS_ORIGINS": self.site,
            "FILEHUB_WEBHOOK_PRIVATE_ADDRESSES": "on",
            "FILEHUB_MULTIPART_THRESHOLD": str(5 * MIB),
            "FILEHUB_PART_SIZE": str(5 * MIB),
            "LOCAL_DIR": str(self._directory),
            "FILEHUB_HEALTH_DIR": str(self._directory / "health"),
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
        }  # fmt: skip

    def _client(self, service: str) -> Any:
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=self._aws.url,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py past the proxy, with the worker's rules."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment(self._aws.url) | self._worker_rules,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            self._report.problems.append(
                f"manage.py {' '.join(arguments)}: {done.returncode} {done.stdout} {done.stderr}"
            )
        return done.stdout

    def webhooks(self) -> list[dict[str, Any] | None]:
        """The bodies that the receiver got, in order; None if a signature was wrong."""
        return list(map(json.loads, self._webhooks.read_text().splitlines()))

    def run_script(self, script: str) -> str:
        return self.manage("shell", "--no-imports", "-c", script)

    def prepare(self) -> None:
        """Provision AWS, create users, and let the bucket notify a queue of the chaos run."""
        self.api_tokens = json.loads(
            self.run_script(f"WEBHOOK_URL = {self._webhook_url!r}\n{PREPARE}").splitlines()[-1]
        )
        self.queue_urls = {
            name: self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for name in (EVENTS, TASKS, f"{EVENTS}-dlq", f"{TASKS}-dlq")
        }
        self._shorten(EVENTS, EVENTS_VISIBILITY, EVENTS_RECEIVES)
        self._shorten(TASKS, TASKS_VISIBILITY, TASKS_RECEIVES)
        url = self.sqs.create_queue(QueueName=NOTIFICATIONS)["QueueUrl"]
        self.queue_urls[NOTIFICATIONS] = url
        arn = self._attribute(NOTIFICATIONS, "QueueArn")
        self._allow_bucket_to_send(arn)
        configuration = self.s3.get_bucket_notification_configuration(Bucket=BUCKET)
        self.s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {
                        "QueueArn": arn,
                        "Events": notification["Events"],
                        "Filter": notification["Filter"],
                    }
                    for notification in configuration["QueueConfigurations"]
                ]
            },
        )

    def _allow_bucket_to_send(self, arn: str) -> None:
        """Copy the policy of filehub's own queue."""
        policy = json.loads(self._attribute(EVENTS, "Policy"))
        for statement in policy["Statement"]:
            statement["Resource"] = arn
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue_urls[NOTIFICATIONS], Attributes={"Policy": json.dumps(policy)}
        )

    def _attribute(self, queue: str, name: str) -> str:
        response = self.sqs.get_queue_attributes(
            QueueUrl=self.queue_urls[queue], AttributeNames=[name]
        )
        text: str = response["Attributes"][name]
        return text

    def _shorten(self, queue: str, visibility: int, receives: int) -> None:
        policy = json.loads(self._attribute(queue, "RedrivePolicy"))
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue_urls[queue],
            Attributes={
                "VisibilityTimeout": str(visibility),
                "ReceiveMessageWaitTimeSeconds": "3",
                "RedrivePolicy": json.dumps({**policy, "maxReceiveCount": receives}),
            },
        )

    def make_due(self, upload_id: str) -> bool:
        """End the time of a file in the trash, past filehub; False if it is not in the trash."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
        try:
            self.dynamodb.update_item(
                TableName=TABLE,
                Key={"id": {"S": upload_id}},
                UpdateExpression="SET purgeAt = :now",
                ConditionExpression="#state = :trashed",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":now": {"S": now}, ":trashed": {"S": "trashed"}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def record(self, upload_id: str) -> dict[str, Any] | None:
        """The record of a file as plain values, past filehub and the proxy."""
        item = self.dynamodb.get_item(
            TableName=TABLE, Key={"id": {"S": upload_id}}, ConsistentRead=True
        ).get("Item")
        return item and {name: next(iter(value.values())) for name, value in item.items()}

    def scanning(self) -> int:
        """The number of files that wait to be checked for malware."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=TABLE,
            ConsistentRead=True,
            FilterExpression="malware = :pending AND #state IN (:scanning, :trashed)",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":pending": {"S": "pending"}, ":scanning": {"S": "scanning"},
                ":trashed": {"S": "trashed"},
            },
        )  # fmt: skip
        return sum(page["Count"] for page in pages)

    def depth(self, queue: str) -> int:
        """Messages in a queue, including those that are in flight or delayed."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.queue_urls[queue],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return sum(map(int, attributes.values()))
