"""Several workers deliver at the same time, with PostgreSQL, where transactions run in parallel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.support.postgres import Postgres
from tests.support.processes import ROOT
from tests.support.webhook_receiver import Receiver, receiving
from uploads.models import WebhookEndpoint

WORKERS, FILES, EVENTS = 3, 4, 12

CREATE = """
from django.core.management import call_command
from uploads.files.file_events import EVENT_TYPES
from uploads.models import WebhookEndpoint
call_command('migrate', verbosity=0)
WebhookEndpoint.objects.create(name='x', url=URL, secret=SECRET, events=' '.join(EVENT_TYPES))
"""
#: Publishes a share of all events, each at any time, and delivers meanwhile.
WORK = """
import random
from tests.integrations.helpers import event
from uploads.integrations.webhooks import deliver, deliveries
from uploads.models import WebhookEndpoint
endpoint = WebhookEndpoint.objects.get().pk
mine = [(file, n) for file in range(FILES) for n in range(1, EVENTS + 1) if n % WORKERS == NUMBER]
random.shuffle(mine)
for file, n in mine:
    deliveries.create([event(n, file_id=f"0190f5a0-0000-7000-8000-{file:012}")])
    deliver.deliver(endpoint)
"""
FINISH = """
import time
from uploads.integrations.webhooks import deliver, deliveries
from uploads.models import WebhookEndpoint
deliver.deliver(WebhookEndpoint.objects.get().pk)
assert deliveries.counts().pending == 0
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving(Receiver(WebhookEndpoint.new_secret())) as running:
        yield running


def start(script: str, database: str, **values: object) -> subprocess.Popen[str]:
    given = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    return subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", f"{given}\n{script}"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database, "FILEHUB_WEBHOOK_PRIVATE_ADDRESSES": "on"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(child: subprocess.Popen[str]) -> None:
    output, _ = child.communicate(timeout=240)
    assert child.returncode == 0, output


@pytest.mark.exhaustive
def test_webhooks_of_a_file_arrive_in_order(receiver: Receiver) -> None:
    with Postgres() as server:
        finish(start(CREATE, server.url, URL=receiver.url, SECRET=receiver.secret))
        numbers = {"WORKERS": WORKERS, "FILES": FILES, "EVENTS": EVENTS}
        for child in [start(WORK, server.url, NUMBER=n, **numbers) for n in range(WORKERS)]:
            finish(child)
        finish(start(FINISH, server.url))
    arrived: defaultdict[str, list[int]] = defaultdict(list)
    for _, body in receiver.received:
        arrived[body["data"]["id"]].append(int(body["data"]["sequence"][-10:]))
    assert len(arrived) == FILES
    # Those that were published too late are skipped; none is sent twice.
    assert {file: sorted(set(numbers)) for file, numbers in arrived.items()} == arrived
    assert {numbers[-1] for numbers in arrived.values()} == {EVENTS}
