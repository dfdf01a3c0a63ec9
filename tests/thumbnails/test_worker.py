"""The real worker makes thumbnails beside its other work, one at a time."""

from __future__ import annotations

import re
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from tests.support.files import upload
from tests.support.http import send
from tests.support.local_aws import drain
from tests.support.processes import consumer, process
from tests.support.users import Api
from tests.support.waiting import wait_for
from tests.thumbnails.helpers import OWNER, PNG, publisher, record, stored
from tests.thumbnails.samples import endless_pdf
from uploads.aws import clients, sqs
from uploads.core.conf import conf
from uploads.files import queries
from uploads.thumbnails.queue import TASK


@pytest.mark.usefixtures("pipeline")
def test_an_uploaded_picture_has_a_thumbnail_soon(api: Api) -> None:
    upload_id = upload(api.owner, "a.png", PNG, "image/png")
    path = f"/uploads/{upload_id}"

    def url() -> str:
        file = api.get(path).json()["file"]
        return str(file["thumbnail_url"] or "") if file else ""

    picture = send("GET", wait_for(url))
    assert (picture.status, picture.headers["Content-Type"]) == (200, "image/webp")
    # The event may come after a hint; it changes the record once more.
    wait_for(lambda: set(record(upload_id).sequencer) != {"0"})


def worker(directory: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    return process(
        "-m", "celery", "-A", "filehub", "worker", "--loglevel", "INFO", "--concurrency", "2",
        "--without-gossip", "--without-mingle", ready=" ready.", log=directory / "worker.log",
    )  # fmt: skip


def rendering(parent: int) -> int:
    """How many thumbnails are being rendered below this process."""
    count = 0
    for child in psutil.Process(parent).children(recursive=True):
        try:
            count += "uploads.thumbnails.child.pdf" in child.cmdline()
        except psutil.Error:  # It has just ended.
            continue
    return count


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_slow_files_take_one_process_and_leave_the_other_to_uploads(tmp_path: Path) -> None:
    slow = [stored(endless_pdf(), "application/pdf") for _ in range(3)]
    app = publisher()
    for upload_id in slow:
        app.send_task(TASK, ([upload_id],))
    highest = 0

    with consumer(tmp_path), worker(tmp_path) as running:

        def are_done() -> bool:
            nonlocal highest
            highest = max(highest, rendering(running.pid))
            # On a busy machine, a file may get too little processor time to be given up for good.
            log = (tmp_path / "worker.log").read_text()
            return all(
                f"{upload_id} has no" in log or f"{upload_id} failed" in log for upload_id in slow
            )

        wait_for(lambda: are_done() or highest)
        text = upload(OWNER)
        wait_for(lambda: queries.any_file(text))
        wait_for(are_done)
    assert highest == 1


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_a_replayed_dead_letter_is_retried_in_the_queue_that_it_is_in_now(tmp_path: Path) -> None:
    # A number is no id, whatever is tried.
    publisher().send_task(TASK, ([7],))
    (message,) = drain(conf().low_queue)
    # So does a replay while thumbnails are off.
    clients.sqs().send_message(QueueUrl=sqs.url(conf().tasks_queue), MessageBody=message["Body"])
    with worker(tmp_path) as running:
        log = tmp_path / "worker.log"
        # Again after the first pause, which kombu sets in the queue of the message.
        wait_for(lambda: len(re.findall("the thumbnail of 7 failed", log.read_text())) >= 2)
        assert running.poll() is None
    assert "InvalidParameterValue" not in log.read_text()
    assert "ReceiptHandleIsInvalid" not in log.read_text()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_a_worker_without_the_queue_of_thumbnails_confirms_all_files(tmp_path: Path) -> None:
    """After an upgrade without `provision`, say. Thumbnails follow when the queue exists."""
    low = conf().low_queue
    attributes = clients.sqs().get_queue_attributes(
        QueueUrl=sqs.url(low), AttributeNames=["RedrivePolicy"]
    )["Attributes"]
    clients.sqs().delete_queue(QueueUrl=sqs.url(low))
    with consumer(tmp_path), worker(tmp_path) as running:
        text, picture = upload(OWNER), upload(OWNER, "a.png", PNG, "image/png")
        wait_for(lambda: queries.any_file(text) and queries.any_file(picture))
        assert running.poll() is None
        assert "low-priority tasks are not processed" in (tmp_path / "worker.log").read_text()
        clients.sqs().create_queue(QueueName=low, Attributes=dict(attributes))
        # The event of the picture is retried with pauses, and the queue polled with pauses.
        wait_for(lambda: record(picture).thumbnail, timeout=120)
