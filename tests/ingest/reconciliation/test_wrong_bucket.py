"""In a bucket without any file of this installation a run changes nothing, unless it is forced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import (
    ALL,
    NOW,
    RESUMABLE,
    aws,
    create_file,
    create_last_file,
    create_object,
    create_records_without_objects,
    differences,
    objects,
    recorded,
    run_command,
    table,
)
from uploads.aws import clients, s3
from uploads.core.conf import conf
from uploads.ingest import tasks
from uploads.ingest.reconciliation import checkpoints, reconcile
from uploads.ingest.reconciliation.reconcile import Plan, check_objects

OTHER_SECRET = "the secret key of another installation"
SENTENCE = "has no file of this installation"


def put_keys(*names: str) -> None:
    for name in names:
        clients.s3().put_object(Bucket=conf().bucket, Key=name, Body=b"hello")


def create_foreign_objects() -> None:
    for minutes in (90, 60, 30):
        create_object(timedelta(minutes=minutes), secret=OTHER_SECRET)


#: What a wrong bucket may contain.
CONTENTS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "objects elsewhere": lambda: put_keys("backup/1.txt", "index.html", "uploads.txt"),
    "other objects below the prefix": lambda: put_keys("uploads/a.txt", "uploads/0/notes.txt"),
    "another installation's objects": create_foreign_objects,
}


@aws
@pytest.mark.parametrize("fill", CONTENTS.values(), ids=CONTENTS.keys())
@pytest.mark.parametrize(
    "number", [1, *(pytest.param(n, marks=pytest.mark.exhaustive) for n in (2, 49, 50, 51))]
)
def test_nothing_is_changed_however_few_records_there_are(
    fill: Callable[[], object], number: int
) -> None:
    fill()
    create_records_without_objects(number)
    before, kept = table(), objects()
    for _ in range(2):  # The first run must not record what makes the second one trust the bucket.
        with pytest.raises(CommandError, match=SENTENCE) as caught:
            run_command("--all", "--min-age", "0m")
        assert "--force" in str(caught.value)
        items = [item for item in table() if not item["id"]["S"].startswith("reconcile#")]
        assert (items, objects()) == (before, kept)
    assert f"{number} records without an object" in run_command(
        "--all", "--min-age", "0m", "--force"
    )
    assert len(recorded("deleted")) == number


PLANS: dict[str, Plan] = {
    "all": RESUMABLE,
    "since": Plan("since", timedelta(hours=2), min_age=NOW),
    "recent": replace(reconcile.recent(), min_age=NOW),
    "multipart": replace(reconcile.multipart(), min_age=NOW),
    "without time": replace(RESUMABLE, budget=NOW),
}


@pytest.mark.exhaustive
@aws
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())
def test_every_kind_of_run_is_aborted_and_reported(plan: Plan) -> None:
    ids = create_records_without_objects(2)
    result = reconcile.run(plan)
    assert SENTENCE in (result.aborted or "")
    assert result.finished
    assert recorded() == {*ids}
    (run,) = checkpoints.last_runs()
    assert (run.missing, run.withheld) == (0, result.counts.withheld)
    # The next one starts from the beginning.
    assert checkpoints.load(plan.kind) is None


@pytest.mark.exhaustive
@aws
def test_the_periodic_task_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    ids = create_records_without_objects(1)
    with caplog.at_level(logging.ERROR):
        tasks.reconcile_recent()
    assert f"reconciliation (recent) was stopped: The bucket {conf().bucket} {SENTENCE}" in (
        caplog.text
    )
    assert recorded() == {*ids}


@pytest.mark.exhaustive
@aws
def test_a_dry_run_says_that_the_bucket_is_probably_wrong() -> None:
    create_records_without_objects(1)
    before = table()
    text = run_command("--all", "--dry-run", "--min-age", "0m")
    assert f"The bucket {conf().bucket} {SENTENCE}; without --force" in text
    assert "1 records without an object" in text
    forced = run_command("--all", "--dry-run", "--force", "--min-age", "0m")
    assert SENTENCE not in forced
    assert table() == before


def create_stored_file() -> None:
    create_last_file()


def create_unrecorded_object() -> None:
    create_object()


def create_older_file() -> None:
    create_file(age=timedelta(days=30))


#: What shows that the bucket is the right one.
EVIDENCE: dict[str, Callable[[], object]] = {
    "a file in the window": create_stored_file,
    "an old file": create_older_file,
    "an object whose record is lost": create_unrecorded_object,
}


@aws
@pytest.mark.parametrize("create", EVIDENCE.values(), ids=EVIDENCE.keys())
@pytest.mark.parametrize("number", [1, 3])
def test_in_the_right_bucket_files_without_objects_are_marked(
    create: Callable[[], object], number: int
) -> None:
    create()
    missing = {create_file() for _ in range(number)}
    for upload_id in missing:
        s3.delete(upload_id)
    result = reconcile.run(Plan("since", timedelta(hours=2), min_age=NOW))
    assert result.counts.missing == number
    assert result.aborted is None
    assert recorded("deleted") == missing


@aws
def test_a_rotated_key_still_recognizes_its_objects(settings: Settings) -> None:
    create_object()
    missing = create_file()
    s3.delete(missing)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "rotated" * 8
    assert differences(reconcile.run(ALL)) == {"missing": 1, "orphaned": 1}


@pytest.mark.exhaustive
@aws
def test_a_lost_table_is_rebuilt_even_from_objects_that_others_signed() -> None:
    create_foreign_objects()
    assert differences(reconcile.run(ALL)) == {"orphaned": 3}


@aws
def test_without_differences_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile.ownership, "is_own_bucket", None)
    create_file()
    assert differences(reconcile.run(ALL)) == {}


@aws
@pytest.mark.parametrize("is_listed", [True, False], ids=["an old list", "an empty one"])
def test_an_inventory_marks_nothing_in_an_emptied_bucket(is_listed: bool) -> None:
    """The list is hours old; the bucket was emptied, or replaced, since."""
    upload_id = create_file()
    s3.delete(upload_id)
    listed = [s3.ListedObject(upload_id, "another etag", None)] if is_listed else []
    plan = Plan("inventory", min_age=NOW)
    assert differences(check_objects(plan, listed)) == ({"withheld": 1} if is_listed else {})
    assert recorded() == {upload_id}
    create_file()
    assert differences(check_objects(plan, listed)) == ({"missing": 1} if is_listed else {})
