"""`kill -9` before the lines that change folders: repeating the step completes it, exactly once.

`make test` tries a sample of the lines, `make test-all` all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.chaos.crash_points import ChildRunner, CrashPoint
from tests.support.files import store, upload
from tests.support.table import folder_totals
from uploads.core.errors import FolderNotFound
from uploads.files import folder_actions, moves, queries, recount, trash
from uploads.files.batches import Actor
from uploads.ingest import confirm

pytestmark = [pytest.mark.usefixtures("aws"), pytest.mark.timeout(1800)]

#: The modules that write, or decide about folders.
MODULES = {
    "folder_actions.py", "folder_items.py", "moves.py", "store.py", "batches.py", "trash.py",
    "counting.py",
}  # fmt: skip
SAMPLE = 120


@dataclass(frozen=True)
class Scenario:
    """What exists before a step, the step, and the folders afterwards, with their files."""

    prepare: Callable[[str], str]
    step: Callable[[str, str], object]
    folders: dict[str, int]


def two_levels(owner: str) -> str:
    store(owner, folder="A")
    return store(owner, folder="A/B")


def in_trash(owner: str) -> str:
    """A file in the trash whose folder does not exist any more."""
    upload_id = store(owner, folder="A/B")
    trash.move_to_trash([upload_id], Actor(owner, owner))
    for folder in ("A/B", "A"):
        folder_actions.delete(owner, folder)
    return upload_id


SCENARIOS = {
    "confirm the first file of a folder": Scenario(
        lambda owner: upload(owner, folder="A/B"),
        lambda owner, upload_id: confirm.confirm(upload_id),
        {"A": 0, "A/B": 1},
    ),
    "move a file to a new folder": Scenario(
        lambda owner: store(owner, folder="A"),
        lambda owner, upload_id: moves.update(upload_id, Actor(owner, owner), folder="B/C"),
        {"A": 0, "B": 0, "B/C": 1},
    ),
    "restore a file into a folder that was deleted": Scenario(
        in_trash,
        lambda owner, upload_id: trash.restore([upload_id], Actor(owner, owner)),
        {"A": 0, "A/B": 1},
    ),
    "move a file from a folder to the trash": Scenario(
        lambda owner: store(owner, folder="A"),
        lambda owner, upload_id: trash.move_to_trash([upload_id], Actor(owner, owner)),
        {"A": 0},
    ),
    "move a folder": Scenario(
        two_levels,
        lambda owner, upload_id: folder_actions.move(owner, "A", "C/D", owner),
        {"C": 0, "C/D": 1, "C/D/B": 1},
    ),
}


@pytest.mark.parametrize("every", [SAMPLE, pytest.param(1, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_step_that_crashed_anywhere_can_be_repeated(name: str, every: int) -> None:
    scenario = SCENARIOS[name]
    first = scenario.prepare("first")
    # This creates the clients.
    scenario.step("first", first)
    runner = ChildRunner()
    second = scenario.prepare("second")
    complete = runner.run(lambda: scenario.step("second", second))
    lines = [
        (number, line)
        for number, line in enumerate(complete.lines, start=1)
        if line.split(":")[0] in MODULES and line not in complete.lines[: number - 1]
    ]
    assert len(lines) > 20
    for number, line in lines[::every]:
        owner = f"{number:05} {line}"
        upload_id = scenario.prepare(owner)
        point = CrashPoint(line, complete.lines[:number].count(line))
        crashed = runner.run(lambda: scenario.step(owner, upload_id), crash_at=point)  # noqa: B023
        assert crashed.killed, owner
        # At this moment, too, every file is in one place, and counted there.
        assert recount.differences() == [], owner
        # A folder that was moved completely is not there any more.
        with suppress(FolderNotFound):
            scenario.step(owner, upload_id)
        totals = {path: files for path, (files, _, _) in folder_totals(owner).items()}
        assert totals == scenario.folders, owner
        assert len(queries.files_of(owner, limit=9).files) == sum(totals.values()), owner
    assert recount.differences() == []
