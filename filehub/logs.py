"""Logging of all processes: what Django's LOGGING says, warnings, and exceptions nobody catches."""

from __future__ import annotations

import logging.config
import sys
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Any

logger = logging.getLogger(__name__)


def settings(form: str, secrets: Collection[str]) -> dict[str, Any]:
    """Return Django's LOGGING, for a format of `uploads.core.logs.lines`.

    `secrets` are values that must not appear in any line.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "uploads.core.logs.lines.LineFormatter",
                "form": form,
                "secrets": list(secrets),
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {
            "uploads": {"level": "INFO"},
            "filehub": {"level": "INFO"},
            # When tasks begin and end. What they did is in filehub's own lines.
            "celery": {"level": "INFO"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            # 4xx responses are noise; 5xx are logged as errors.
            "django.request": {"level": "ERROR"},
        },
    }


def configure(config: dict[str, Any]) -> None:
    """Apply LOGGING, and write warnings and uncaught exceptions as lines too.

    The value of LOGGING_CONFIG, which Django calls.
    """
    logging.config.dictConfig(config)
    # No line has them, and looking them up for each takes time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.captureWarnings(True)
    if not sys.stderr.isatty():
        sys.excepthook = _log_uncaught
        threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, Exception):
        logger.critical("ended by an exception", exc_info=(kind, error, traceback))
    else:
        sys.__excepthook__(kind, error, traceback)


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value or arguments.exc_type()
    logger.critical("a thread was ended by an exception", exc_info=error)
