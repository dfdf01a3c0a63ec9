"""Dead letters are read, replayed and discarded, and none is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.dead_letters import (
    before,
    bodies,
    break_connection,
    dlq,
    events_queue,
    send_dead_letter,
)
from tests.support.local_aws import drain
from uploads.aws import clients, dead_letters, sqs
from uploads.core.errors import BackendUnavailable


@pytest.mark.usefixtures("aws")
def test_peeking_changes_nothing() -> None:
    for number in range(25):
        send_dead_letter(str(number))
    peeked = dead_letters.peek(events_queue())
    assert sorted(int(message.body) for message in peeked) == list(range(25))
    assert sqs.depth(dlq()) == sqs.Depth(visible=25, in_flight=0, delayed=0)


@pytest.mark.usefixtures("aws")
def test_peeking_is_limited_and_leaves_the_rest_visible() -> None:
    for number in range(25):
        send_dead_letter(str(number))
    assert len(dead_letters.peek(events_queue(), 12)) == 12
    assert sqs.depth(dlq()).visible == 25


@pytest.mark.usefixtures("aws")
def test_dead_letters_come_oldest_first_with_their_attributes() -> None:
    start = datetime.now(UTC) - timedelta(seconds=1)
    first = send_dead_letter("1", error="It is not JSON.")
    send_dead_letter("2")
    peeked = dead_letters.peek(events_queue())
    assert [message.body for message in peeked] == ["1", "2"]
    assert (peeked[0].id, peeked[0].error, peeked[0].received) == (first, "It is not JSON.", 1)
    assert start < peeked[0].sent_at < datetime.now(UTC)


@pytest.mark.usefixtures("aws")
def test_peeking_that_fails_half_way_hides_nothing() -> None:
    for number in range(12):
        send_dead_letter(str(number))
    calls: list[None] = []

    def act() -> None:
        calls.append(None)
        if len(calls) == 2:
            break_connection()

    with before("ReceiveMessage", act), pytest.raises(BackendUnavailable):
        dead_letters.peek(events_queue())
    assert sqs.depth(dlq()).visible == 12


@pytest.mark.usefixtures("aws")
def test_replaying_all_sends_every_message_back_unchanged() -> None:
    for number in range(23):
        send_dead_letter(str(number), error="why", kept="this", raw=b"\x00\xff")
    outcome = dead_letters.replay(events_queue())
    assert len(outcome.done) == 23
    assert outcome.complete
    assert drain(dlq()) == []
    sent = drain(events_queue())
    assert sorted(int(message["Body"]) for message in sent) == list(range(23))
    assert sent[0]["MessageAttributes"]["kept"]["StringValue"] == "this"
    assert sent[0]["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\xff"
    assert set(sent[0]["MessageAttributes"]) == {"kept", "raw"}


@pytest.mark.usefixtures("aws")
def test_replaying_some_leaves_the_others_as_they_are() -> None:
    ids = [send_dead_letter(str(number)) for number in range(15)]
    assert dead_letters.replay(events_queue(), [ids[3], ids[12]]).complete
    assert bodies(events_queue()) == ["12", "3"]
    assert sqs.depth(dlq()).visible == 13


@pytest.mark.usefixtures("aws")
def test_discarding_some_deletes_them_and_sends_nothing() -> None:
    ids = [send_dead_letter(str(number)) for number in range(3)]
    assert dead_letters.discard(events_queue(), [ids[1]]).done == (ids[1],)
    assert bodies(dlq()) == ["0", "2"]
    assert bodies(events_queue()) == []


@pytest.mark.usefixtures("aws")
def test_discarding_all_deletes_all() -> None:
    for number in range(12):
        send_dead_letter(str(number))
    assert len(dead_letters.discard(events_queue()).done) == 12
    assert sqs.depth(dlq()).total == 0


@pytest.mark.usefixtures("aws")
def test_a_missing_dead_letter_is_reported_by_its_id() -> None:
    here, gone = send_dead_letter("here"), str(uuid.uuid4())
    outcome = dead_letters.replay(events_queue(), [gone, here])
    assert (outcome.done, outcome.missing) == ((here,), (gone,))
    assert bodies(events_queue()) == ["here"]


@pytest.mark.usefixtures("aws")
def test_a_dead_letter_stays_in_its_queue_while_it_is_sent() -> None:
    send_dead_letter("precious")
    seen: list[int] = []
    with before("SendMessageBatch", lambda: seen.append(sqs.depth(dlq()).total)):
        dead_letters.replay(events_queue())
    assert seen == [1]


@pytest.mark.usefixtures("aws")
def test_a_dead_letter_that_cannot_be_sent_stays() -> None:
    send_dead_letter("precious")
    with before("SendMessageBatch", break_connection), pytest.raises(BackendUnavailable):
        dead_letters.replay(events_queue())
    assert sqs.depth(dlq()).visible == 1


@pytest.mark.usefixtures("aws")
def test_a_connection_that_breaks_after_sending_duplicates_a_message_and_loses_none() -> None:
    message_id = send_dead_letter("precious")
    with before("DeleteMessageBatch", break_connection):
        outcome = dead_letters.replay(events_queue())
    assert (outcome.done, outcome.duplicated) == ((), (message_id,))
    assert "SQS could not delete the dead letters" in outcome.stopped
    assert (bodies(events_queue()), bodies(dlq())) == (["precious"], ["precious"])


@pytest.mark.usefixtures("aws")
def test_a_message_that_sqs_refuses_stays_and_is_reported() -> None:
    client, url = clients.sqs(), sqs.url(events_queue())
    small, large = send_dead_letter("small"), send_dead_letter("x" * 5000)
    client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    try:
        outcome = dead_letters.replay(events_queue())
    finally:
        client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1048576"})
    assert (outcome.done, outcome.failed) == ((small,), (large,))
    assert bodies(events_queue()) == ["small"]
    assert sqs.depth(dlq()).visible == 1


@pytest.mark.usefixtures("aws")
def test_a_message_that_sqs_cannot_delete_is_reported() -> None:
    """Its receipt is invalid, here because the queue was purged in the meantime."""
    message_id = send_dead_letter("x")

    def purge() -> None:
        clients.sqs().purge_queue(QueueUrl=sqs.url(dlq()))

    with before("DeleteMessageBatch", purge):
        outcome = dead_letters.replay(events_queue())
    assert (outcome.done, outcome.duplicated) == ((), (message_id,))


@pytest.mark.usefixtures("aws")
def test_replaying_all_ends_even_if_every_message_comes_straight_back() -> None:
    for number in range(5):
        send_dead_letter(f"not JSON {number}")
    counts: list[int] = []

    def consume() -> None:
        messages = drain(events_queue())
        counts.append(len(messages))
        for message in messages:
            sqs.send_to_dead_letter_queue(events_queue(), message["Body"], "It is not JSON.")

    # The messages are back before it receives again.
    with before("ReceiveMessage", _guard(consume)):
        outcome = dead_letters.replay(events_queue())
    assert len(outcome.done) == 5
    assert sum(counts) == 5
    assert sqs.depth(dlq()).visible == 5


def _guard(act: Callable[[], None]) -> Callable[[], None]:
    """Prevent recursion, since `act` makes the same calls."""
    running: list[None] = []

    def guarded() -> None:
        if not running:
            running.append(None)
            try:
                act()
            finally:
                running.clear()

    return guarded


@pytest.mark.usefixtures("aws")
def test_dead_letters_too_large_for_one_batch_are_replayed() -> None:
    for _ in range(4):
        send_dead_letter("x" * 600_000)
    assert len(dead_letters.replay(events_queue()).done) == 4
    assert len(drain(events_queue())) == 4


@pytest.mark.usefixtures("aws")
def test_one_call_processes_no_more_than_its_limit() -> None:
    for number in range(15):
        send_dead_letter(str(number))
    assert len(dead_letters.replay(events_queue(), limit=12).done) == 12
    assert sqs.depth(dlq()).visible == 3
