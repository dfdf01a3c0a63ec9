"""`manage.py redrive` replays dead letters."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.support.dead_letters import (
    before,
    bodies,
    break_connection,
    dlq,
    events_queue,
    send_dead_letter,
)
from uploads.aws import sqs
from uploads.core.conf import conf


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
