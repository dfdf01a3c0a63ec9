"""Endpoints, and receivers on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.support.webhook_receiver import Receiver, receiving
from uploads.files import outbox
from uploads.files.file_events import EVENT_TYPES
from uploads.models import WebhookEndpoint


@pytest.fixture
def private_addresses(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"WEBHOOK_PRIVATE_ADDRESSES": "on"}


@pytest.fixture
def receiver(private_addresses: None) -> Iterator[Receiver]:
    with receiving(Receiver(WebhookEndpoint.new_secret())) as running:
        yield running


@pytest.fixture
def endpoint(receiver: Receiver, db: None) -> WebhookEndpoint:
    """An endpoint at the receiver, for all events."""
    outbox.interest.note(has_endpoints=True, read_at=float("inf"))
    return WebhookEndpoint.objects.create(
        name="test", url=receiver.url, secret=receiver.secret, events=" ".join(EVENT_TYPES)
    )
