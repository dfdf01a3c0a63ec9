"""`manage.py doctor`: is everything there, set as it must be, and does a file go all the way?"""

from __future__ import annotations

from collections.abc import Iterator

from uploads.operations.doctor import access, bucket, django_checks, notifications, queues, table
from uploads.operations.doctor.finding import Finding
from uploads.operations.doctor.roundtrip import RoundTrip

__all__ = ["Finding", "RoundTrip", "examine"]


def examine() -> Iterator[Finding]:
    """Everything that can be seen without sending a file. Changes nothing; never raises."""
    yield from django_checks.inspect()
    yield from access.inspect()
    yield from bucket.inspect()
    checked = queues.Queues()
    yield from checked.inspect()
    yield from notifications.inspect(checked.events_arn)
    yield from table.inspect()
