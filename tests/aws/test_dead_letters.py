"""Dead letters: reading them, replaying them, discarding them; none is ever lost."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.files import store, upload
from tests.support.local_aws import drain
from tests.support.processes import consumer, worker
from tests.support.waiting import wait_for
from uploads.aws import cloudwatch, dead_letters, s3, sqs
from uploads.core import keys
from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable
from uploads.files import queries
from uploads.files.listing import Wanted, find
from uploads.ingest import task_failures, tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.events import ObjectEvent
from uploads.ingest.task_failures import TaskFailure
from uploads.operations import dead_letter_summary, queue_status

OWNER = "7"
BUCKET = "b"
UPLOAD_ID = "0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d7"
KEY = f"uploads/7/{UPLOAD_ID}"


def events_queue() -> str:
    return env().filehub_events_queue


def dlq() -> str:
    return sqs.dead_letters_of(events_queue())


def bury(body: str, queue: str | None = None, **attributes: Any) -> str:
    """Put a letter into the dead-letter queue of a queue (of events); returns its id."""
    return sqs.client().send_message(
        QueueUrl=sqs.url(sqs.dead_letters_of(queue or events_queue())),
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "Binary", "BinaryValue": value}
            if isinstance(value, bytes)
            else {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
        },
    )["MessageId"]


def bodies(queue: str) -> list[str]:
    return sorted(message["Body"] for message in drain(queue))


@contextmanager
def before(operation: str, act: Callable[[], None]) -> Iterator[None]:
    """Something happens just before each call of this operation leaves this process."""
    events, name = sqs.client().meta.events, f"before-call.sqs.{operation}"

    def handler(**kwargs: Any) -> None:
        act()

    events.register(name, handler)
    try:
        yield
    finally:
        events.unregister(name, handler)


def break_connection() -> None:
    raise EndpointConnectionError(endpoint_url="http://sqs")


# Looking


@pytest.mark.usefixtures("aws")
def test_looking_changes_nothing() -> None:
    for number in range(25):
        bury(str(number))
    found = dead_letters.peek(events_queue())
    assert sorted(int(letter.body) for letter in found) == list(range(25))
    assert sqs.depth(dlq()) == sqs.Depth(visible=25, in_flight=0, delayed=0)


@pytest.mark.usefixtures("aws")
def test_looking_is_bounded_and_what_was_not_shown_is_still_there() -> None:
    for number in range(25):
        bury(str(number))
    assert len(dead_letters.peek(events_queue(), 12)) == 12
    assert sqs.depth(dlq()).visible == 25


@pytest.mark.usefixtures("aws")
def test_letters_come_oldest_first_with_what_sqs_knows_of_them() -> None:
    start = datetime.now(UTC) - timedelta(seconds=1)
    first = bury("1", error="It is not JSON.")
    bury("2")
    found = dead_letters.peek(events_queue())
    assert [letter.body for letter in found] == ["1", "2"]
    assert (found[0].id, found[0].error, found[0].received) == (first, "It is not JSON.", 1)
    assert start < found[0].sent_at < datetime.now(UTC)


@pytest.mark.usefixtures("aws")
def test_a_look_that_fails_half_way_hides_nothing() -> None:
    for number in range(12):
        bury(str(number))
    calls: list[None] = []

    def act() -> None:
        calls.append(None)
        if len(calls) == 2:
            break_connection()

    with before("ReceiveMessage", act), pytest.raises(BackendUnavailable):
        dead_letters.peek(events_queue())
    assert sqs.depth(dlq()).visible == 12


@pytest.mark.usefixtures("aws")
def test_the_status_counts_every_queue_and_receives_from_none_that_is_live() -> None:
    client, live = sqs.client(), sqs.url(events_queue())
    client.send_message(QueueUrl=live, MessageBody="a")
    client.send_message(QueueUrl=live, MessageBody="b", DelaySeconds=60)
    bury("c")
    statuses = {status.name: status for status in queue_status.queue_statuses()}
    assert statuses[events_queue()].depth == sqs.Depth(visible=1, in_flight=0, delayed=1)
    assert statuses[dlq()].depth == sqs.Depth(visible=1, in_flight=0, delayed=0)
    assert len(statuses) == 4
    (message,) = client.receive_message(
        QueueUrl=live, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    client.purge_queue(QueueUrl=live)


# The age of the oldest message


@pytest.mark.usefixtures("aws")
def test_the_age_of_a_live_queue_is_the_newest_figure_of_cloudwatch() -> None:
    name = f"age-{uuid.uuid4().hex}"
    now = datetime.now(UTC)
    for minutes, seconds in ((3, 30.0), (1, 90.0), (2, 60.0), (30, 7.0)):
        cloudwatch.client().put_metric_data(
            Namespace="AWS/SQS",
            MetricData=[
                {
                    "MetricName": "ApproximateAgeOfOldestMessage",
                    "Dimensions": [{"Name": "QueueName", "Value": name}],
                    "Timestamp": now - timedelta(minutes=minutes),
                    "Value": seconds,
                }
            ],
        )
    assert cloudwatch.oldest_ages(["other", name]) == {name: timedelta(seconds=90)}


@pytest.mark.usefixtures("aws")
def test_without_cloudwatch_the_ages_are_unknown_and_the_rest_is_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bury("x")
    sqs.client()  # This one has found its endpoint.
    monkeypatch.setattr(cloudwatch, "client", cloudwatch.client.__wrapped__)
    settings.ENV = env().model_copy(update={"aws_endpoint_url": "http://127.0.0.1:9"})
    live, dead, *_ = queue_status.queue_statuses()
    assert live.oldest is None
    assert dead.oldest is not None
    assert dead.oldest < timedelta(minutes=1)
    assert "CloudWatch" in caplog.text


# Replaying and discarding


@pytest.mark.usefixtures("aws")
def test_replaying_all_sends_every_letter_back_as_it_was() -> None:
    for number in range(23):
        bury(str(number), error="why", kept="this", raw=b"\x00\xff")
    outcome = dead_letters.replay(events_queue())
    assert len(outcome.done) == 23
    assert outcome.complete
    assert drain(dlq()) == []
    sent = drain(events_queue())
    assert sorted(int(message["Body"]) for message in sent) == list(range(23))
    assert sent[0]["MessageAttributes"]["kept"]["StringValue"] == "this"
    assert sent[0]["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
    assert set(sent[0]["MessageAttributes"]) == {"kept", "raw"}


@pytest.mark.usefixtures("aws")
def test_replaying_some_leaves_the_others_as_they_are() -> None:
    ids = [bury(str(number)) for number in range(15)]
    assert dead_letters.replay(events_queue(), [ids[3], ids[12]]).complete
    assert bodies(events_queue()) == ["12", "3"]
    assert sqs.depth(dlq()).visible == 13


@pytest.mark.usefixtures("aws")
def test_discarding_some_deletes_these_and_sends_nothing() -> None:
    ids = [bury(str(number)) for number in range(3)]
    assert dead_letters.discard(events_queue(), [ids[1]]).done == (ids[1],)
    assert bodies(dlq()) == ["0", "2"]
    assert bodies(events_queue()) == []


@pytest.mark.usefixtures("aws")
def test_discarding_all_deletes_all() -> None:
    for number in range(12):
        bury(str(number))
    assert len(dead_letters.discard(events_queue()).done) == 12
    assert sqs.depth(dlq()).total == 0


@pytest.mark.usefixtures("aws")
def test_a_letter_that_is_gone_is_reported_by_its_id() -> None:
    here, gone = bury("here"), str(uuid.uuid4())
    outcome = dead_letters.replay(events_queue(), [gone, here])
    assert (outcome.done, outcome.missing) == ((here,), (gone,))
    assert bodies(events_queue()) == ["here"]


@pytest.mark.usefixtures("aws")
def test_a_letter_is_still_in_its_queue_while_it_is_sent() -> None:
    bury("precious")
    seen: list[int] = []
    with before("SendMessageBatch", lambda: seen.append(sqs.depth(dlq()).total)):
        dead_letters.replay(events_queue())
    assert seen == [1]


@pytest.mark.usefixtures("aws")
def test_a_letter_that_cannot_be_sent_stays() -> None:
    bury("precious")
    with before("SendMessageBatch", break_connection), pytest.raises(BackendUnavailable):
        dead_letters.replay(events_queue())
    assert sqs.depth(dlq()).visible == 1


@pytest.mark.usefixtures("aws")
def test_a_connection_that_breaks_after_sending_doubles_a_letter_and_loses_none() -> None:
    letter = bury("precious")
    with before("DeleteMessageBatch", break_connection):
        outcome = dead_letters.replay(events_queue())
    assert (outcome.done, outcome.doubled) == ((), (letter,))
    assert "SQS could not delete the dead letters" in outcome.stopped
    assert (bodies(events_queue()), bodies(dlq())) == (["precious"], ["precious"])


@pytest.mark.usefixtures("aws")
def test_what_sqs_refuses_to_take_stays_and_is_reported_and_the_others_go() -> None:
    client, url = sqs.client(), sqs.url(events_queue())
    small, large = bury("small"), bury("x" * 5000)
    client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    try:
        outcome = dead_letters.replay(events_queue())
    finally:
        client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1048576"})
    assert (outcome.done, outcome.failed) == ((small,), (large,))
    assert bodies(events_queue()) == ["small"]
    assert sqs.depth(dlq()).visible == 1


@pytest.mark.usefixtures("aws")
def test_what_sqs_refuses_to_delete_is_reported() -> None:
    """Its receipt is good no more: here, because somebody emptied the queue in between."""
    letter = bury("x")

    def purge() -> None:
        sqs.client().purge_queue(QueueUrl=sqs.url(dlq()))

    with before("DeleteMessageBatch", purge):
        outcome = dead_letters.replay(events_queue())
    assert (outcome.done, outcome.doubled) == ((), (letter,))


@pytest.mark.usefixtures("aws")
def test_replaying_all_ends_though_every_letter_comes_straight_back() -> None:
    for number in range(5):
        bury(f"not JSON {number}")
    counts: list[int] = []

    def consume() -> None:
        messages = drain(events_queue())
        counts.append(len(messages))
        for message in messages:
            sqs.send_to_dead_letters(events_queue(), message["Body"], "It is not JSON.")

    # Before it asks for more, what it sent is back already.
    with before("ReceiveMessage", _guard(consume)):
        outcome = dead_letters.replay(events_queue())
    assert len(outcome.done) == 5
    assert sum(counts) == 5
    assert sqs.depth(dlq()).visible == 5


def _guard(act: Callable[[], None]) -> Callable[[], None]:
    """Not within itself: `act` makes the same calls."""
    running: list[None] = []

    def guarded() -> None:
        if not running:
            running.append(None)
            try:
                act()
            finally:
                running.clear()

    return guarded


@pytest.mark.usefixtures("aws")
def test_letters_that_together_are_too_large_for_one_batch_are_replayed() -> None:
    for _ in range(4):
        bury("x" * 600_000)
    assert len(dead_letters.replay(events_queue()).done) == 4
    assert len(drain(events_queue())) == 4


@pytest.mark.usefixtures("aws")
def test_one_call_goes_through_no_more_letters_than_it_may() -> None:
    for number in range(15):
        bury(str(number))
    assert len(dead_letters.replay(events_queue(), limit=12).done) == 12
    assert sqs.depth(dlq()).visible == 3


@pytest.mark.usefixtures("aws")
def test_a_replayed_event_makes_it_whole() -> None:
    upload_id = upload(OWNER)
    (message,) = wait_for(lambda: drain(events_queue()))
    bury(message["Body"], error="The task queue was away.")
    assert queries.files_of(OWNER, limit=9).files == []

    assert dead_letters.replay(events_queue()).complete

    assert Consumer().step() == 1
    (task,) = drain(env().filehub_tasks_queue)
    tasks.confirm_objects(_arguments(task["Body"])[0])
    assert [info.id for info in queries.files_of(OWNER, limit=9).files] == [upload_id]


def _arguments(body: str) -> Any:
    envelope = json.loads(base64.b64decode(body))
    return json.loads(base64.b64decode(envelope["body"]))[0]


# The errors of tasks


@pytest.mark.usefixtures("aws")
def test_a_task_that_fails_leaves_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "head", _refuse)
    event = {"kind": "created", "upload_id": UPLOAD_ID, "sequencer": "1"}
    result = tasks.confirm_objects.apply(([event],))
    assert result.failed()
    failure = TaskFailure.get(TaskFailure.id_of(result.id))
    assert UPLOAD_ID in failure.error
    assert "S3 is away today" in failure.error
    assert failure.attempts == 1
    assert timedelta(days=27) < failure.expires_at - datetime.now(UTC) <= timedelta(days=28)


@pytest.mark.usefixtures("aws")
def test_the_last_error_stays_and_the_failures_are_counted() -> None:
    task_failures.record("t", "the first")
    task_failures.record("t", "x" * 9999)
    failure = TaskFailure.get(TaskFailure.id_of("t"))
    assert (failure.error, failure.attempts) == ("x" * 500, 2)


@pytest.mark.usefixtures("aws")
def test_a_task_fails_all_the_same_when_its_error_cannot_be_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(s3, "head", _refuse)
    monkeypatch.setattr(TaskFailure.Meta, "table_name", "no-such-table")
    monkeypatch.setattr(TaskFailure, "_connection", None)
    result = tasks.confirm_hint.apply((UPLOAD_ID,))
    assert isinstance(result.result, BackendUnavailable)
    assert "cannot be kept" in caplog.text


def _refuse(upload_id: str) -> None:
    raise BackendUnavailable("S3 is away today.")


@pytest.mark.usefixtures("aws")
def test_no_list_of_files_contains_the_errors_of_tasks() -> None:
    file = store(OWNER)
    task_failures.record("t", "x")
    for state in ("stored", "rejected", "deleted"):
        listed = find(Wanted(state), limit=99).files  # type: ignore[arg-type]
        assert [info.id for info in listed] == ([file] if state == "stored" else [])
    assert queries.any_file(TaskFailure.id_of("t")) is None


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_the_letter_of_a_task_that_a_real_worker_gave_up_says_what_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = env().filehub_tasks_queue
    # The queue gives it up after eight failures; here, after the first,
    # whoever asks next: a worker that was stopped may have left a poll behind.
    dead, live = sqs.dead_letters_of(queue), sqs.url(queue)
    arn = sqs.client().get_queue_attributes(QueueUrl=sqs.url(dead), AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    sqs.client().set_queue_attributes(
        QueueUrl=live,
        Attributes={
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}),
            # A worker that is stopped just when its task has failed may not shorten it any more.
            "VisibilityTimeout": "10",
        },
    )
    upload_id = upload(OWNER)
    # The processes cannot reach S3; this one can.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: "ConfirmationError" in (tmp_path / "worker.log").read_text())

    def given_up() -> bool:
        sqs.client().receive_message(QueueUrl=live, WaitTimeSeconds=1)
        return sqs.depth(dead).visible == 1

    wait_for(given_up)
    (letter,) = queue_status.list_dead_letters("tasks").letters
    assert letter.summary.title == "uploads.tasks.confirm_objects"
    assert "1 of 1 events failed" in letter.error
    assert upload_id in letter.error
    assert "127.0.0.1:9" in letter.error
    assert letter.failures >= 1
    assert [ref.key for ref in letter.summary.objects] == [keys.object_key(upload_id)]


# Permissions


def role(policy: str, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """From here on, this process may do what the policy of the stack allows, and no more."""
    admin = {"region_name": env().aws_region, "endpoint_url": env().aws_endpoint_url}
    outputs = boto3.client("cloudformation", **admin).describe_stacks(StackName="filehub")
    (arn,) = [
        output["OutputValue"]
        for output in outputs["Stacks"][0]["Outputs"]
        if output["OutputKey"] == policy
    ]
    iam, name = boto3.client("iam", **admin), f"role-{uuid.uuid4().hex[:8]}"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    for statement in document["Statement"]:
        actions = statement["Action"]
        # On AWS an action allows its batches; the local one wants to hear of them.
        statement["Action"] = [
            name
            for action in ([actions] if isinstance(actions, str) else actions)
            for name in (action, f"{action}Batch")
        ]
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    monkeypatch.setattr(TaskFailure.Meta, "aws_access_key_id", key["AccessKeyId"])
    monkeypatch.setattr(TaskFailure.Meta, "aws_secret_access_key", key["SecretAccessKey"])
    monkeypatch.setattr(TaskFailure, "_connection", None)
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=env().aws_region)


@pytest.mark.usefixtures("aws")
def test_the_policy_of_the_web_allows_what_the_page_does_and_no_receiving_from_live_queues(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for queue in (events_queue(), env().filehub_tasks_queue):
        bury("a", queue)
        bury(celery_body([]), queue)
    task_failures.record("t-1", "why")
    session = role("WebPolicyArn", monkeypatch)
    for module, service in ((sqs, "sqs"), (cloudwatch, "cloudwatch")):
        client = session.client(service, endpoint_url=env().aws_endpoint_url)  # type: ignore[call-overload]
        monkeypatch.setattr(module, "client", lambda client=client: client)
    sqs.url.cache_clear()

    assert len(queue_status.queue_statuses()) == 4
    for kind in queue_status.KINDS:
        first, second = queue_status.list_dead_letters(kind).letters
        assert second.error == ("why" if kind == "tasks" else "")
        assert dead_letters.replay(queue_status.queue_name(kind), [first.id]).complete
        assert dead_letters.discard(queue_status.queue_name(kind)).complete
        with pytest.raises(ClientError, match="AccessDenied"):
            sqs.client().receive_message(QueueUrl=sqs.url(queue_status.queue_name(kind)))
    assert "CloudWatch" not in caplog.text
    assert "cannot be read" not in caplog.text


@pytest.mark.usefixtures("aws")
def test_the_policy_of_the_worker_allows_to_keep_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    role("WorkerPolicyArn", monkeypatch)
    task_failures.record("t", "why")
    role("ConsumerPolicyArn", monkeypatch)
    with pytest.raises(BackendUnavailable):
        task_failures.record("t", "why")


# The command


@pytest.mark.usefixtures("aws")
def test_redrive_replays_both_queues_and_says_how_many() -> None:
    bury("a")
    bury("b")
    bury("c", env().filehub_tasks_queue)
    out = StringIO()
    call_command("redrive", stdout=out)
    assert f"{dlq()}: 2 dead letters went back" in out.getvalue()
    assert f"{env().filehub_tasks_queue}-dlq: 1 dead letters went back" in out.getvalue()
    assert bodies(events_queue()) == ["a", "b"]
    assert bodies(env().filehub_tasks_queue) == ["c"]


@pytest.mark.usefixtures("aws")
def test_redrive_of_one_queue_leaves_the_other() -> None:
    bury("a")
    bury("b", env().filehub_tasks_queue)
    call_command("redrive", queue="tasks", stdout=StringIO())
    assert sqs.depth(dlq()).visible == 1
    assert bodies(env().filehub_tasks_queue) == ["b"]


@pytest.mark.usefixtures("aws")
def test_a_dry_run_counts_and_changes_nothing() -> None:
    bury("a")
    out = StringIO()
    call_command("redrive", dry_run=True, stdout=out)
    assert f"{dlq()}: 1 dead letters would go back" in out.getvalue()
    assert sqs.depth(dlq()).visible == 1
    assert bodies(events_queue()) == []


@pytest.mark.usefixtures("aws")
def test_a_redrive_that_fails_says_so_in_a_sentence_and_does_the_other_queue() -> None:
    bury("b", env().filehub_tasks_queue)
    bury("a")
    calls: list[None] = []

    def first_only() -> None:
        calls.append(None)
        if len(calls) == 1:
            break_connection()

    with (
        before("SendMessageBatch", first_only),
        pytest.raises(CommandError, match="events: SQS could not send the dead letters back"),
    ):
        call_command("redrive", stdout=StringIO())
    assert sqs.depth(dlq()).visible == 1
    assert bodies(env().filehub_tasks_queue) == ["b"]


# Reading a letter


def s3_record(key: str = "uploads/a+b%2Bc", name: str = "s3:ObjectCreated:Put") -> dict[str, Any]:
    return {
        "eventName": name,
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key, "sequencer": "1"}},
    }


def celery_body(
    arguments: Any, task: str = "uploads.tasks.confirm_objects", task_id: str = "t-1"
) -> str:
    """As kombu puts it into SQS."""
    inner = json.dumps([arguments, {}, {"callbacks": None}])
    envelope = {
        "body": base64.b64encode(inner.encode()).decode(),
        "headers": {"task": task, "id": task_id},
        "properties": {"body_encoding": "base64"},
    }
    return base64.b64encode(json.dumps(envelope).encode()).decode()


ENVELOPES = {
    "S3": json.dumps({"Records": [s3_record()]}),
    "SNS": json.dumps({"Type": "Notification", "Message": json.dumps({"Records": [s3_record()]})}),
}


@pytest.mark.parametrize("body", ENVELOPES.values(), ids=ENVELOPES.keys())
def test_an_event_is_told_by_name_bucket_and_key(body: str) -> None:
    summary = dead_letter_summary.read_event(body, BUCKET)
    assert summary.title == "ObjectCreated:Put"
    assert summary.objects == (
        dead_letter_summary.ObjectRef("ObjectCreated:Put", BUCKET, "uploads/a b+c"),
    )
    assert summary.problem == ""


def test_an_event_of_eventbridge_is_told_too() -> None:
    body = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": "uploads/a+b"}},
    }
    summary = dead_letter_summary.read_event(json.dumps(body), BUCKET)
    assert summary.objects == (
        dead_letter_summary.ObjectRef("Object Created", BUCKET, "uploads/a+b"),
    )


def test_what_a_broken_record_does_say_is_told_and_what_is_wrong_with_it() -> None:
    record = {"eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": BUCKET}}}
    summary = dead_letter_summary.read_event(json.dumps({"Records": [record]}), BUCKET)
    assert summary.objects == (dead_letter_summary.ObjectRef("ObjectCreated:Put", BUCKET, ""),)
    assert "s3.object.key is missing" in summary.problem


def test_a_letter_of_many_objects_names_some_and_counts_the_others() -> None:
    body = json.dumps({"Records": [s3_record(f"uploads/{n}") for n in range(50)]})
    summary = dead_letter_summary.read_event(body, BUCKET)
    assert (len(summary.objects), summary.more) == (20, 30)


def test_a_task_is_told_by_name_and_objects() -> None:
    event = {"kind": "removed", "upload_id": UPLOAD_ID, "sequencer": "1"}
    summary = dead_letter_summary.read_task(celery_body([[event]]), BUCKET)
    assert (summary.title, summary.task_id) == ("uploads.tasks.confirm_objects", "t-1")
    assert summary.objects == (dead_letter_summary.ObjectRef("removed", BUCKET, KEY),)
    assert UPLOAD_ID in summary.text


def test_a_hint_names_its_object_and_a_reconciliation_none() -> None:
    hint = dead_letter_summary.read_task(celery_body([UPLOAD_ID]), BUCKET)
    assert hint.objects == (dead_letter_summary.ObjectRef("", BUCKET, KEY),)
    assert dead_letter_summary.read_task(celery_body([]), BUCKET).objects == ()


@pytest.mark.usefixtures("aws")
def test_what_celery_itself_queues_can_be_read() -> None:
    tasks.enqueue([ObjectEvent("created", UPLOAD_ID, "A" * 64)])
    (message,) = drain(env().filehub_tasks_queue)
    summary = dead_letter_summary.read_task(message["Body"], BUCKET)
    assert summary.title == "uploads.tasks.confirm_objects"
    assert summary.objects == (dead_letter_summary.ObjectRef("created", BUCKET, KEY),)
    assert uuid.UUID(summary.task_id)
    assert summary.problem == ""


HOSTILE = {
    "empty": "",
    "no JSON": "hello",
    "a number": "7",
    "a list": "[1, [2]]",
    "null": "null",
    "too deep to read": "[" * 100_000,
    "deep, and readable": '{"Records":' + "[" * 200 + "]" * 200 + "}",
    "a little too deep": '{"Records":' + "[" * 201 + "]" * 201 + "}",
    "huge": json.dumps({"Records": [s3_record("k" * 500_000)] * 2}),
    "many": json.dumps({"Records": [{}] * 50_000}),
    "a long number": '{"Records": [' + "9" * 10_000 + "]}",
    "a lone surrogate": '{"Records": [{"eventName": "\\ud800"}], "detail-type": "\\udfff"}',
    "control characters": json.dumps({"Records": [s3_record("a\x00\x1b[31m\u202eb")]}),
    "wrong types": json.dumps({"Records": [{"eventName": 1, "s3": [], "x": {"s3": None}}, 4]}),
    "SNS of nonsense": json.dumps({"Type": "Notification", "Message": "{"}),
    "SNS of no text": json.dumps({"Type": "Notification", "Message": {"a": 1}}),
    "EventBridge of nothing": json.dumps({"detail-type": "x", "detail": 3}),
    "base64 of garbage": base64.b64encode(b"\xff\xfe\x00").decode(),
    "base64 of JSON": base64.b64encode(b'{"body": "%%%", "headers": 5}').decode(),
    "no base64 after all": "====",
    "a task of garbage": celery_body({"a": 1}),
    "a task without arguments": celery_body(None),
    "a task with a hostile id": celery_body([], task_id="x" * 5000),
    "a task of strange events": celery_body([[1, None, {"upload_id": 3}, {"upload_id": "x"}]]),
}


@pytest.mark.parametrize("read", [dead_letter_summary.read_event, dead_letter_summary.read_task])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_letter_can_be_shown(
    read: Callable[[str, str], dead_letter_summary.Summary], body: str
) -> None:
    summary = read(body, BUCKET)
    shown = [summary.title, summary.problem, summary.task_id]
    shown += [part for ref in summary.objects for part in (ref.event, ref.bucket, ref.key)]
    assert all(len(text) <= 301 and (text.isprintable() or not text) for text in shown[1:])
    assert len(summary.title) <= 301 * 20
    assert len(summary.text) <= 8_001
    "".join([*shown, summary.text]).encode()
    assert "\x00" not in summary.text


def test_of_a_body_that_nobody_can_read_the_beginning_is_shown() -> None:
    summary = dead_letter_summary.read_event("lorem " * 500, BUCKET)
    assert summary.text == ("lorem " * 500)[:500] + "…"
    assert summary.problem == "It is not JSON."


def test_a_task_with_an_id_that_celery_never_made_is_not_looked_up() -> None:
    assert dead_letter_summary.read_task(celery_body([], task_id="x" * 5000), BUCKET).task_id == ""


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("kind", queue_status.KINDS)
def test_hostile_letters_do_not_hide_each_other(kind: queue_status.Kind) -> None:
    sendable = [body for body in HOSTILE.values() if 0 < len(body) < 1_000_000]
    for body in sendable:
        bury(body, queue_status.queue_name(kind))
    assert len(queue_status.list_dead_letters(kind).letters) == len(sendable)
