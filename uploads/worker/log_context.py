"""Log lines of tasks: they carry the id of the task, and of the web request that queued it.

The request's id and the trace (uploads/core/tracing.py) travel in headers of the task's message, so
they survive redeliveries and dead letters. A task that queues another one passes them on.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from celery import signals
from celery.apps import worker as celery_worker
from celery.states import SUCCESS
from django.conf import settings
from django.utils.log import configure_logging

from uploads.core import tracing
from uploads.core.logs import context

#: The header of a task's message.
HEADER = "request_id"

_shutdown_logger = logging.getLogger("celery.apps.worker")


def connect() -> None:
    """Carry the ids of requests and tasks in all processes that queue or run tasks."""
    signals.before_task_publish.connect(_add_headers)
    signals.task_prerun.connect(_begin)
    signals.task_postrun.connect(_end)
    # Processes of the pool end without running `atexit`.
    signals.worker_process_shutdown.connect(_end_traces)


def take_over_logging() -> None:
    """Write Celery's own lines as Django's settings say, in a process that is filehub's alone."""
    # Before Celery's first warning; and instead of Celery's own configuration.
    signals.celeryd_init.connect(configure)
    signals.setup_logging.connect(configure)
    vars(celery_worker)["safe_say"] = _say


def configure(**_: Any) -> None:
    """Configure logging as Django's settings say."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


def _add_headers(headers: dict[str, Any] | None = None, **_: Any) -> None:
    request_id = context.current("request_id")
    if headers is not None and request_id:
        headers[HEADER] = request_id
    if headers is not None and (traceparent := tracing.traceparent()):
        headers[tracing.HEADER] = traceparent


def _begin(task_id: str = "", task: Any = None, **_: Any) -> None:
    request_id = _header(task.request, HEADER) if task else None
    context.begin(
        task_id=task_id, request_id=request_id if context.is_request_id(request_id) else None
    )
    if task:
        span = tracing.span(
            task.name,
            "consumer",
            parent=_header(task.request, tracing.HEADER),
            attributes={"filehub.task_id": task_id},
        )
        span.__enter__()
        task.request.filehub_span = span


def _header(request: Any, name: str) -> object:
    """Workers make the headers attributes of the request; without a worker, they are a dict."""
    return request.get(name) or (request.get("headers") or {}).get(name)


def _end(task: Any = None, state: str | None = None, retval: Any = None, **_: Any) -> None:
    span = getattr(task.request, "filehub_span", None) if task else None
    if span is not None:
        if state != SUCCESS:
            tracing.failed(type(retval).__name__ if retval is not None else str(state))
        span.__exit__(None, None, None)
    context.begin()


def _end_traces(**_: Any) -> None:
    tracing.end()


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
