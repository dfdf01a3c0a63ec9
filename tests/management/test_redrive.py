"""`manage.py redrive` replays dead letters."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.support.dead_letters import (
    before,
    bodies,
    break_connection,
    celery_body,
    dlq,
    events_queue,
    send_dead_letter,
)
from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.worker.broker import LOW_TASKS


@pytest.mark.usefixtures("aws")
def test_redrive_replays_both_queues_and_prints_the_counts() -> None:
    send_dead_letter("a")
    send_dead_letter("b")
    send_dead_letter("c", conf().tasks_queue)
    out = StringIO()
    call_command("redrive", stdout=out)
    assert f"{dlq()}: moved 2 dead letters" in out.getvalue()
    assert f"{conf().tasks_queue}-dlq: moved 1 dead letters" in out.getvalue()
    assert bodies(events_queue()) == ["a", "b"]
    assert bodies(conf().tasks_queue) == ["c"]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("thumbnails", ["on", "off"])
def test_tasks_that_may_wait_go_back_to_their_own_queue(
    settings: Settings, thumbnails: str
) -> None:
    """A hundred thumbnails must not be in front of the next confirmation."""
    settings.FILEHUB = settings.FILEHUB | {"THUMBNAILS": thumbnails}
    tasks = [celery_body([["x"]], name) for name in (*LOW_TASKS, "uploads.tasks.confirm_hint")]
    for body in (*tasks, "unreadable"):
        send_dead_letter(body, conf().tasks_queue)
    call_command("redrive", stdout=StringIO())
    low = sorted(tasks[:-1]) if thumbnails == "on" else []
    assert bodies(conf().low_queue) == low
    assert bodies(conf().tasks_queue) == sorted({*tasks, "unreadable"} - {*low})
    assert sqs.depth(sqs.dead_letter_queue(conf().tasks_queue)).total == 0


@pytest.mark.usefixtures("aws")
def test_redriving_one_queue_leaves_the_other() -> None:
    send_dead_letter("a")
    send_dead_letter("b", conf().tasks_queue)
    call_command("redrive", queue="tasks", stdout=StringIO())
    assert sqs.depth(dlq()).visible == 1
    assert bodies(conf().tasks_queue) == ["b"]


@pytest.mark.usefixtures("aws")
def test_a_dry_run_counts_and_changes_nothing() -> None:
    send_dead_letter("a")
    out = StringIO()
    call_command("redrive", dry_run=True, stdout=out)
    assert f"{dlq()}: would move 1 dead letters" in out.getvalue()
    assert sqs.depth(dlq()).visible == 1
    assert bodies(events_queue()) == []


@pytest.mark.usefixtures("aws")
def test_a_failed_redrive_reports_the_error_and_continues_with_the_other_queue() -> None:
    send_dead_letter("b", conf().tasks_queue)
    send_dead_letter("a")
    calls: list[None] = []

    def first_only() -> None:
        calls.append(None)
        if len(calls) == 1:
            break_connection()

    with (
        before("SendMessageBatch", first_only),
        pytest.raises(CommandError, match="events: SQS could not send the dead letters back"),
    ):
        call_command("redrive", stdout=StringIO())
    assert sqs.depth(dlq()).visible == 1
    assert bodies(conf().tasks_queue) == ["b"]
