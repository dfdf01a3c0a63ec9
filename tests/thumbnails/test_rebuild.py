"""`manage.py make_thumbnails`: whole files get a thumbnail, and thumbnails without a file go."""

from __future__ import annotations

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.records import erase, tamper
from tests.thumbnails.helpers import OWNER, PNG, record, stored, thumbnails, with_thumbnail
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.files import trash
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.thumbnails import make, rebuild
from uploads.thumbnails.make import Outcome

pytestmark = pytest.mark.usefixtures("aws", "render_once")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("make_thumbnails", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def forget(upload_id: str) -> None:
    """As if the file had been stored by an earlier version."""
    tamper(upload_id, StoredFile.thumbnail.remove())


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids for which a thumbnail is made, without making it."""
    ids: list[str] = []

    def note(upload_id: str, *, again: bool = False) -> Outcome:
        ids.append(upload_id)
        return "made"

    monkeypatch.setattr(make, "make", note)
    return ids


def test_files_without_a_thumbnail_get_one() -> None:
    new, damaged, whole = stored(), stored(PNG[:40]), with_thumbnail()
    text, trashed = stored(b"hello", "text/plain"), stored()
    trash.move_to_trash([trashed], Actor(OWNER, OWNER))
    assert run() == (
        "2 thumbnails were made, and 0 without a file were deleted. 1 file cannot have one.\n"
    )
    assert thumbnails() == {new, whole, trashed}
    assert [record(each).thumbnail for each in (new, damaged, text)] == ["60x40", "none", None]
    assert "0 thumbnails were made" in run("--missing")


def test_all_are_made_again() -> None:
    upload_id = with_thumbnail()
    clients.s3().delete_object(Bucket=conf().bucket, Key=keys.thumbnail_key(upload_id))
    assert "0 thumbnails were made" in run("--missing")
    assert "1 thumbnail was made" in run("--all")
    assert thumbnails() == {upload_id}


def test_only_recent_files(made: list[str]) -> None:
    recent = [stored() for _ in range(3)]
    old = keys._make(1_700_000_000_000, "7", "secret")
    request = s3.sign_put(
        old, owner="7", file_name="a.png", content_type="image/png", size=None, sha256=None
    )
    clients.s3().put_object(
        Bucket=conf().bucket, Key=keys.object_key(old), Body=PNG, ContentType="image/png",
        Metadata={name.removeprefix("x-amz-meta-"): value
                  for name, value in request.headers.items() if name.startswith("x-amz-meta-")},
    )  # fmt: skip
    assert confirm.check(old) == "confirmed"
    run("--since", "1h")
    assert sorted(made) == sorted(recent)
    made.clear()
    run("--since", "9999d")
    assert sorted(made) == sorted([old, *recent])


def stored_in_several_shards(count: int) -> list[str]:
    """Files in the order in which they are made: by shard, and then by id."""
    return sorted((stored() for _ in range(count)), key=lambda each: (keys.shard(each), each))


@pytest.mark.exhaustive
def test_a_run_over_all_files_resumes_where_it_was_interrupted(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = stored_in_several_shards(6)
    monkeypatch.setattr(rebuild, "BATCH", 1)
    monkeypatch.setattr(rebuild, "SAVE_EVERY", 0.0)
    stop_at, attempt = ids[3], make.make

    def interrupted(upload_id: str, *, again: bool = False) -> Any:
        if upload_id == stop_at:
            raise KeyboardInterrupt
        return attempt(upload_id, again=again)

    with monkeypatch.context() as patched:
        patched.setattr(make, "make", interrupted)
        with pytest.raises(CommandError, match="Run it again to resume"):
            run("--all")
    assert made == ids[:3]
    # One that a run did not get to.
    assert "Resuming after" in run("--all")
    assert made == ids
    assert "Resuming" not in run("--all")
    assert made == ids * 2


def test_a_run_can_start_over(made: list[str]) -> None:
    ids = stored_in_several_shards(2)
    rebuild._save(rebuild.Position(keys.SHARDS[-1], ids[-1]))
    run("--all", "--restart")
    assert made == ids


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ((), "Run it again to resume."),
        (("--all",), "Run it again to resume."),
        (("--since", "1h"), "Run it again to resume."),
        (("--all", "--since", "1h"), "Run it again to start over."),
        (("--all", "--restart"), "Run it again without --restart to resume."),
    ],
)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), BackendUnavailable()])
def test_an_interrupted_run_says_how_to_go_on(
    arguments: tuple[str, ...],
    advice: str,
    error: BaseException,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(rebuild, "run", fail)
    with pytest.raises(CommandError, match=re.escape(f"What was made stays. {advice}")):
        run(*arguments)


def test_a_failure_is_reported_and_does_not_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = stored_in_several_shards(3)
    attempt = make.make

    def sometimes(upload_id: str, *, again: bool = False) -> Outcome:
        if upload_id == ids[0]:
            raise BackendUnavailable
        return attempt(upload_id, again=again)

    monkeypatch.setattr(make, "make", sometimes)
    with pytest.raises(CommandError, match="1 failed; see the log"):
        run()
    assert thumbnails() == set(ids[1:])


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", ["no record", "not noted", "cannot have one"])
def test_thumbnails_without_a_file_are_deleted(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, orphan = with_thumbnail(), with_thumbnail()
    if case == "no record":
        erase(orphan)
    elif case == "not noted":
        tamper(orphan, StoredFile.thumbnail.remove(), StoredFile.content_type.set("text/plain"))
    else:
        tamper(orphan, StoredFile.thumbnail.set("none"))
    # One that is too young may be about to be noted.
    assert "0 without a file" in run()
    monkeypatch.setattr(rebuild, "MIN_AGE", timedelta(seconds=-60))
    assert "1 without a file was deleted" in run()
    assert thumbnails() == {kept}


def test_other_objects_of_the_bucket_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "MIN_AGE", timedelta(seconds=-60))
    others = ["thumbnails/readme.txt", "thumbnails/x/y.webp", "thumbnails-old/a.webp"]
    for key in others:
        clients.s3().put_object(Bucket=conf().bucket, Key=key, Body=b"x")
    run()
    listed = clients.s3().list_objects_v2(Bucket=conf().bucket, Prefix="thumbnails")["Contents"]
    assert sorted(entry["Key"] for entry in listed) == sorted(others)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--restart",), "--restart requires --all"),
        (("--all", "--restart", "--since", "1h"), "without --since"),
    ],
)
def test_options_that_do_not_fit_are_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_it_says_that_thumbnails_are_off(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"THUMBNAILS": "off"}
    with pytest.raises(CommandError, match="FILEHUB_THUMBNAILS is off"):
        run()
