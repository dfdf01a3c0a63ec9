"""Every error of an AWS service becomes BackendUnavailable, and a later attempt succeeds."""

from __future__ import annotations

import pytest

from tests.support.aws_requests import AwsRequests
from tests.support.files import upload
from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import queries
from uploads.ingest import confirm, tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.events import ObjectEvent

OWNER = "7"

FAULTS = [
    ("s3", 503, "SlowDown"),
    ("s3", 500, "InternalError"),
    ("dynamodb", 400, "ProvisionedThroughputExceededException"),
    ("dynamodb", 400, "ThrottlingException"),
    ("dynamodb", 503, "ServiceUnavailable"),
]
SQS_FAULTS = [(400, "ThrottlingException"), (403, "RequestThrottled"), (503, "ServiceUnavailable")]
pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.mark.parametrize(("service", "status", "code"), FAULTS)
def test_a_task_fails_and_then_succeeds(
    aws: None, aws_requests: AwsRequests, service: str, status: int, code: str
) -> None:
    upload_id = upload(OWNER)
    events = [{"kind": "created", "upload_id": upload_id, "sequencer": "1".ljust(64, "0")}]
    aws_requests.refusals[service] = (status, code)
    with pytest.raises(BackendUnavailable):
        confirm.apply_event(ObjectEvent("created", upload_id, "1".ljust(64, "0")))
    aws_requests.counts()
    with pytest.raises(tasks.ConfirmationError, match=code if service == "dynamodb" else "S3|5"):
        tasks.confirm_objects(events)
    # The number of attempts is bounded, whatever the response.
    assert 1 < aws_requests.counts()[service] < 12
    aws_requests.refusals.clear()
    tasks.confirm_objects(events)
    assert [info.id for info in queries.files_of(OWNER, limit=9).files] == [upload_id]


@pytest.mark.parametrize(("status", "code"), SQS_FAULTS)
def test_a_poll_fails_and_then_succeeds(
    own_queues: None, aws_requests: AwsRequests, status: int, code: str
) -> None:
    clients.sqs().send_message(
        QueueUrl=sqs.url(conf().events_queue), MessageBody='{"Event": "s3:TestEvent"}'
    )
    consumer = Consumer()
    aws_requests.counts()
    aws_requests.refusals["sqs"] = (status, code)
    with pytest.raises(BackendUnavailable):
        consumer.step()
    # The loop itself pauses, and for longer.
    assert aws_requests.counts()["sqs"] == 1
    aws_requests.refusals.clear()
    assert consumer.step() == 1
    assert sqs.depth(conf().events_queue).total == 0
