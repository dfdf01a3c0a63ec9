"""The order of deliveries, their retries, and what they do to their endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db.models import QuerySet

from tests.integrations.helpers import OTHER_ID, event, statuses
from tests.support.webhook_receiver import Receiver
from uploads.integrations.webhooks import deliver, deliveries, retries
from uploads.models import WebhookDelivery, WebhookEndpoint


def in_(**time: float) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + timedelta(**time), tick=True)


def sequences(receiver: Receiver) -> Sequence[int]:
    return [int(body["data"]["sequence"][-10:]) for _, body in receiver.received]


def rows() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.all()


@pytest.mark.parametrize("published", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
def test_events_of_a_file_are_sent_in_order(
    published: list[int], receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    for number in published:
        assert deliveries.create([event(number)]) == {endpoint.pk}
    assert not deliver.deliver(endpoint.pk)
    assert sequences(receiver) == [1, 2, 3]
    assert set(statuses(endpoint).values()) == {"delivered"}


def test_an_event_is_recorded_once_however_often_it_is_published(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    for _ in range(2):
        deliveries.create([event(1), event(2)])
        deliver.deliver(endpoint.pk)
    assert sequences(receiver) == [1, 2]


def test_only_chosen_events_of_enabled_endpoints_are_recorded(endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(events="file.deleted")
    assert deliveries.create([event(1)]) == set()
    assert deliveries.create([event(2, "file.deleted")]) == {endpoint.pk}
    WebhookEndpoint.objects.update(is_enabled=False)
    assert deliveries.create([event(3, "file.deleted")]) == set()


def test_a_newer_event_waits_for_an_older_one_that_fails_and_other_files_do_not(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    deliveries.create([event(1), event(2), event(1, file_id=OTHER_ID)])
    receiver.status = 500
    deliver.deliver(endpoint.pk)
    assert sorted(sequences(receiver)) == [1, 1]
    receiver.status = 200
    deliver.deliver(endpoint.pk)  # Too early.
    assert len(receiver.received) == 2
    with in_(minutes=2):
        deliver.deliver(endpoint.pk)
    assert set(statuses(endpoint).values()) == {"delivered"}
    assert [n for n, (name, _) in zip(sequences(receiver), receiver.received, strict=True)
            if name.startswith("evt_1")] == [1, 1, 2]  # fmt: skip


def test_an_event_that_is_published_after_a_newer_one_was_sent_is_skipped(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    for number in (2, 1, 3):
        deliveries.create([event(number)])
        deliver.deliver(endpoint.pk)
    assert sequences(receiver) == [2, 3]
    assert list(statuses(endpoint).values()) == ["skipped", "delivered", "delivered"]


def test_a_rename_waits_for_file_stored_if_that_may_still_be_published(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    renamed = event(2, "file.renamed")
    deliveries.create([renamed], is_older_left=lambda: True)
    deliver.deliver(endpoint.pk)
    assert sequences(receiver) == []
    deliveries.create([event(1)])
    with in_(minutes=2):
        deliver.deliver(endpoint.pk)
    assert sequences(receiver) == [1, 2]


@pytest.mark.parametrize(("is_told", "is_older_left"), [(True, True), (False, False)])
def test_a_rename_does_not_wait_if_file_stored_was_told_or_nothing_older_is_left(
    *, is_told: bool, is_older_left: bool, receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    if is_told:
        deliveries.create([event(1)])
    deliveries.create([event(2, "file.renamed")], is_older_left=lambda: is_older_left)
    deliver.deliver(endpoint.pk)
    assert sequences(receiver) == ([1, 2] if is_told else [2])


def test_nothing_is_sent_of_a_file_of_which_something_is_being_sent(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    deliveries.create([event(2), event(2, file_id=OTHER_ID)])
    claimed = deliveries.claim(endpoint.pk)
    assert len(claimed) == 2
    deliveries.create([event(1), event(3)])
    assert deliveries.claim(endpoint.pk) == []
    # The worker has died.
    with in_(seconds=deliveries.CLAIM.total_seconds() + 1):
        deliver.deliver(endpoint.pk)
        assert [n for n in sequences(receiver) if n != 2] == [1, 3]
        # It has not, and its answer comes too late.
        deliveries.record(claimed[0], retries.Answer(500))
    assert set(statuses(endpoint).values()) == {"delivered"}


def test_after_three_days_a_delivery_has_failed_and_the_next_one_is_sent(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    deliveries.create([event(1)])
    receiver.status = 500
    deliver.deliver(endpoint.pk)
    deliveries.create([event(2)])
    WebhookDelivery.objects.filter(event_id="evt_1_2").update(
        expires_at=datetime.now(UTC) + timedelta(days=9)
    )
    receiver.status = 200
    with in_(days=3, minutes=1):
        assert deliveries.expire() == 1
        deliver.deliver(endpoint.pk)
    assert list(statuses(endpoint).values()) == ["failed", "delivered"]


def test_a_failing_endpoint_is_disabled_after_three_days(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.status = 500
    deliveries.create([event(1)])
    deliver.deliver(endpoint.pk)
    with in_(days=3, minutes=-1):
        deliver.deliver(endpoint.pk)
        endpoint.refresh_from_db()
        assert endpoint.is_enabled
        deliveries.create([event(1, file_id=OTHER_ID)])
    with in_(days=3, minutes=5):
        deliver.deliver(endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, "failing")
    assert deliveries.counts().disabled == 1


def test_gone_disables_an_endpoint_at_once(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    receiver.status = 410
    deliveries.create([event(1)])
    deliver.deliver(endpoint.pk)
    endpoint.refresh_from_db()
    assert (endpoint.is_enabled, endpoint.disabled_reason) == (False, "gone")
    assert list(statuses(endpoint).values()) == ["failed"]


def test_an_endpoint_that_is_overloaded_gets_nothing_until_its_pause_is_over(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    receiver.status, receiver.headers = 503, {"Retry-After": "300"}
    deliveries.create([event(1)])
    deliver.deliver(endpoint.pk)
    receiver.status = 200
    deliveries.create([event(1, file_id=OTHER_ID)])
    with in_(minutes=4):
        assert deliveries.endpoints_with_due() == []
        deliver.deliver(endpoint.pk)
    assert len(receiver.received) == 1
    with in_(minutes=6):
        assert deliveries.endpoints_with_due() == [endpoint.pk]
        deliver.deliver(endpoint.pk)
    assert set(statuses(endpoint).values()) == {"delivered"}
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.paused_until, endpoint.failing_since) == (0, None, None)


def test_a_replay_is_sent_with_the_same_id_even_after_newer_events(
    receiver: Receiver, endpoint: WebhookEndpoint
) -> None:
    deliveries.create([event(1), event(2)])
    deliver.deliver(endpoint.pk)
    assert deliveries.replay(rows().filter(event_id="evt_1_1")) == 1
    deliver.deliver(endpoint.pk)
    assert [name for name, _ in receiver.received] == ["evt_1_1", "evt_1_2", "evt_1_1"]


def test_the_log_is_bounded(endpoint: WebhookEndpoint) -> None:
    deliveries.create([event(1), event(2)])
    rows().filter(event_id="evt_1_1").update(status="delivered")
    with in_(days=7, minutes=1):
        deliveries.delete_old()
    assert list(statuses(endpoint)) == ["evt_1_2"]


def test_a_task_stops_when_its_time_is_over(
    receiver: Receiver, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "BUDGET", 0.0)
    deliveries.create([event(1), event(2)])
    assert deliver.deliver(endpoint.pk)
    assert sequences(receiver) == [1]
