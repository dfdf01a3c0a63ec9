"""The real consumer and worker: AWS is unavailable, or they are stopped or killed."""

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
from uploads.aws import clients
from uploads.aws import sqs as queues
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.worker import shutdown

OWNER = "7"


@pytest.fixture(autouse=True)
def fast_timeouts(own_queues: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.chaos.fast_timeouts")
    monkeypatch.setenv("FILEHUB_HEALTH_DIR", str(tmp_path / "health"))
    for name in (conf().events_queue, conf().tasks_queue):
        clients.sqs().set_queue_attributes(
            QueueUrl=queues.url(name), Attributes={"VisibilityTimeout": "4"}
        )


def proxied(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with Proxy(AWS_PORT) as proxy:
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", proxy.url)
        yield proxy
        proxy.release()


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy between the processes and SQS."""
    yield from proxied("SQS", monkeypatch)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy between the processes and S3."""
    yield from proxied("S3", monkeypatch)


def operation(name: str) -> Any:
    return lambda request: request.headers.get("x-amz-target", "").endswith(f".{name}")


def is_head_object(request: Request) -> bool:
    return request.method == "HEAD"


def is_head_of(upload_id: str) -> Any:
    return lambda request: is_head_object(request) and upload_id in request.path


def waiting(proxy: Proxy, match: Any) -> list[Request]:
    return [request for request in proxy.requests(match) if not request.over]


def is_stored(*upload_ids: str) -> bool:
    return {record.id for record in StoredFile.batch_get(upload_ids)} == set(upload_ids)


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def heartbeats(directory: Path) -> set[str]:
    """The processes that have sent a heartbeat since the last call."""
    names = {path.name for path in (directory / "health").glob("*")}
    for name in names:
        (directory / "health" / name).unlink()
    return names


@pytest.mark.exhaustive
def test_both_processes_survive_an_outage_of_sqs(sqs: Proxy, tmp_path: Path) -> None:
    """Connections are refused, then throttled. Both processes keep polling, with pauses."""
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
        heartbeats(tmp_path)
        before, began = len(sqs.requests()), time.monotonic()
        throttle = sqs.fail_every(1, 400)
        sqs.accept()
        wait_for(lambda: failures("failed: 400", "(400)") and throttle.struck >= 8)
        assert heartbeats(tmp_path) == set()
        requests = len(sqs.requests()) - before
        # The shortest pause of each is half a second, and there are a few other requests.
        assert requests < 10 + 2 * (time.monotonic() - began) / 0.5
        sqs.reset()
        wait_for(lambda: is_stored(second))
        seen: set[str] = set()
        wait_for(lambda: seen.update(heartbeats(tmp_path)) or seen == both)
        assert reader.poll() is working.poll() is None


@pytest.mark.exhaustive
def test_processes_that_are_stopped_while_aws_hangs_end_in_time_and_lose_nothing(
    sqs: Proxy, s3: Proxy, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(consumer(tmp_path))
        working = stack.enter_context(worker(tmp_path))
        # Hold before the upload, since the worker may be faster than this test.
        s3.hold(is_head_object)
        first = upload(OWNER)
        wait_for(lambda: waiting(s3, is_head_of(first)))
        sqs.hold(operation("SendMessage"))
        second = upload(OWNER)
        wait_for(lambda: waiting(sqs, operation("SendMessage")))
        children = psutil.Process(working.pid).children(recursive=True)
        for process in (reader, working):
            process.send_signal(signal.SIGTERM)
        # The logs below show that they did not end because the request timed out.
        assert reader.wait(60) == 0
        assert working.wait(60) == 1
        assert not [child for child in children if is_running(child)]
    assert "will be redelivered" in (tmp_path / "consumer.log").read_text()
    assert "will be run again" in (tmp_path / "worker.log").read_text()
    assert not is_stored(first)
    sqs.release()
    s3.release()
    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: is_stored(first, second))


def test_the_grace_period_is_within_the_documented_limit() -> None:
    """docs/deployment.md says 25 s. `make run` waits somewhat longer before it kills."""
    assert shutdown.GRACE <= 20
    assert run.GRACE > 25


@pytest.mark.exhaustive
def test_a_worker_that_is_killed_during_a_task_loses_nothing(s3: Proxy, tmp_path: Path) -> None:
    """First the pool process that runs the task is killed, then the whole worker."""
    with consumer(tmp_path):
        with worker(tmp_path) as working:
            s3.hold(is_head_object)
            first = upload(OWNER)
            wait_for(lambda: waiting(s3, is_head_of(first)))
            (child,) = psutil.Process(working.pid).children()
            child.kill()
            wait_for(lambda: "WorkerLostError" in (tmp_path / "worker.log").read_text())
            s3.release()
            wait_for(lambda: is_stored(first))
            s3.hold(is_head_object)
            second = upload(OWNER)
            wait_for(lambda: waiting(s3, is_head_of(second)))
            for process in psutil.Process(working.pid).children():
                process.kill()
            working.kill()
            working.wait()
        s3.release()
        assert not is_stored(second)
        with worker(tmp_path):
            wait_for(lambda: is_stored(second))
