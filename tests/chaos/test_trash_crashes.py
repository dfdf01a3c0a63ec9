"""`kill -9` before the lines that move files to the trash, restore, delete and purge them.

The next attempt completes what was begun, and nothing is lost or counted twice. `make test` has
two of these steps in test_folder_crashes.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.chaos.test_crash_points import BODY, crash_at_every_line, event, records, tasks_queue
from tests.support.files import upload
from tests.support.records import tamper
from uploads.aws import s3
from uploads.files import recount, states, trash, usage
from uploads.files.batches import Actor, Result
from uploads.files.record import StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm, tasks

pytestmark = pytest.mark.timeout(1800)

MODULES = frozenset(
    {
        "tasks.py", "purge.py", "trash.py", "batches.py", "states.py", "store.py", "counting.py",
        "folder_items.py", "s3.py",
    }
)  # fmt: skip


@pytest.mark.exhaustive
def test_a_purge_may_crash_at_any_line(own_queues: None) -> None:
    """Each child purges one file, and dies; the next purge completes what it has begun."""

    def prepare(owner: str) -> str:
        upload_id = upload(owner, body=BODY)
        assert confirm.apply_event(event("created", upload_id, 1)) == "stored"
        (result,) = trash.move_to_trash([upload_id], Actor(owner, owner))
        assert result.state == "trashed"
        tamper(upload_id, StoredFile.purge_at.set(datetime.now(UTC)))
        return upload_id

    ids = crash_at_every_line(tasks_queue(), prepare, tasks.purge_trash, MODULES)
    tasks.purge_trash()
    assert {s3.head(upload_id) for upload_id in ids.values()} == {None}
    by_id = records()
    for owner, upload_id in ids.items():
        assert states.is_being_purged(by_id[upload_id]), owner
        assert confirm.apply_event(event("removed", upload_id, 2)) == "removed"
    assert set(usage.usage_of(ids).values()) == {Usage(0, 0)}
    assert recount.differences() == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("change", ["trash", "restore", "delete"])
def test_a_change_of_the_trash_may_crash_at_any_line(own_queues: None, change: str) -> None:
    """The user tries again, and each file is in one state, with its object or without."""
    functions: dict[str, Callable[[list[str], Actor], list[Result]]] = {
        "trash": trash.move_to_trash,
        "restore": trash.restore,
        "delete": trash.delete,
    }
    latest = [""]

    def prepare(owner: str) -> str:
        latest[0] = upload_id = upload(owner, body=BODY)
        assert confirm.apply_event(event("created", upload_id, 1)) == "stored"
        if change != "trash":
            trash.move_to_trash([upload_id], Actor(owner, owner))
        return upload_id

    def step() -> None:
        functions[change](latest, Actor("1", None))

    ids = crash_at_every_line(tasks_queue(), prepare, step, MODULES)
    results = functions[change](list(ids.values()), Actor("1", None))
    assert [result.error for result in results] == [None] * len(ids)
    for upload_id in ids.values():
        assert (s3.head(upload_id) is None) == (change == "delete")
    assert recount.differences() == []
    expected = Usage(1, len(BODY)) if change == "restore" else Usage(1, len(BODY), 1, len(BODY))
    assert set(usage.usage_of(ids).values()) == {expected}
