"""Every error of an AWS service becomes BackendUnavailable, and a later attempt succeeds."""

from __future__ import annotations

import pytest
from botocore import exceptions

from tests.support.aws_requests import AwsRequests
from tests.support.files import store, upload
from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import folder_items, moves, queries, trash, usage
from uploads.files import store as records
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
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


#: Errors of connections. Some have a `response`, which is None.
FAILURES = [
    exceptions.EndpointConnectionError(endpoint_url="u", error="e"),
    exceptions.ConnectTimeoutError(endpoint_url="u", error="e"),
    exceptions.ReadTimeoutError(endpoint_url="u", error="e"),
    exceptions.ConnectionClosedError(endpoint_url="u", error="e"),
    exceptions.SSLError(endpoint_url="u", error="e"),
    exceptions.ProxyConnectionError(proxy_url="u", error="e"),
    exceptions.HTTPClientError(error="e"),
    exceptions.ConnectionError(error="e"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_a_write_without_a_response_fails_as_one_that_may_be_repeated(
    aws: None, aws_requests: AwsRequests, failure: exceptions.BotoCoreError
) -> None:
    upload_id = store(OWNER)
    aws_requests.failure = failure
    aws_requests.cuts = lambda operation, body: operation in {"TransactWriteItems", "UpdateItem"}
    (result,) = trash.move_to_trash([upload_id], Actor(OWNER, OWNER))
    assert result.error is not None
    assert result.error.code == "unavailable"
    for write in (
        lambda: records.annotate(upload_id, [StoredFile.downloads.add(1)]),
        lambda: usage.correct(usage.owner_counter(OWNER), usage.Reading(), usage.Usage()),
        lambda: folder_items.ensure(OWNER, "A/B"),
        lambda: moves.update(upload_id, Actor(OWNER, OWNER), folder="A"),
        lambda: confirm.check(upload_id) and confirm.apply_event(
            ObjectEvent("created", upload_id, "9".ljust(64, "0"))
        ),
    ):  # fmt: skip
        with pytest.raises(BackendUnavailable):
            write()


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
