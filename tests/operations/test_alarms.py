"""Alerts of deploy/monitoring, tried by causing it: real processes, and a real Prometheus that
scrapes the real /metrics.

What Prometheus does over time (`for`) is tested in test_monitoring.py. Here it is left out, and
where an alert fires after minutes or hours, the test moves the time of a record, or plays
CloudWatch; docs/operations.md says for which.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.operations.test_monitoring import NAMES, OPERATIONS
from tests.project import documents
from tests.support.clamd import die, fake_clamd, find_eicar
from tests.support.http import send
from tests.support.prometheus import firing, programs, prometheus, query
from tests.support.proxy import Proxy
from tests.support.site import CURRENT, MIB, Site
from tests.support.waiting import wait_for
from tests.support.webhook_receiver import Receiver, receiving
from uploads.models import WebhookEndpoint

TOKEN = "a-token-for-prometheus"
WEB, WORKER, CONSUMER = "filehub-web@8000", "filehub-worker", "filehub-consumer"
BUCKET, TABLE = "filehub-uploads", "files"
#: Seconds between two scrapes.
EVERY = 5
#: These fire earlier on a busy machine, on which a scrape takes so long that it is refused.
BUSY = {"FilehubRequestsFailing", "FilehubMetricsMissing"}
CREATE = """
from django.contrib.auth.models import User
from uploads.models import WebhookEndpoint
User.objects.create_superuser('ann')
WebhookEndpoint.objects.create(name='x', url={url!r}, secret={secret!r}, events='file.stored')
"""


class Broken:
    """A site that can be broken: its processes, S3 behind a proxy, a scanner, a receiver."""

    def __init__(self, directory: Path) -> None:
        self.site = Site(directory)
        self.s3_proxy = Proxy(self.site.aws.port)
        self._stack = ExitStack()
        #: When the consumer was stopped.
        self.stopped_at = 0.0
        self._notification: dict[str, Any] | None = None

    def __enter__(self) -> Broken:
        enter, site = self._stack.enter_context, self.site
        enter(site)
        enter(self.s3_proxy)
        self.clamd = enter(fake_clamd())
        self.receiver = enter(receiving(Receiver(WebhookEndpoint.new_secret())))
        site.settings = {
            "FILEHUB_METRICS_TOKEN": TOKEN,
            "FILEHUB_SCAN": "clamd",
            "FILEHUB_CLAMD": self.clamd.url,
            "FILEHUB_WEBHOOK_PRIVATE_ADDRESSES": "on",
            "AWS_ENDPOINT_URL_S3": self.s3_proxy.url,
        }
        site.manage(CURRENT, "provision")
        site.manage(CURRENT, "migrate", "--verbosity", "0")
        script = CREATE.format(url=self.receiver.url, secret=self.receiver.secret)
        site.manage(CURRENT, "shell", "-c", script)
        token = site.manage(CURRENT, "create_api_token", "ann").split()[-1]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for unit in (WORKER, CONSUMER, WEB):
            site.start(CURRENT, unit)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.ports[WEB]}"

    @cached_property
    def aws(self) -> Callable[[str], Any]:
        """A client of an AWS service, past the proxy."""
        return lambda service: boto3.client(
            service, region_name="us-east-1", endpoint_url=self.site.aws.url,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        response = send(method, f"{self.url}{path}", data, self._headers)
        assert response.status == 200, response
        return json.loads(response.body)

    def upload(self) -> str:
        """Upload a file, without waiting for its record; return its id."""
        signed = self.call("POST", "/get-url", {"file_name": "a.txt", "size": 5})
        assert send("PUT", signed["url"], b"hello", signed["headers"]).status == 200
        return str(signed["id"])

    def wait_until(self, upload_id: str, state: str) -> None:
        wait_for(lambda: self.call("GET", f"/uploads/{upload_id}")["state"] == state)

    def make_older(self, upload_id: str, age: timedelta) -> None:
        """Move the time at which a file was recorded into the past."""
        at = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
        self.aws("dynamodb").update_item(
            TableName=TABLE,
            Key={"id": {"S": upload_id}},
            UpdateExpression="SET confirmedAt = :at",
            ExpressionAttributeValues={":at": {"S": at}},
        )

    def report_age(self, queue: str, seconds: int) -> None:
        """Report the age of the oldest message, as CloudWatch does; local AWS does not."""
        self.aws("cloudwatch").put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": queue}],
                    "Value": seconds,
                }
            ],
        )

    def notify(self, *, on: bool) -> None:
        """Let S3 notify the queue, or no longer."""
        client = self.aws("s3")
        if self._notification is None:
            found = client.get_bucket_notification_configuration(Bucket=BUCKET)
            self._notification = {"QueueConfigurations": found["QueueConfigurations"]}
        client.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration=self._notification if on else {}
        )

    def reconcile(self, *, may_fail: bool = False) -> None:
        """Compare all objects with all records, as an operator does."""
        self.site.manage(
            CURRENT, "reconcile", "--all", "--restart", "--min-age", "0m", may_fail=may_fail
        )

    def begin_in_parts(self, *, expected: int) -> None:
        body = json.dumps({"file_name": "large.bin", "size": 10 * MIB}).encode()
        response = send("POST", f"{self.url}/uploads", body, self._headers)
        assert response.status == expected, response

    def depth(self, queue: str) -> int:
        client = self.aws("sqs")
        url = client.get_queue_url(QueueName=queue)["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(map(int, found.values()))


# The causes


def poison(broken: Broken) -> None:
    """A message that is no event of S3."""
    client = broken.aws("sqs")
    url = client.get_queue_url(QueueName="filehub-events")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="no JSON")


def refuse_webhooks(broken: Broken) -> None:
    """The receiver says that it is gone."""
    broken.receiver.status = 410
    broken.wait_until(broken.upload(), "stored")


def lose_the_scanner(broken: Broken) -> None:
    """clamd ends each connection without an answer; a file has waited eleven minutes."""
    broken.clamd.answer = die
    upload_id = broken.upload()
    broken.wait_until(upload_id, "scanning")
    broken.make_older(upload_id, timedelta(minutes=11))


def stop_the_worker(broken: Broken) -> None:
    """A task waits, and as CloudWatch would say after an hour, for too long."""
    broken.clamd.answer = find_eicar
    broken.site.stop(WORKER)
    broken.upload()
    wait_for(lambda: broken.depth("filehub-tasks"))
    broken.report_age("filehub-tasks", 3601)


def neglect_low_priority_tasks(broken: Broken) -> None:
    """The worker is still away, and so the check of a file for malware waits."""
    broken.report_age("filehub-tasks-low", 6 * 3600 + 1)


def stop_the_consumer(broken: Broken) -> None:
    """An event waits, and as CloudWatch would say after five minutes, for too long."""
    broken.site.start(CURRENT, WORKER)
    broken.site.stop(CONSUMER)
    for _ in range(5):
        broken.upload()
    broken.stopped_at = time.monotonic()
    wait_for(lambda: broken.depth("filehub-events"))
    broken.report_age("filehub-events", 301)


def confirm_late(broken: Broken) -> None:
    """The consumer was away for more than a minute."""
    wait_for(lambda: time.monotonic() - broken.stopped_at > 62, every=1)
    broken.site.start(CURRENT, CONSUMER)


def lose_events(broken: Broken) -> None:
    """S3 no longer notifies the queue, as if someone had removed the bucket's configuration.

    The file was found six minutes ago.
    """
    broken.notify(on=False)
    upload_id = broken.upload()
    broken.reconcile()
    broken.wait_until(upload_id, "stored")
    broken.make_older(upload_id, timedelta(minutes=6))


def fail_to_inspect(broken: Broken) -> None:
    """S3 fails on one object, which no event has announced either."""
    upload_id = broken.upload()
    broken.s3_proxy.fail_every(
        1, 500, lambda request: request.method == "HEAD" and upload_id in request.path
    )
    broken.reconcile(may_fail=True)
    broken.s3_proxy.reset()


def delete_all_objects(broken: Broken) -> None:
    """Objects of most files are gone, as in the wrong bucket, and no event has reported it."""
    broken.notify(on=True)
    ids = [broken.upload() for _ in range(60)]
    for upload_id in ids:
        broken.wait_until(upload_id, "stored")
    broken.notify(on=False)
    client = broken.aws("s3")
    for item in client.list_objects_v2(Bucket=BUCKET)["Contents"]:
        client.delete_object(Bucket=BUCKET, Key=item["Key"])
    broken.reconcile(may_fail=True)


def fail_requests(broken: Broken) -> None:
    """S3 is not available, so that no upload in parts begins."""
    broken.s3_proxy.fail_every(1, 503)
    for _ in range(3):
        for _ in range(5):
            broken.begin_in_parts(expected=503)
        # The rate of a new series is known after the second scrape.
        time.sleep(2 * EVERY)
    broken.s3_proxy.reset()


def stop_the_web(broken: Broken) -> None:
    broken.site.stop(WEB)


#: Alert -> its cause, in the order in which they are tried. Beat was never started.
CAUSES: dict[str, Callable[[Broken], None]] = {
    "FilehubReconciliationStopped": lambda broken: None,
    "FilehubDeadLetters": poison,
    "FilehubWebhooksFailing": refuse_webhooks,
    "FilehubScanningSlow": lose_the_scanner,
    "FilehubTasksWaiting": stop_the_worker,
    "FilehubLowPriorityTasksWaiting": neglect_low_priority_tasks,
    "FilehubEventsWaiting": stop_the_consumer,
    "FilehubConfirmationsSlow": confirm_late,
    "FilehubEventsMissing": lose_events,
    "FilehubReconciliationFailing": fail_to_inspect,
    "FilehubReconciliationAborted": delete_all_objects,
    "FilehubRequestsFailing": fail_requests,
    "FilehubMetricsMissing": stop_the_web,
}


def test_the_runbook_says_how_each_alert_was_caused() -> None:
    section = documents.section(OPERATIONS, "How the alerts were tried")
    assert sorted(documents.first_column(section)) == sorted(NAMES)
    assert set(CAUSES) == set(NAMES)


@pytest.fixture
def broken(tmp_path: Path) -> Iterator[Broken]:
    with Broken(tmp_path) as running:
        yield running


@pytest.mark.exhaustive
@pytest.mark.xdist_group("alarms")
def test_each_alert_fires_when_its_cause_is_there(
    broken: Broken, tmp_path: Path, show: Callable[[str], None]
) -> None:
    target = broken.url.removeprefix("http://")
    folder = programs(tmp_path)
    with prometheus(folder, tmp_path, target, token=TOKEN, every=f"{EVERY}s") as url:
        wait_for(lambda: query(url, "query?query=filehub_flow_files")["result"])
        caused: set[str] = set()
        for name, cause in CAUSES.items():
            if name == "FilehubMetricsMissing":
                wait_for(lambda: "FilehubMetricsMissing" not in firing(url))
            elif name not in BUSY and name != "FilehubReconciliationStopped":
                assert name not in firing(url)
            cause(broken)
            started = time.monotonic()
            wait_for(lambda name=name: name in firing(url), every=0.5)
            show(f"{name}: fires {time.monotonic() - started:.0f} s after its cause")
            caused.add(name)
            assert firing(url) - BUSY <= caused
            if name == "FilehubReconciliationStopped":
                _reconcile_as_beat_does(broken)
                wait_for(lambda: firing(url) - BUSY == set())


def _reconcile_as_beat_does(broken: Broken) -> None:
    """Queue the task for the worker, as beat does every five minutes."""
    script = "from uploads.ingest import tasks; tasks.reconcile_recent.delay()"
    broken.site.manage(CURRENT, "shell", "-c", script)
