"""`manage.py doctor`: is everything there, set as it must be, and does a file go all the way?"""

from __future__ import annotations

from collections.abc import Iterator

from uploads.doctor import access, bucket, django_side, notifications, queues, table
from uploads.doctor.finding import Finding
from uploads.doctor.roundtrip import RoundTrip

__all__ = ["Finding", "RoundTrip", "examine"]


def examine() -> Iterator[Finding]:
    """Everything that can be seen without sending a file. Changes nothing; never raises."""
    yield from django_side.look()
    yield from access.look()
    yield from bucket.look()
    checked = queues.Queues()
    yield from checked.look()
    yield from notifications.look(checked.events_arn)
    yield from table.look()
