"""Each stored image and PDF gets a thumbnail, whatever happens to the file meanwhile."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.support.files import upload
from tests.support.http import send
from tests.thumbnails.helpers import (
    OWNER,
    PNG,
    changes,
    created,
    queued,
    record,
    stored,
    thumbnail,
    thumbnails,
    with_thumbnail,
)
from tests.thumbnails.samples import RED_PDF
from uploads.aws import clients, ranges, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import queries
from uploads.files.record import FileInfo
from uploads.files.thumbnails import thumbnail_url
from uploads.ingest import confirm, tasks
from uploads.thumbnails import eligible, make
from uploads.thumbnails.render import Crashed, Interrupted, NotRendered

pytestmark = pytest.mark.usefixtures("aws", "render_once")


def listed() -> FileInfo:
    (info,) = queries.files_of(OWNER, limit=10).files
    return info


@pytest.mark.parametrize(
    ("body", "type_", "size"),
    [(PNG, "image/png", "60x40"), (RED_PDF, "application/x-pdf", "320x214")],
    ids=["image", "PDF"],
)
def test_a_stored_file_gets_a_thumbnail(body: bytes, type_: str, size: str) -> None:
    upload_id = stored(body, type_)
    assert (queued(), thumbnails(), listed().has_thumbnail) == ([upload_id], set(), False)
    before = changes()
    tasks.make_thumbnails([upload_id])
    assert (record(upload_id).thumbnail, listed().thumbnail) == (size, size)
    assert changes() == before + 1
    head = clients.s3().head_object(Bucket=conf().bucket, Key=keys.thumbnail_key(upload_id))
    assert (head["ContentType"], head["CacheControl"]) == ("image/webp", "private, max-age=86400")
    url = thumbnail_url(listed())
    assert url is not None
    assert send("GET", url).body == thumbnail(upload_id)
    assert send("GET", url.replace(keys.THUMBNAILS, keys.PREFIX)).status == 403
    # Again: nothing to do.
    tasks.make_thumbnails([upload_id])
    assert (changes(), queued()) == (before + 1, [])


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("text/plain", b"hello"), ("image/svg+xml", b"<svg/>"), ("video/mp4", b"hello"),
        ("application/octet-stream", PNG), ("image/png", b""), ("application/json", b"{}"),
    ],
)  # fmt: skip
def test_other_files_get_none(type_: str, body: bytes) -> None:
    upload_id = stored(body, type_)
    assert queued() == []
    assert make.make(upload_id) == "gone"
    assert (record(upload_id).thumbnail, thumbnails()) == (None, set())


def test_large_files_get_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eligible, "THUMBNAIL_MAX_SOURCE", len(PNG) - 1)
    upload_id = stored()
    assert (queued(), make.make(upload_id)) == ([], "gone")


def test_the_file_is_downloaded_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "DOWNLOAD_RANGE", 50)
    assert thumbnail(with_thumbnail()).startswith(b"RIFF")


def test_no_thumbnails_are_made_or_shown_if_they_are_off(settings: Settings) -> None:
    with_thumbnail()
    queued()
    settings.FILEHUB = settings.FILEHUB | {"THUMBNAILS": "off"}
    assert thumbnail_url(listed()) is None
    upload_id = stored()
    assert (queued(), make.make(upload_id)) == ([], "skipped")


def test_what_cannot_be_rendered_is_noted_so_that_it_is_not_tried_again() -> None:
    upload_id = stored(PNG[:40])
    assert queued() == [upload_id]
    assert make.make(upload_id) == "none"
    assert (record(upload_id).thumbnail, thumbnails()) == ("none", set())
    assert thumbnail_url(listed()) is None
    confirm.apply_event(created(upload_id, 2))
    assert queued() == []
    assert make.make(upload_id) == "skipped"


#: Why rendering fails -> what is noted of a file that had no thumbnail, and of one that is made
#: again.
FAILURES: list[tuple[Exception, str | None, str]] = [
    (NotRendered("MemoryError"), "none", "none"),
    (Crashed("ended by SIGSEGV"), "none", "60x40"),
    (Interrupted("ended by SIGALRM"), None, "60x40"),
]


@pytest.mark.parametrize(("failure", "first", "again"), FAILURES, ids=str)
def test_why_rendering_fails_decides_what_is_noted(
    failure: Exception, first: str | None, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise failure

    new, old = stored(), with_thumbnail()
    monkeypatch.setattr(make, "render", fail)
    # Only what the machine is the reason for is tried again.
    expected = failure if isinstance(failure, Interrupted) else "none"
    assert make.attempt(new) == expected
    assert make.attempt(old, again=True) == expected
    assert (record(new).thumbnail, record(old).thumbnail) == (first, again)
    assert thumbnails() == ({old} if again != "none" else set())


@pytest.mark.parametrize("number", [1, 2])
def test_a_repeated_event_queues_a_missing_thumbnail_again(number: int) -> None:
    upload_id = stored()
    queued()
    confirm.apply_event(created(upload_id, number))
    assert queued() == [upload_id]
    make.make(upload_id)
    confirm.apply_event(created(upload_id, number))
    assert queued() == []


def test_an_event_is_retried_if_its_thumbnail_cannot_be_queued(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no queue")

    upload_id = upload(OWNER, "a.png", PNG, "image/png")
    with monkeypatch.context() as patched:
        patched.setattr("celery.Celery.send_task", fail)
        (result,) = confirm.apply_events([created(upload_id)])
    assert isinstance(result.error, BackendUnavailable)
    assert record(upload_id).state == "stored"
    assert confirm.apply_event(created(upload_id)) == "unchanged"
    assert queued() == [upload_id]


def test_a_hint_and_a_check_queue_it_too() -> None:
    hinted, found = (upload(OWNER, "a.png", PNG, "image/png") for _ in range(2))
    confirm.confirm(hinted)
    assert queued() == [hinted]
    confirm.check(found)
    assert queued() == [found]


def test_a_task_makes_what_it_can_and_leaves_the_rest_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [stored() for _ in range(3)]
    queued()
    monkeypatch.setattr(make, "BUDGET", 0)
    tasks.make_thumbnails(ids)
    assert (thumbnails(), queued()) == ({ids[0]}, ids[1:])


FAILS: dict[str, Exception] = {
    "AWS does not respond": BackendUnavailable(),
    "the machine is busy": Interrupted(),
    "a bug": ZeroDivisionError(),
}


@pytest.mark.parametrize("failure", FAILS.values(), ids=FAILS)
@pytest.mark.parametrize(
    ("fail", "budget", "tasks_left"),
    [
        ("", 30.0, []),
        ("a", 30.0, ["a"]),
        ("c", 30.0, ["c"]),
        ("ac", 30.0, ["ac"]),
        ("", 0.0, ["bcd"]),
        ("a", 0.0, ["a", "bcd"]),
        ("abcd", 30.0, None),
    ],
)
def test_what_fails_becomes_a_task_of_its_own(
    fail: str,
    budget: float,
    tasks_left: list[str] | None,
    failure: Exception,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def attempted(upload_id: str, *, again: bool = False) -> str:
        if upload_id in fail:
            raise failure
        return "made"

    sent: list[str] = []
    monkeypatch.setattr(make, "make", attempted)
    monkeypatch.setattr(make, "BUDGET", budget)
    monkeypatch.setattr(
        "celery.Celery.send_task", lambda _, name, args, **options: sent.append("".join(args[0]))
    )
    if tasks_left is None:
        with pytest.raises(type(failure)):
            tasks.make_thumbnails(list("abcd"))
        assert sent == []
    else:
        tasks.make_thumbnails(list("abcd"))
        assert sent == tasks_left


def test_a_file_that_always_fails_ends_up_alone() -> None:
    first, second = stored(), stored()
    queued()
    s3.delete(first)
    tasks.make_thumbnails([first, second])
    assert (thumbnails(), queued()) == ({second}, [first])
    tasks.make_thumbnails([second])
    tasks.make_thumbnails([])
    with pytest.raises(BackendUnavailable):
        tasks.make_thumbnails([first])
    assert queued() == []


@pytest.mark.parametrize("invalid", ["../x", "", "7", 7, None, "0199f7a1"])
def test_an_invalid_id_in_a_task_becomes_a_dead_letter(invalid: str) -> None:
    with pytest.raises((ValueError, AttributeError)):
        tasks.make_thumbnails([invalid])


def test_a_batch_queues_all_in_one_task() -> None:
    ids = [upload(OWNER, "a.png", PNG, "image/png") for _ in range(5)]
    confirm.apply_events([created(upload_id) for upload_id in ids])
    assert sorted(queued()) == sorted(ids)
