"""Whatever happens to a file while its thumbnail is made, both agree with the record in the end."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image

from tests.support.files import removal
from tests.thumbnails.helpers import (
    OWNER,
    changes,
    created,
    put_object,
    record,
    stored,
    thumbnail,
    thumbnails,
)
from tests.thumbnails.test_deletion import ACTOR, OTHER, delete_from_trash, empty_trash, purge_now
from uploads.aws import thumbnails as gateway
from uploads.files import actions, moves, trash
from uploads.ingest import confirm
from uploads.thumbnails import make
from uploads.thumbnails.render import NotRendered

pytestmark = pytest.mark.usefixtures("aws", "render_once")

Step = Callable[[str], object]


def replace(body: bytes, type_: str) -> Step:
    def replaced(upload_id: str) -> None:
        put_object(upload_id, body, type_)
        confirm.apply_event(created(upload_id, 2))

    return replaced


def to_trash(upload_id: str) -> None:
    trash.move_to_trash([upload_id], ACTOR)


def to_trash_and_back(upload_id: str) -> None:
    to_trash(upload_id)
    trash.restore([upload_id], ACTOR)


@dataclass(frozen=True)
class Case:
    """What happens meanwhile, and then: what `make` returns, the state, and the thumbnail."""

    meanwhile: Step
    outcome: str
    state: str
    size: str | None


#: The object is gone at once; S3's event has arrived, or is still to come.
CASES = {
    "removed": Case(lambda upload_id: removal(upload_id, 9), "gone", "deleted", None),
    "trashed": Case(to_trash, "made", "trashed", "60x40"),
    "trashed and restored": Case(to_trash_and_back, "made", "stored", "60x40"),
    "deleted from the trash": Case(delete_from_trash, "gone", "trashed", None),
    "trash emptied": Case(empty_trash, "gone", "trashed", None),
    "purged": Case(purge_now, "gone", "trashed", None),
    "renamed and moved": Case(
        lambda upload_id: moves.update(upload_id, ACTOR, file_name="b.png", folder="Photos"),
        "made", "stored", "60x40",
    ),
    "given to another owner": Case(
        lambda upload_id: actions.change_owner(upload_id, "8", OWNER), "made", "stored", "60x40"
    ),
    "replaced by an image": Case(replace(OTHER, "image/png"), "made", "stored", "40x40"),
    "replaced by text": Case(replace(b"hello", "text/plain"), "gone", "stored", None),
    "rejected": Case(replace(b"<html>", "image/png"), "gone", "rejected", None),
    "made by another worker": Case(make.make, "made", "stored", "60x40"),
}  # fmt: skip


def pause_before(
    monkeypatch: pytest.MonkeyPatch, target: Any, name: str, step: Callable[[], object]
) -> None:
    """Do something before the first call of a function."""
    function, pending = getattr(target, name), [step]

    def paused(*args: Any, **kwargs: Any) -> Any:
        if pending:
            pending.pop()()
        return function(*args, **kwargs)

    monkeypatch.setattr(target, name, paused)


#: Where `make` pauses: before the download, the storing of the thumbnail, and the note of it.
PAUSES = {
    "download": (make.ranges, "download"),
    "storing": (gateway, "store"),
    "note": (make, "_note"),
}
#: `make test` pauses only where a thumbnail is already there and the record does not know.
TABLE = [
    pytest.param(pause, case, marks=[] if pause == "note" else pytest.mark.exhaustive)
    for pause in PAUSES
    for case in CASES
]


@pytest.mark.parametrize(("pause", "name"), TABLE)
def test_what_happens_meanwhile(pause: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case, upload_id = CASES[name], stored()
    target, function = PAUSES[pause]
    pause_before(monkeypatch, target, function, lambda: case.meanwhile(upload_id))
    assert make.make(upload_id) == case.outcome
    found = record(upload_id)
    assert (found.state, found.thumbnail) == (case.state, case.size)
    assert thumbnails() == ({upload_id} if case.size else set())
    if case.state == "trashed" and not case.size:
        # S3 reports the removal; then nothing is left.
        removal(upload_id, 9)
        assert (record(upload_id).state, thumbnails()) == ("deleted", set())


@pytest.mark.parametrize("pause", ["storing", "note"])
def test_a_worker_that_is_killed_leaves_its_task_which_deletes_what_it_stored(
    pause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is deleted before the task is delivered again."""
    upload_id = stored()

    def killed() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        pause_before(patched, *PAUSES[pause], killed)
        with pytest.raises(KeyboardInterrupt):
            make.make(upload_id)
    delete_from_trash(upload_id)
    assert make.make(upload_id) == "gone"
    removal(upload_id, 9)
    assert (record(upload_id).state, thumbnails()) == ("deleted", set())


def test_two_workers_note_one_change() -> None:
    upload_id = stored()
    before = changes()
    assert (make.make(upload_id), make.make(upload_id)) == ("made", "skipped")
    assert changes() == before + 1


@pytest.mark.parametrize("pause", PAUSES)
def test_the_thumbnail_is_of_the_object_in_the_record(
    pause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker makes that of the object that replaced this worker's."""
    upload_id = stored()

    def replaced_and_made() -> None:
        replace(OTHER, "image/png")(upload_id)
        assert make.make(upload_id) == "made"

    pause_before(monkeypatch, *PAUSES[pause], replaced_and_made)
    make.make(upload_id)
    picture = Image.open(io.BytesIO(thumbnail(upload_id)))
    assert "{}x{}".format(*picture.size) == record(upload_id).thumbnail == "40x40"


def fail(*_: object) -> None:
    raise NotRendered("MemoryError")


def test_a_failure_leaves_the_thumbnail_of_another_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """This one had too little memory for it, say."""
    upload_id, render = stored(), make.render

    def failing(*_: object) -> None:
        monkeypatch.setattr(make, "render", render)
        assert make.make(upload_id) == "made"
        fail()

    monkeypatch.setattr(make, "render", failing)
    make.make(upload_id)
    assert (record(upload_id).thumbnail, thumbnails()) == ("60x40", {upload_id})


def test_a_thumbnail_replaces_the_failure_of_another_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = stored()

    def other_worker() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(make, "render", fail)
            assert make.make(upload_id) == "none"

    pause_before(monkeypatch, gateway, "store", other_worker)
    assert make.make(upload_id) == "made"
    assert (record(upload_id).thumbnail, thumbnails()) == ("60x40", {upload_id})
