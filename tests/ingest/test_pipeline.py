"""The whole pipeline with a real consumer and a real Celery worker on SQS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.files import put_under, upload
from tests.support.processes import consumer, stop, worker
from tests.support.users import Api
from tests.support.waiting import wait_for
from uploads.aws import s3
from uploads.files import queries
from uploads.files.record import StoredFile
from uploads.transfers import begin

OWNER = "7"


def listed() -> set[str]:
    return {info.id for info in queries.files_of(OWNER, limit=200).files}


@pytest.mark.usefixtures("pipeline")
def test_an_upload_is_listed_without_polling() -> None:
    upload_id = upload(OWNER)
    wait_for(lambda: listed() == {upload_id})


@pytest.mark.usefixtures("pipeline")
def test_a_deletion_leaves_the_lists(api: Api) -> None:
    upload_id = upload(api.owner)
    path = f"/uploads/{upload_id}"
    wait_for(lambda: api.get(path).json()["state"] == "stored")
    api.delete(f"/files/{upload_id}")
    wait_for(lambda: api.get(path).json()["state"] == "deleted")
    assert api.get("/files").json() == []


@pytest.mark.usefixtures("pipeline")
def test_a_rejection_ends_as_rejected_with_its_reason(api: Api) -> None:
    # The worker has the real rules, so declare an invalid type past filehub's own check.
    upload_id = begin.begin_put(api.owner, file_name="a.txt").id
    put_under(upload_id, api.owner, b"x", "nonsense")
    wait_for(lambda: api.get(f"/uploads/{upload_id}").json()["state"] == "rejected")
    wait_for(lambda: set(StoredFile.get(upload_id).sequencer) != {"0"})
    assert "media type" in api.get(f"/uploads/{upload_id}").json()["reason"]
    # The object is deleted after its record has the reason, and the event of that is applied too.
    wait_for(lambda: s3.head(upload_id) is None)
    wait_for(lambda: StoredFile.get(upload_id).version >= 2)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_twenty_uploads_while_the_worker_is_down_are_all_listed(tmp_path: Path) -> None:
    with consumer(tmp_path):
        expected = {upload(OWNER, f"{n}.txt") for n in range(20)}
        assert listed() == set()
        with worker(tmp_path):
            wait_for(lambda: listed() == expected)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_uploads_while_everything_is_down_are_all_listed(tmp_path: Path) -> None:
    expected = {upload(OWNER, f"{n}.txt") for n in range(12)}
    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: listed() == expected)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_an_idle_consumer_stops_at_once_on_sigterm(tmp_path: Path) -> None:
    with consumer(tmp_path) as child:
        assert stop(child) == 0
    assert "Traceback" not in (tmp_path / "consumer.log").read_text()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("own_queues")
def test_a_killed_consumer_loses_nothing(tmp_path: Path) -> None:
    with consumer(tmp_path) as child:
        child.kill()
        expected = {upload(OWNER)}
    with consumer(tmp_path), worker(tmp_path):
        wait_for(lambda: listed() == expected)
