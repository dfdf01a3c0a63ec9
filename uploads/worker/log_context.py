"""Log lines of tasks: they carry the id of the task, and of the web request that queued it.

The request's id travels in a header of the task's message, so it survives redeliveries and dead
letters. A task that queues another one passes it on.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery import signals
from celery.apps import worker as celery_worker
from django.conf import settings
from django.utils.log import configure_logging

from uploads.core.logs import context

#: The header of a task's message.
HEADER = "request_id"

_shutdown_logger = logging.getLogger("celery.apps.worker")


def connect() -> None:
    """Carry the ids of requests and tasks in all processes that queue or run tasks."""
    signals.before_task_publish.connect(_add_request_id)
    signals.task_prerun.connect(_begin)
    signals.task_postrun.connect(_end)


def take_over_logging() -> None:
    """Write Celery's own lines as Django's settings say, in a process that is filehub's alone."""
    # Before Celery's first warning; and instead of Celery's own configuration.
    signals.celeryd_init.connect(configure)
    signals.setup_logging.connect(configure)
    vars(celery_worker)["safe_say"] = _say


def configure(**_: Any) -> None:
    """Configure logging as Django's settings say."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


def _add_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    request_id = context.current("request_id")
    if headers is not None and request_id:
        headers[HEADER] = request_id


def _begin(task_id: str = "", task: Any = None, **_: Any) -> None:
    request_id = _header(task.request) if task else None
    context.begin(
        task_id=task_id, request_id=request_id if context.is_request_id(request_id) else None
    )


def _header(request: Any) -> object:
    """Workers make the headers attributes of the request; without a worker, they are a dict."""
    return request.get(HEADER) or (request.get("headers") or {}).get(HEADER)


def _end(**_: Any) -> None:
    context.begin()


def _say(text: str, stream: Any = None) -> None:
    """Write what Celery says about its shutdown as a line.

    Celery says it in a signal handler, where a handler of logging may be interrupted while it
    holds the stream.
    """
    record = _shutdown_logger.makeRecord(
        _shutdown_logger.name, logging.INFO, __file__, 0, text, (), None
    )
    handlers = logging.getLogger().handlers
    line = handlers[0].format(record) if handlers else text
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{line}\n".encode())
