"""`manage.py doctor`: check the installation's configuration, and send a test file through it."""

from __future__ import annotations

from collections.abc import Iterator

from uploads.operations.doctor import (
    access,
    broker,
    bucket,
    caches,
    django_checks,
    notifications,
    queues,
    scanner,
    single_sign_on,
    table,
)
from uploads.operations.doctor.finding import Finding
from uploads.operations.doctor.roundtrip import RoundTrip

__all__ = ["Finding", "RoundTrip", "examine", "examine_resources"]


def examine() -> Iterator[Finding]:
    """Run all checks that need no test file. Changes nothing and never raises."""
    yield from django_checks.inspect()
    yield from caches.inspect()
    yield from single_sign_on.inspect()
    yield from scanner.inspect()
    yield from access.inspect()
    yield from examine_resources()
    yield from broker.inspect()


def examine_resources() -> Iterator[Finding]:
    """Check the bucket, the queues and the table. Changes nothing and never raises."""
    yield from bucket.inspect()
    checked = queues.Queues()
    yield from checked.inspect()
    yield from notifications.inspect(checked.events_arn)
    yield from table.inspect()
