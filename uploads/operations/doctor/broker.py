"""Check that Celery's transport reaches the tasks queue, as web, consumer and worker need it.

IAM: sqs:GetQueueUrl, sqs:GetQueueAttributes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from kombu import Connection

from uploads.core.conf import conf
from uploads.operations.doctor.finding import Finding, code_of, guarded
from uploads.operations.doctor.queues import MISSING
from uploads.worker import broker
from uploads.worker.app import app

SUBJECT = "broker"


def inspect() -> Iterator[Finding]:
    yield from guarded(SUBJECT, _check)


def _configured(name: str) -> Any:
    """A setting of the Celery app."""
    return getattr(app.conf, name)


def _check() -> Iterator[Finding]:
    if _configured("broker_transport") != broker.TRANSPORT:
        yield Finding("skip", SUBJECT, "it is not SQS (see the “settings” finding above).")
        return
    queue = conf().tasks_queue
    url, options = broker.broker_settings(_configured("broker_url"), conf())
    try:
        with Connection(url, transport=broker.TRANSPORT, transport_options=options) as connection:
            # Unlike `default_channel`, this raises boto's own errors and does not keep retrying.
            channel: Any = connection.channel()
            channel.queue_declare(queue, passive=True)
    except ClientError as exc:
        if code_of(exc) not in MISSING:
            raise
        yield Finding("skip", SUBJECT, f"the queue {queue} does not exist (see above).")
        return
    yield Finding("ok", SUBJECT, f"Celery reaches {queue}.")
