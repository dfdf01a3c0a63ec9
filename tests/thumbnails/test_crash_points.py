"""A process that crashes anywhere while it makes or deletes a thumbnail leaves nothing wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from tests.chaos.crash_points import ChildRunner, CrashPoint
from tests.support.files import removal
from tests.thumbnails.helpers import changes, created, record, stored, thumbnails, with_thumbnail
from tests.thumbnails.test_deletion import DELETIONS
from uploads.aws import s3
from uploads.core.errors import BackendUnavailable
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.thumbnails import make

pytestmark = pytest.mark.usefixtures("aws", "render_once")

#: The modules in which the state of AWS changes.
WRITING = {"make.py", "follow.py", "thumbnails.py", "store.py", "queue.py"}
#: `make test` crashes at each n-th of their lines.
SAMPLE = 20


def crash_everywhere(
    prepare: Callable[[], str], step: Callable[[str], object], *, every: int
) -> list[str]:
    """Prepare and run the step once for each of its lines, and crash there; return the ids."""
    first = prepare()
    step(first)  # This creates the clients.
    runner = ChildRunner()
    second = prepare()
    complete = runner.run(partial(step, second))
    lines = [line for line in dict.fromkeys(complete.lines) if line.split(":")[0] in WRITING]
    assert {line.split(":")[0] for line in lines} >= {"store.py", "thumbnails.py"}
    ids = [first, second]
    for line in lines[::every]:
        upload_id = prepare()
        result = runner.run(partial(step, upload_id), crash_at=CrashPoint(line, 1))
        assert result.killed, line
        ids.append(upload_id)
    return ids


def test_making_one_may_crash_at_any_line(full_size: bool) -> None:
    every = 1 if full_size else SAMPLE
    ids = crash_everywhere(stored, make.make, every=every)
    # SQS delivers their tasks again.
    for upload_id in ids:
        make.make(upload_id)
    assert thumbnails() == set(ids)
    assert {record(upload_id).thumbnail for upload_id in ids} == {"60x40"}
    # Each was stored once, and shown differently once.
    assert changes() == 2 * len(ids)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "deletion", ["removed from the bucket", "deleted from the trash", "purged"]
)
@pytest.mark.parametrize("order", ["event first", "task first"])
def test_a_file_may_be_deleted_after_making_its_thumbnail_crashed(
    full_size: bool, deletion: str, order: str
) -> None:
    """S3's event, and the task that is delivered again, may come in any order."""
    ids = crash_everywhere(stored, make.make, every=1 if full_size else SAMPLE)
    for upload_id in ids:
        DELETIONS[deletion](upload_id)
        if order == "event first":
            removal(upload_id, 9)
            make.make(upload_id)
            continue
        with suppress(BackendUnavailable):  # The object is gone, and the record does not know.
            make.make(upload_id)
        removal(upload_id, 9)
        make.make(upload_id)
    assert thumbnails() == set()


@pytest.mark.exhaustive
def test_deleting_one_may_crash_at_any_line(full_size: bool) -> None:
    def prepare() -> str:
        upload_id = with_thumbnail()
        s3.delete(upload_id)
        return upload_id

    def remove(upload_id: str) -> None:
        event = ObjectEvent("removed", upload_id, created(upload_id, 9).sequencer)
        assert confirm.apply_event(event) in {"removed", "unchanged"}

    ids = crash_everywhere(prepare, remove, every=1 if full_size else SAMPLE)
    # S3's event is delivered again.
    for upload_id in ids:
        remove(upload_id)
    assert thumbnails() == set()
    assert {record(upload_id).state for upload_id in ids} == {"deleted"}
