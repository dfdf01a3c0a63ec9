"""The real consumer and the real worker, while AWS is away, when they are stopped, and killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from local import run
from tests.plugin import AWS_PORT
from tests.support.files import upload
from tests.support.processes import consumer, worker
from tests.support.proxy import Proxy, Request
from tests.support.waiting import wait_for
from uploads.aws import sqs as queues
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.worker import shutdown

OWNER = "7"


@pytest.fixture(autouse=True)
def impatient(own_queues: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.chaos.impatient")
    monkeypatch.setenv("FILEHUB_HEALTH_DIR", str(tmp_path / "health"))
    for name in (conf().events_queue, conf().tasks_queue):
        queues.client().set_queue_attributes(
            QueueUrl=queues.url(name), Attributes={"VisibilityTimeout": "4"}
        )


def proxied(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(AWS_PORT) as proxy:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", proxy.url)
        yield proxy
        proxy.release()


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Before SQS, as the processes see it."""
    yield from proxied("SQS", monkeypatch)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Before S3, as the processes see it."""
    yield from proxied("S3", monkeypatch)


def operation(name: str) -> Any:
    return lambda request: request.headers.get("x-amz-target", "").endswith(f".{name}")


def looks(request: Request) -> bool:
    return request.method == "HEAD"


def looks_at(upload_id: str) -> Any:
    return lambda request: looks(request) and upload_id in request.path


def waiting(proxy: Proxy, match: Any) -> list[Request]:
    return [request for request in proxy.requests(match) if not request.over]


def is_stored(*upload_ids: str) -> bool:
    return {record.id for record in StoredFile.batch_get(upload_ids)} == set(upload_ids)


def is_there(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def alive(directory: Path) -> set[str]:
    """The processes that have given a sign of life since this was asked last."""
    found = {path.name for path in (directory / "health").glob("*")}
    for name in found:
        (directory / "health" / name).unlink()
    return found


@pytest.mark.exhaustive
def test_sqs_is_away_and_comes_back(sqs: Proxy, tmp_path: Path) -> None:
    """Refused, then throttled. Neither process ends, stops polling or polls without a pause."""
    both = {"consumer", "worker"}

    def failures(of_worker: str, of_consumer: str) -> bool:
        return (
            of_worker in (tmp_path / "worker.log").read_text()
            and of_consumer in (tmp_path / "consumer.log").read_text()
        )

    with consumer(tmp_path) as reader, worker(tmp_path) as working:
        first = upload(OWNER)
        wait_for(lambda: is_stored(first))
        sqs.refuse()
        second = upload(OWNER)
        wait_for(lambda: failures("ReceiveMessage failed", "ConnectionClosedError"))
        alive(tmp_path)
        before, began = len(sqs.requests()), time.monotonic()
        throttle = sqs.fail_every(1, 400)
        sqs.accept()
        wait_for(lambda: failures("failed: 400", "(400)") and throttle.struck >= 8)
        assert alive(tmp_path) == set()
        asked = len(sqs.requests()) - before
        # Half a second is the shortest pause of each, and now and then something else is asked.
        assert asked < 10 + 2 * (time.monotonic() - began) / 0.5
        sqs.reset()
        wait_for(lambda: is_stored(second))
        seen: set[str] = set()
        wait_for(lambda: seen.update(alive(tmp_path)) or seen == both)
        assert reader.poll() is working.poll() is None


@pytest.mark.exhaustive
def test_who_is_stopped_while_aws_does_not_answer_is_gone_in_time_and_loses_nothing(
    sqs: Proxy, s3: Proxy, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(consumer(tmp_path))
        working = stack.enter_context(worker(tmp_path))
        # Before the upload: the worker may be faster than this test.
        s3.hold(looks)
        first = upload(OWNER)
        wait_for(lambda: waiting(s3, looks_at(first)))
        sqs.hold(operation("SendMessage"))
        second = upload(OWNER)
        wait_for(lambda: waiting(sqs, operation("SendMessage")))
        children = psutil.Process(working.pid).children(recursive=True)
        for process in (reader, working):
            process.send_signal(signal.SIGTERM)
        # Not because the request that it waits for was given up: what they say below tells.
        assert reader.wait(60) == 0
        assert working.wait(60) == 1
        assert not [child for child in children if is_there(child)]
    assert "will come again" in (tmp_path / "consumer.log").read_text()
    assert "will be run again" in (tmp_path / "worker.log").read_text()
    assert not is_stored(first)
    sqs.release()
    s3.release()
    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: is_stored(first, second))


def test_the_grace_is_within_what_operators_are_told() -> None:
    """docs/deployment.md: 25 s. `make run` waits somewhat longer before it kills."""
    assert shutdown.GRACE <= 20
    assert run.GRACE > 25


@pytest.mark.exhaustive
def test_a_worker_that_is_killed_in_the_middle_of_a_task_loses_nothing(
    s3: Proxy, tmp_path: Path
) -> None:
    """First the process that runs the task, then the whole worker."""
    with consumer(tmp_path):
        with worker(tmp_path) as working:
            s3.hold(looks)
            first = upload(OWNER)
            wait_for(lambda: waiting(s3, looks_at(first)))
            (child,) = psutil.Process(working.pid).children()
            child.kill()
            wait_for(lambda: "WorkerLostError" in (tmp_path / "worker.log").read_text())
            s3.release()
            wait_for(lambda: is_stored(first))
            s3.hold(looks)
            second = upload(OWNER)
            wait_for(lambda: waiting(s3, looks_at(second)))
            for process in psutil.Process(working.pid).children():
                process.kill()
            working.kill()
            working.wait()
        s3.release()
        assert not is_stored(second)
        with worker(tmp_path):
            wait_for(lambda: is_stored(second))
