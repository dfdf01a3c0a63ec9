"""kombu's SQS transport, made robust against failed polls.

In kombu 5.7 a failed poll ends the worker: a 5xx or a broken connection gives a list where a
mapping is expected, and any other error is raised into the event loop. A poll without a response
hangs forever, because kombu does not pass its timeout to curl. Here polls time out; a failed poll
is logged and retried with growing pauses, and a successful one sends a heartbeat, unless the
worker's credentials do not allow what its tasks need.

From the queue of low-priority tasks, a worker takes one message at a time and fetches the next
when that is done, so that with two processes or more one is always left for other tasks. Without
that queue, or without access to it, all other tasks go on.
filehub/settings.py sets this transport as CELERY_BROKER_TRANSPORT.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import defaultdict
from functools import cache
from typing import Any

import pycurl
from botocore.exceptions import BotoCoreError, ClientError
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.transport import SQS
from kombu.transport.virtual.base import queue_declare_ok_t

from uploads.aws import clients
from uploads.core import backoff
from uploads.worker import access, heartbeat

logger = logging.getLogger(__name__)

#: Seconds to connect, and to respond beyond the time of a long poll.
CONNECT_TIMEOUT = 5
#: Seconds that a worker at full capacity counts as healthy without polling. A little more than
#: CELERY_TASK_TIME_LIMIT, after which a task has ended and the worker polls again.
MAX_SECONDS_WITHOUT_POLL = 150.0
#: Seconds after which it is checked again whether a low-priority task is done.
LOW_PAUSE = 0.05


#: Read once, since kombu prepares a new request for each poll.
_ca_bundle = cache(clients.ca_bundle)


class _HTTPConnection(AsyncHTTPSConnection):
    """A request with timeouts, which verifies the server as botocore does."""

    def getrequest(self) -> Any:
        request = super().getrequest()
        request.ca_certs = _ca_bundle() or request.ca_certs
        request.on_prepare = _set_timeouts
        return request


def _set_timeouts(curl: pycurl.Curl) -> None:
    curl.setopt(pycurl.CONNECTTIMEOUT, CONNECT_TIMEOUT)
    curl.setopt(pycurl.TIMEOUT, clients.POLL_SECONDS + CONNECT_TIMEOUT)


class Connection(AsyncSQSConnection):
    """Non-blocking long polls. All other requests use botocore."""

    def get_http_connection(self) -> _HTTPConnection:
        return _HTTPConnection(http_client=self._httpclient)

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> Any:
        """Return the response to a poll as a mapping; None if it failed."""
        try:
            if response.status == self.STATUS_CODE_OK:
                return super()._on_list_ready(parent, markers, operation, response)
            # 599 is kombu's own status for a missing response, with an explanation as reason.
            detail = response.reason or (response.read() or b"")[:200]
        except BotoCoreError as exc:
            detail = repr(exc)
        logger.warning("%s failed: %s %s", operation, response.status, detail)
        return None


class Channel(SQS.Channel):
    """Keeps polling while there is a consumer, even after errors."""

    _last_poll = 0.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: Failed polls since the last success, by queue.
        self._failures: defaultdict[str, int] = defaultdict(int)
        super().__init__(*args, **kwargs)

    def _new_queue(self, queue: str, **kwargs: Any) -> Any:
        """The URL of a queue, which is looked up when the process uses the queue."""
        if queue not in self._queue_cache and queue in self.predefined_queues:
            self._queue_cache[queue] = self.predefined_queues[queue]["url"]
        return super()._new_queue(queue, **kwargs)

    def queue_declare(self, queue: str = "", passive: bool = False, **kwargs: Any) -> Any:
        try:
            return super().queue_declare(queue, passive, **kwargs)
        except ClientError as exc:
            if not self._is_low(queue):
                raise
            # Its polls fail and are retried, until the queue exists.
            logger.error("low-priority tasks are not processed: %s: %r", queue, exc)
            return queue_declare_ok_t(queue, 0, 0)

    def asynsqs(self, queue: str) -> Connection:
        """The connection that polls a queue, with credentials that are refreshed automatically."""
        clients = self._predefined_queue_async_clients
        if queue not in clients:
            clients[queue] = Connection(sqs_connection=self.sqs(queue=queue), region=self.region)
        return clients[queue]

    def _schedule_queue(self, queue: str) -> None:
        seconds = time.monotonic() - self._last_poll
        if not self.qos.can_consume() and seconds < MAX_SECONDS_WITHOUT_POLL:
            heartbeat.beat("worker")
        if self._is_low(queue) and self._is_in_progress(queue):
            self.hub.call_later(LOW_PAUSE, self._schedule_queue, queue)
            return
        try:
            super()._schedule_queue(queue)
        except (BotoCoreError, ClientError, OSError) as exc:
            # Before the request was sent, for example because credentials are unavailable.
            logger.warning("ReceiveMessage failed: %r", exc)
            self._failures[queue] += 1
            self._loop1(queue)

    def _is_low(self, queue: str) -> bool:
        return bool(queue == self.transport_options.get("one_at_a_time"))

    def _is_in_progress(self, queue: str) -> bool:
        """Whether a message of this queue has been received and not yet settled."""
        delivered: dict[str, Any] = self.qos._delivered or {}
        settled = self.qos._dirty or ()
        return any(
            message.delivery_info["routing_key"] == queue
            for tag, message in delivered.items()
            if tag not in settled
        )

    def _get_bulk_async(self, queue: str, callback: Any = None) -> Any:
        if self._is_low(queue):
            return self._get_async(queue, 1, callback=callback)
        return super()._get_bulk_async(queue, callback)

    def _on_messages_ready(self, queue: str, qname: str, messages: Any) -> int:
        if messages is None:
            self._failures[qname] += 1
            return 0
        self._failures[qname] = 0
        if not self._is_low(qname):
            self._last_poll = time.monotonic()
            if access.is_sufficient():
                heartbeat.beat("worker")
        count = 0
        for message in messages.get("Messages", ()):
            try:
                count += super()._on_messages_ready(queue, qname, {"Messages": [message]})
            except Exception:
                # It stays in the queue, and only it becomes a dead letter.
                logger.exception("a message of %s cannot be read", qname)
                self._forget(message["ReceiptHandle"])
        return count

    def _message_to_python(self, message: Any, queue_name: str, q_url: str) -> Any:
        """Give the message the queue that it came from: kombu uses the one it was first sent to.

        While thumbnails are off, dead letters of their queue are replayed in the queue of tasks.
        """
        payload = super()._message_to_python(message, queue_name, q_url)
        payload["properties"]["delivery_info"]["routing_key"] = queue_name
        return payload

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Leave the message in the queue, which redelivers it or moves it to the dead letters.

        Celery requeues the message if the process of its task was killed. kombu 5.7 then discards
        data that its retry pauses need, and the worker ends with a KeyError.
        """
        if requeue:
            self.qos.reject(delivery_tag)
        else:
            super().basic_reject(delivery_tag)

    def _forget(self, receipt: str) -> None:
        """Free the prefetch slot that the message may have taken."""
        with contextlib.suppress(KeyError):
            self.qos.get(receipt)
            self.qos.ack(receipt)

    def _loop1(self, queue: str, messages_fetched: int | None = None) -> None:
        if failures := self._failures[queue]:
            self.hub.call_later(backoff.pause(failures), self._schedule_queue, queue)
        else:
            super()._loop1(queue, messages_fetched)


class Transport(SQS.Transport):
    """The value of CELERY_BROKER_TRANSPORT."""

    Channel = Channel
    # An SQS error may be temporary: Celery reconnects, or logs the failed acknowledgement.
    connection_errors = (*SQS.Transport.connection_errors, ClientError)
