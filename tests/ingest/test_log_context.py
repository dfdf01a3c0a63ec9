"""Lines about an upload have its id, those of libraries too, and each decision has one line."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from tests.ingest.batches import OWNER, created
from tests.support.files import upload
from uploads.core.errors import BackendUnavailable
from uploads.core.logs import context
from uploads.ingest import confirm, tasks
from uploads.ingest.reconciliation.reconcile import Plan, run
from uploads.thumbnails import make

pytestmark = pytest.mark.usefixtures("aws")

#: The key of an object in the lines of botocore.
KEY = re.compile(r"uploads/[0-9a-f]/([0-9a-f-]{36})")


class Note(logging.Handler):
    """Notes each line, and the upload that it was about."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[tuple[str, str | None, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        bound = context.current("upload_id")
        self.seen.append((record.getMessage(), bound, vars(record)))


@pytest.fixture
def lines() -> Iterator[Note]:
    """The lines of filehub, and those of botocore that name an object."""
    note = Note()
    loggers = [logging.getLogger("uploads"), logging.getLogger("botocore.endpoint")]
    levels = [logger.level for logger in loggers]
    context.begin(task_id="t-1")
    for logger in loggers:
        logger.addHandler(note)
        logger.setLevel(logging.DEBUG)
    yield note
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(note)
        logger.setLevel(level)
    context.begin()


def of_botocore(lines: Note, operation: str) -> list[tuple[str, str | None]]:
    """The object that each line of an operation names, and the upload that it was about."""
    return [
        (found[1], bound)
        for text, bound, _ in lines.seen
        if f"OperationModel(name={operation})" in text and (found := KEY.search(text))
    ]


def test_lines_of_botocore_have_the_upload_that_they_are_about(
    lines: Note, settings: Settings
) -> None:
    uploads = [upload(OWNER) for _ in range(3)]
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 3}
    lines.seen.clear()
    confirm.apply_events(created(uploads))
    for operation in ("HeadObject", "DeleteObject"):
        named = of_botocore(lines, operation)
        assert sorted(named) == sorted((upload_id, upload_id) for upload_id in uploads), operation


def test_each_decision_is_a_line_with_the_upload_and_the_outcome(
    lines: Note, settings: Settings
) -> None:
    good, bad, hinted = upload(OWNER), upload(OWNER), upload(OWNER)
    confirm.apply_events(created([good]))
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 3}
    confirm.apply_events(created([bad]))
    tasks.confirm_hint(hinted)
    decided = [
        (text, fields["upload_id"], fields["outcome"], fields["reason"])
        for text, _, fields in lines.seen
        if "outcome" in fields
    ]
    assert decided == [
        (f"{good} created: stored", good, "stored", None),
        (f"{bad} created: rejected", bad, "rejected", "file_too_large"),
        (f"{hinted} hint: rejected", hinted, "rejected", "file_too_large"),
    ]


def test_the_lines_of_a_reconciliation_have_the_upload(lines: Note) -> None:
    orphan = upload(OWNER)
    run(Plan("all", min_age=timedelta(0), force=True))
    assert [(text, fields["outcome"]) for text, _, fields in lines.seen if "outcome" in fields] == [
        (f"{orphan} check: confirmed", "confirmed")
    ]
    assert of_botocore(lines, "HeadObject") == [(orphan, orphan)]


def test_lines_about_a_thumbnail_have_the_upload(
    lines: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(upload_id: str, *, again: bool) -> None:
        logging.getLogger("uploads.aws").warning("reading %s", upload_id)
        raise BackendUnavailable(f"of {upload_id}")

    monkeypatch.setattr(make, "make", fail)
    with pytest.raises(BackendUnavailable, match="of a"):
        tasks.make_thumbnails(["a", "b"])
    assert [(text.split(":")[0], bound) for text, bound, _ in lines.seen] == [
        (text, name)
        for name in ("a", "b")
        for text in (f"reading {name}", f"the thumbnail of {name} failed")
    ]
    assert context.current("upload_id") is None


def test_a_command_has_no_lines_about_what_it_shows_itself(lines: Note) -> None:
    context.begin()
    confirm.check(upload(OWNER))
    assert [fields["levelname"] for *_, fields in lines.seen if "outcome" in fields] == ["DEBUG"]


def test_an_event_that_fails_is_a_line_with_its_upload(lines: Note) -> None:
    tasks._log({"kind": "created", "upload_id": "u"}, ValueError("x"))
    tasks._log({"kind": "created"}, ValueError("x"))
    assert [fields["upload_id"] for *_, fields in lines.seen] == ["u", None]
