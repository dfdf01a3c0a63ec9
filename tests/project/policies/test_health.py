"""Healthy means that work can flow: a process without a permission that it needs is unhealthy."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.project.policies.work import forget_queues
from tests.support.files import upload
from tests.support.policies import UserKey, create_user, grants, policies, signed_by, without
from tests.support.waiting import wait_for
from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.ingest import consumer as consumer_module
from uploads.ingest import tasks
from uploads.ingest.consumer import Consumer
from uploads.worker import access, heartbeat, queueing_check
from uploads.worker.queueing_check import QueueingCheck

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture(autouse=True)
def _quick(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polls of an empty queue end at once, and heartbeats have a directory of their own."""
    settings.FILEHUB = settings.FILEHUB | {"HEALTH_DIR": str(tmp_path)}
    monkeypatch.setattr(clients, "POLL_SECONDS", 0)


def user_without(policy: str, *removed: tuple[str, str]) -> UserKey:
    """A user with this policy, but without these actions on resources that end like this."""
    document = policies()[policy]
    for action, end in removed:
        (grant,) = [
            grant
            for grant in grants(policy, document)
            if grant.action == action and grant.resource.endswith(end)
        ]
        document = without(document, grant)
    return create_user(document)


def is_healthy(process: str) -> bool:
    try:
        call_command("healthcheck", process)
    except CommandError:
        return False
    return True


def receive_an_event() -> None:
    upload("7")
    wait_for(lambda: sqs.depth(conf().events_queue).visible)


@pytest.mark.parametrize("has_event", [False, True], ids=["idle", "with an event"])
@pytest.mark.parametrize(
    "action",
    [
        "sqs:SendMessage",
        "sqs:GetQueueAttributes",
        # kombu retries this one for seconds.
        pytest.param("sqs:GetQueueUrl", marks=pytest.mark.exhaustive),
    ],
)
def test_a_consumer_that_cannot_queue_tasks_is_unhealthy(action: str, has_event: bool) -> None:
    if has_event:
        receive_an_event()
    consumer = Consumer()
    forget_queues()
    with signed_by(user_without("Consumer", (action, ":filehub-tasks"))):
        for _ in range(3):
            with pytest.raises(BackendUnavailable):
                consumer.step()
    assert not is_healthy("consumer")
    forget_queues()
    with signed_by(user_without("Consumer")):
        consumer.step()
    assert not is_healthy("consumer") or not has_event


def test_a_consumer_with_its_policy_is_healthy_when_idle() -> None:
    forget_queues()
    with signed_by(user_without("Consumer")):
        Consumer().step()
    assert is_healthy("consumer")
    assert sqs.depth(conf().tasks_queue).total == 1


class Clock:
    """The clock of the checks, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *modules: Any) -> None:
        self.now = 1000.0
        fake = SimpleNamespace(monotonic=lambda: self.now, sleep=time.sleep)
        for module in modules:
            monkeypatch.setattr(module, "time", fake)


def test_a_consumer_whose_batches_fail_stays_unhealthy_between_their_redeliveries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = Clock(monkeypatch, consumer_module, queueing_check)
    consumer = Consumer()
    receive_an_event()
    forget_queues()
    with signed_by(user_without("Consumer", ("sqs:DeleteMessage", ":filehub-events"))):
        with pytest.raises(BackendUnavailable):
            consumer.step()
        # The message is hidden for 60 s, so these polls find nothing.
        for seconds in (20, 20, 20):
            clock.now += seconds
            consumer.step()
    assert not is_healthy("consumer")
    # It was handled by another consumer, or fails no longer.
    clock.now += 20
    consumer.step()
    assert is_healthy("consumer")
    (tmp_path / "consumer").unlink()
    receive_an_event()
    assert consumer.step() == 1
    assert is_healthy("consumer")


def test_tasks_are_queued_only_if_nothing_else_was_queued_for_five_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch, queueing_check)
    queued: list[float] = []
    check = QueueingCheck(lambda: queued.append(clock.now))
    for seconds in (0, 100, 199, 1):
        clock.now += seconds
        check.ensure()
    assert queued == [1000, 1300]
    check.succeeded()
    clock.now += 299
    check.ensure()
    check.failed()
    check.ensure()
    assert queued == [1000, 1300, 1599]


def test_a_task_without_events_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    tasks.confirm_objects([])
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("removed", "named"),
    [
        ((), ""),
        ((("s3:GetObject", "/uploads/*"),), "s3:GetObject"),
        ((("s3:ListBucket", ""),), "s3:ListBucket"),
        ((("dynamodb:BatchGetItem", "/files"),), "dynamodb:BatchGetItem"),
        ((("dynamodb:UpdateItem", "/files"),), "dynamodb:UpdateItem"),
        (
            (("dynamodb:BatchGetItem", "/files"), ("dynamodb:UpdateItem", "/files")),
            "dynamodb:BatchGetItem, dynamodb:UpdateItem",
        ),
    ],
    ids=["none", "GetObject", "ListBucket", "BatchGetItem", "UpdateItem", "both"],
)
def test_a_worker_that_cannot_reach_objects_or_records_is_unhealthy(
    removed: tuple[tuple[str, str], ...],
    named: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(access, "_last_check", access._Check())
    with signed_by(user_without("Worker", *removed)):
        assert access.is_sufficient() is not bool(removed)
        # The result is kept for a minute.
        assert access.is_sufficient() is not bool(removed)
    assert caplog.text.count("do not allow") == bool(named)
    assert named in caplog.text


def test_a_service_that_cannot_be_reached_does_not_make_the_worker_unhealthy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_last_check", access._Check())
    nowhere = {
        "ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
    }
    settings.FILEHUB = settings.FILEHUB | nowhere
    assert access.is_sufficient()
    assert heartbeat.age("worker") is None
