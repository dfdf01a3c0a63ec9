"""The deliveries in Django's database: what is to be sent to whom, in order, and how it went.

To each endpoint, the events of one file are sent one after the other, the oldest first. An event
waits until the one before it was delivered or has failed for good. One that was published after a
newer one had been sent is skipped, so that the last delivery tells the state of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import Error, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from uploads.core.errors import BackendUnavailable
from uploads.files.file_events import FileEvent
from uploads.integrations.webhooks import payload, retries
from uploads.integrations.webhooks.retries import Answer, State
from uploads.models import DeliveryStatus, WebhookDelivery, WebhookEndpoint

#: Deliveries that are claimed, and sent, at a time.
CLAIMED_AT_ONCE = 8
#: How long a worker has to send what it has claimed: far longer than an attempt takes.
CLAIM = timedelta(seconds=90)
#: How long a rename waits for `file.stored`: a sweep, which runs every minute, publishes what is
#: OVERDUE for half a minute (`uploads.files.outbox`).
HELD = timedelta(minutes=2)
#: How long deliveries that are over stay in the log.
KEPT_FOR = timedelta(days=7)
#: Rows that are deleted or ended at a time, so that no statement takes long.
_BATCH = 5_000

_PENDING, _DELIVERED = DeliveryStatus.PENDING, DeliveryStatus.DELIVERED
_FAILED, _SKIPPED = DeliveryStatus.FAILED, DeliveryStatus.SKIPPED


@dataclass(frozen=True)
class Claimed:
    """A delivery that this worker alone may send until `until`."""

    id: int
    until: datetime
    url: str
    secret: str
    event_id: str
    body: str


@contextmanager
def _database() -> Iterator[None]:
    try:
        yield
    except Error as exc:
        raise BackendUnavailable("Django's database is temporarily unavailable.") from exc


def create(
    events: Sequence[FileEvent], *, is_older_left: Callable[[], bool] = lambda: False
) -> set[int]:
    """Record the deliveries of these events; return the ids of the endpoints. Safe to repeat.

    A rename waits for HELD if nobody was told that the file is stored, and `is_older_left` says
    that older events are still to be published: otherwise `file.stored` would come too late, and be
    skipped. Raises BackendUnavailable.
    """
    now = datetime.now(UTC)
    with _database():
        endpoints = list(WebhookEndpoint.objects.filter(is_enabled=True))
        untold = _untold_renames(endpoints, events)
    held = untold if untold and is_older_left() else set()
    with _database():
        rows = [
            WebhookDelivery(
                endpoint=endpoint,
                event_id=event.id,
                type=event.type,
                file_id=event.file.id,
                sequence=event.sequence,
                body=payload.body_of(event),
                **_due(now, HELD if event.id in held else timedelta()),
            )
            for endpoint in endpoints
            for event in events
            if event.type in endpoint.event_list
        ]
        WebhookDelivery.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    return {row.endpoint_id for row in rows}


def create_test(endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Record the delivery of a test, which does not wait for a pause of the endpoint to end."""
    now = datetime.now(UTC)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        event_id=f"evt_{uuid4().hex}",
        type=payload.TEST_TYPE,
        body=payload.test_body(now),
        **_due(now),
    )


def _untold_renames(endpoints: Sequence[WebhookEndpoint], events: Sequence[FileEvent]) -> set[str]:
    """The ids of those events that rename a file of which no delivery says that it is stored."""
    renames = [event for event in events if event.type == "file.renamed"]
    if not renames:
        return set()
    files = [event.file.id for event in renames]
    rows = WebhookDelivery.objects.filter(
        endpoint__in=endpoints, file_id__in=files, type="file.stored"
    )
    told = set(rows.values_list("file_id", flat=True))
    return {event.id for event in renames if event.file.id not in told}


def _due(now: datetime, wait: timedelta = timedelta()) -> dict[str, datetime]:
    return {
        "created_at": now,
        "next_attempt_at": now + wait,
        "expires_at": now + retries.TRIED_FOR,
    }


def replay(rows: QuerySet[WebhookDelivery]) -> int:
    """Send these again, with the same ids and bodies; return how many. Not those still pending."""
    now = datetime.now(UTC)
    return rows.exclude(status=_PENDING).update(
        status=_PENDING,
        is_replay=True,
        attempts=0,
        next_attempt_at=now,
        expires_at=now + retries.TRIED_FOR,
        claimed_until=None,
    )


def claim(endpoint_id: int) -> list[Claimed]:
    """Claim what can be sent to an endpoint now, at most CLAIMED_AT_ONCE; [] if nothing.

    Claims of one endpoint are made one after the other, so no two workers send events of one file
    at the same time. Raises BackendUnavailable.
    """
    now = datetime.now(UTC)
    with _database(), transaction.atomic():
        endpoint = (
            WebhookEndpoint.objects.select_for_update()
            .filter(Q(paused_until=None) | Q(paused_until__lte=now), pk=endpoint_id)
            .filter(is_enabled=True)
            .first()
        )
        if endpoint is None:
            return []
        due = WebhookDelivery.objects.filter(
            Q(claimed_until=None) | Q(claimed_until__lte=now),
            endpoint=endpoint,
            status=_PENDING,
            next_attempt_at__lte=now,
            expires_at__gt=now,
        )
        _skip_outdated(due)
        rows = list(due.exclude(_must_wait(now)).order_by("id")[:CLAIMED_AT_ONCE])
        until = now + CLAIM
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(claimed_until=until)
    return [
        Claimed(row.pk, until, endpoint.url, endpoint.secret, row.event_id, row.body)
        for row in rows
    ]


def _skip_outdated(due: QuerySet[WebhookDelivery]) -> None:
    """Skip events that were published after newer ones of their file had been delivered."""
    newer = _of_same_file().filter(status=_DELIVERED, sequence__gt=OuterRef("sequence"))
    outdated = due.filter(~Q(file_id=""), Exists(newer), is_replay=False)
    # In two steps, because an UPDATE has no limit.
    ids = list(outdated.order_by("id").values_list("pk", flat=True)[:_BATCH])
    WebhookDelivery.objects.filter(pk__in=ids).update(status=_SKIPPED)


def _must_wait(now: datetime) -> Q:
    """Whether an older event of the file is pending, or any is being sent."""
    older = _of_same_file().filter(status=_PENDING, sequence__lt=OuterRef("sequence"))
    sending = _of_same_file().filter(status=_PENDING, claimed_until__gt=now)
    return ~Q(file_id="") & (Exists(older) | Exists(sending))


def _of_same_file() -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(
        endpoint=OuterRef("endpoint"), file_id=OuterRef("file_id")
    )


def record(claimed: Claimed, answer: Answer) -> None:
    """Record the answer to an attempt. Does nothing if the claim has expired meanwhile.

    Raises BackendUnavailable.
    """
    now = datetime.now(UTC)
    with _database(), transaction.atomic():
        # The same order of locks as in `claim`.
        row = WebhookDelivery.objects.filter(pk=claimed.id).first()
        if row is None:
            return
        endpoint = WebhookEndpoint.objects.select_for_update().get(pk=row.endpoint_id)
        attempts = row.attempts + 1
        state = State(attempts, endpoint.failures, row.expires_at, endpoint.failing_since)
        follow_up = retries.after(answer, state, now)
        is_pending = follow_up.next_attempt_at is not None
        written = WebhookDelivery.objects.filter(
            pk=row.pk, status=_PENDING, claimed_until=claimed.until
        ).update(
            status=_DELIVERED if follow_up.is_delivered else _PENDING if is_pending else _FAILED,
            attempts=attempts,
            next_attempt_at=follow_up.next_attempt_at or now,
            claimed_until=None,
            last_attempt_at=now,
            response_status=answer.status,
            problem=answer.problem,
        )
        if written:
            _note(endpoint, answer, follow_up, now)


def _note(
    endpoint: WebhookEndpoint, answer: Answer, follow_up: retries.Next, now: datetime
) -> None:
    """Note in the endpoint what an attempt says about it."""
    if answer.is_success:
        endpoint.failing_since, endpoint.failures, endpoint.paused_until = None, 0, None
    else:
        endpoint.failing_since = endpoint.failing_since or now
        if follow_up.pause_until is not None:
            # Of those that were sent together, the first one counts.
            is_paused = endpoint.paused_until is not None and endpoint.paused_until > now
            endpoint.failures += 0 if is_paused else 1
            endpoint.paused_until = max(endpoint.paused_until or now, follow_up.pause_until)
        if follow_up.disable:
            endpoint.is_enabled, endpoint.disabled_reason = False, follow_up.disable
    endpoint.save(
        update_fields=[
            "failing_since", "failures", "paused_until", "is_enabled", "disabled_reason",
        ]
    )  # fmt: skip


def endpoints_with_due() -> list[int]:
    """The enabled endpoints that have something due. Raises BackendUnavailable."""
    now = datetime.now(UTC)
    due = WebhookDelivery.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lte=now),
        endpoint=OuterRef("pk"),
        status=_PENDING,
        next_attempt_at__lte=now,
    )
    with _database():
        return list(
            WebhookEndpoint.objects.filter(
                Q(paused_until=None) | Q(paused_until__lte=now), Exists(due), is_enabled=True
            ).values_list("pk", flat=True)
        )


def expire() -> int:
    """End deliveries whose time is over; return how many. Raises BackendUnavailable."""
    now = datetime.now(UTC)
    with _database():
        over = WebhookDelivery.objects.filter(
            Q(claimed_until=None) | Q(claimed_until__lte=now), status=_PENDING, expires_at__lte=now
        )
        ids = list(over.values_list("pk", flat=True)[:_BATCH])
        return WebhookDelivery.objects.filter(pk__in=ids, status=_PENDING).update(status=_FAILED)


def delete_old() -> None:
    """Delete deliveries that have been over for long. Raises BackendUnavailable."""
    with _database():
        old = WebhookDelivery.objects.filter(created_at__lt=datetime.now(UTC) - KEPT_FOR)
        ids = list(old.exclude(status=_PENDING).values_list("pk", flat=True)[:_BATCH])
        WebhookDelivery.objects.filter(pk__in=ids).delete()


@dataclass(frozen=True)
class Counts:
    """How many deliveries are pending, and how many failed within KEPT_FOR; disabled endpoints."""

    pending: int
    failed: int
    disabled: int


def counts() -> Counts:
    """Count deliveries and endpoints. Raises BackendUnavailable."""
    with _database():
        return Counts(
            WebhookDelivery.objects.filter(status=_PENDING).count(),
            WebhookDelivery.objects.filter(status=_FAILED).count(),
            WebhookEndpoint.objects.exclude(disabled_reason="").filter(is_enabled=False).count(),
        )
