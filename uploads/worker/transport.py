"""kombu's SQS transport, for workers that survive.

With kombu 5.7 a poll that fails ends the worker: a 5xx or a broken connection becomes a list where
a mapping is expected, and everything else is raised into the event loop. A poll that is never
answered is waited for, for ever, since kombu does not tell curl the time limit that it has. Here a
poll has an end; one that fails is logged and followed by a growing pause, and one that succeeds is
noted for the health check. filehub/settings.py names this module in CELERY_BROKER_TRANSPORT.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Any

import pycurl
from botocore.exceptions import BotoCoreError, ClientError
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.transport import SQS

from uploads.aws import clients
from uploads.core import backoff
from uploads.worker import heartbeat

logger = logging.getLogger(__name__)

#: Seconds to connect in; as many are granted to a poll besides those that it waits.
CONNECT_TIMEOUT = 5
#: Seconds that a worker with as many tasks as it can hold counts as healthy without polling. A
#: little more than a task may take (CELERY_TASK_TIME_LIMIT): then one has ended, and it polls.
FULL = 150.0


class _HTTPConnection(AsyncHTTPSConnection):
    """One request of curl's, with an end."""

    def getrequest(self) -> Any:
        request = super().getrequest()
        request.on_prepare = _limit
        return request


def _limit(curl: pycurl.Curl) -> None:
    curl.setopt(pycurl.CONNECTTIMEOUT, CONNECT_TIMEOUT)
    curl.setopt(pycurl.TIMEOUT, clients.POLL_SECONDS + CONNECT_TIMEOUT)


class Connection(AsyncSQSConnection):
    """Long polls without blocking. Everything else goes through botocore."""

    def get_http_connection(self) -> _HTTPConnection:
        return _HTTPConnection(http_client=self._httpclient)

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> Any:
        """The answer of a poll, a mapping; None when it failed."""
        try:
            if response.status == self.STATUS_CODE_OK:
                return super()._on_list_ready(parent, markers, operation, response)
            # 599 is kombu's own, for what was never answered; its reason says why.
            detail = response.reason or (response.read() or b"")[:200]
        except BotoCoreError as exc:
            detail = repr(exc)
        logger.warning("%s failed: %s %s", operation, response.status, detail)
        return None


class Channel(SQS.Channel):
    """Polls for as long as there is a consumer, whatever the answers are."""

    _failures = 0
    _last_poll = 0.0

    def asynsqs(self, queue: str) -> Connection:
        """The connection for the polls of a queue, with credentials that refresh themselves."""
        clients = self._predefined_queue_async_clients
        if queue not in clients:
            clients[queue] = Connection(sqs_connection=self.sqs(queue=queue), region=self.region)
        return clients[queue]

    def _schedule_queue(self, queue: str) -> None:
        if not self.qos.can_consume() and time.monotonic() - self._last_poll < FULL:
            heartbeat.beat("worker")
        try:
            super()._schedule_queue(queue)
        except (BotoCoreError, ClientError, OSError) as exc:
            # Before anything was sent: above all, credentials that cannot be had just now.
            logger.warning("ReceiveMessage failed: %r", exc)
            self._failures += 1
            self._loop1(queue)

    def _on_messages_ready(self, queue: str, qname: str, messages: Any) -> int:
        if messages is None:
            self._failures += 1
            return 0
        self._failures = 0
        self._last_poll = time.monotonic()
        heartbeat.beat("worker")
        count = 0
        for message in messages.get("Messages", ()):
            try:
                count += super()._on_messages_ready(queue, qname, {"Messages": [message]})
            except Exception:
                # It stays in the queue, and SQS gives it up in the end: alone.
                logger.exception("a message of %s cannot be read", qname)
                self._forget(message["ReceiptHandle"])
        return count

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Leave the message to the queue, which shows it again after a while, or gives it up.

        Celery has it requeued when the process of its task was killed. kombu 5.7 forgets at that
        what its own pauses between tries need, and the worker ends with a KeyError.
        """
        if requeue:
            self.qos.reject(delivery_tag)
        else:
            super().basic_reject(delivery_tag)

    def _forget(self, receipt: str) -> None:
        """Free the place among the tasks in hand that the message may have got."""
        with contextlib.suppress(KeyError):
            self.qos.get(receipt)
            self.qos.ack(receipt)

    def _loop1(self, queue: str, messages_fetched: int | None = None) -> None:
        if self._failures:
            self.hub.call_later(backoff.pause(self._failures), self._schedule_queue, queue)
        else:
            super()._loop1(queue, messages_fetched)


class Transport(SQS.Transport):
    """What CELERY_BROKER_TRANSPORT names."""

    Channel = Channel
    # What SQS refuses may work later: Celery connects again, or logs that it cannot acknowledge.
    connection_errors = (*SQS.Transport.connection_errors, ClientError)
