"""The form of log lines: JSON for machines, one line per event, and text for people.

Whatever a record contains, a line is one line, has bounded length, and no character that forges or
disguises another. In text, lines of tracebacks are indented.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Literal, get_args

from structlog.contextvars import get_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback

from uploads.core import tracing
from uploads.core.logs.context import IDS
from uploads.core.logs.secrets import Redactor
from uploads.core.names import display_name

Format = Literal["json", "text", "auto"]
FORMATS: tuple[Format, ...] = get_args(Format)
#: The variable with the format. A setting of the project (filehub/env.py), which granian's main
#: process, where Django is not loaded, needs too.
VARIABLE = "FILEHUB_LOG_FORMAT"

#: Characters of a field, and of a traceback, of which the end is kept.
MAX_FIELD = 8_000
MAX_TRACEBACK = 16_000
#: Characters of a field's name.
MAX_NAME = 100
#: Levels of nesting, and entries of a list or mapping.
MAX_DEPTH = 4
MAX_ENTRIES = 100
#: The logger of the access log (uploads/web/request_id.py).
ACCESS = "uploads.web.request_id"

#: What every record has. Everything else was passed as `extra`.
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_FIRST = ("time", "level", "logger", "message", *IDS, "trace_id", "span_id")

#: Larger numbers are not written.
_LARGE = 2**64

Fields = dict[str, object]

_IN_MESSAGE = ("method", "path", "status", "address")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class LineFormatter(logging.Formatter):
    """Formats a record as a line. Never raises, whatever the record contains."""

    def __init__(self, form: str = "", secrets: Collection[str] = ()) -> None:
        """`form` is "json", "text" or "auto": text if stderr is a terminal. By default, that of
        FILEHUB_LOG_FORMAT. `secrets` are values to remove wherever they appear.
        """
        super().__init__()
        form = form or os.environ.get(VARIABLE) or "auto"
        is_terminal = sys.stderr.isatty()
        self._as_text = form == "text" or (form == "auto" and is_terminal)
        self._colors = is_terminal
        self._redactor = Redactor(secrets)

    def format(self, record: logging.LogRecord) -> str:
        fields = _fields_of(record)
        line = as_json(fields)
        if not self._is_harmless(line):
            fields = _limited(self._redactor.fields(_cleaned(fields)))
            line = as_json(fields)
        return as_text(fields, colors=self._colors) if self._as_text else line

    def _is_harmless(self, line: str) -> bool:
        """Return whether nothing in this JSON has to be replaced or cut off. Most lines are."""
        return (
            len(line) <= MAX_FIELD
            # JSON escapes control characters, but not those that disguise others.
            and "\\" not in line
            and line.isprintable()
            and not self._redactor.may_have_secrets(line)
        )


def as_json(fields: Mapping[str, object]) -> str:
    """Return the fields as one line of JSON."""
    return _ENCODER.encode(fields)


def as_text(fields: Mapping[str, object], *, colors: bool) -> str:
    """Return the fields as a line for people; a traceback follows it, indented."""
    # The message of an access has most of these.
    repeated = _IN_MESSAGE if fields.get("logger") == ACCESS else ()
    shown = {name: value for name, value in fields.items() if name not in repeated}
    if isinstance(traceback := fields.get("exception"), str):
        shown["exception"] = "\n".join(f"    {line}" for line in traceback.split("\n"))
    return str(_console(colors)(None, "", shown))


@cache
def _console(colors: bool) -> ConsoleRenderer:
    return ConsoleRenderer(
        colors=colors,
        force_colors=colors,
        exception_formatter=plain_traceback,
        sort_keys=False,
        event_key="message",
        timestamp_key="time",
        pad_event_to=0,
    )


def _fields_of(record: logging.LogRecord) -> Fields:
    """Return what a line says, in order."""
    fields: Fields = {**get_contextvars(), **tracing.ids(), **_extra_of(record)}
    # Last, so that nothing else can take their place.
    fields |= {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
        "exception": _traceback(record) or None,
    }
    ordered = {name: fields.pop(name) for name in _FIRST if name in fields} | fields
    return {
        name: value if type(value) is str else _plain(value)
        for name, value in ordered.items()
        if value is not None
    }


def _extra_of(record: logging.LogRecord) -> Fields:
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    task = extra.get("data")
    if isinstance(task, dict) and {"id", "name"} <= task.keys():
        # Celery's. Its message has what matters of the rest.
        del extra["data"]
        extra["task_id"] = task["id"]
    return extra


def _cleaned(fields: Mapping[str, object]) -> Fields:
    """Replace characters that break, forge or disguise lines; a traceback keeps its lines."""
    return {
        display_name(name): (
            "\n".join(map(display_name, value.split("\n")))
            if name == "exception" and isinstance(value, str)
            else _clean(value)
        )
        for name, value in fields.items()
    }


def _clean(value: object) -> object:
    if isinstance(value, str):
        return display_name(value)
    if isinstance(value, dict):
        return {display_name(name): _clean(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_clean(entry) for entry in value]
    return value


def _limited(fields: Mapping[str, object]) -> Fields:
    """Cut off what is too long. After secrets were removed, so that none is cut in two."""
    return {
        _shorten(name, MAX_NAME): (
            _end_of(value) if name == "exception" and isinstance(value, str) else _limit(value)
        )
        for name, value in fields.items()
    }


def _limit(value: object) -> object:
    if isinstance(value, str):
        return _shorten(value, MAX_FIELD)
    if isinstance(value, dict):
        return {_shorten(name, MAX_NAME): _limit(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_limit(entry) for entry in value]
    return value


def _shorten(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def _end_of(traceback: str) -> str:
    """The end of a traceback, which has the error."""
    return traceback if len(traceback) <= MAX_TRACEBACK else "…" + traceback[-MAX_TRACEBACK:]


def _message(record: logging.LogRecord) -> str:
    text = _text_of(record.msg)
    if not record.args:
        return text
    try:
        return text % record.args
    except Exception:  # noqa: BLE001  # of any argument's __str__, or too few arguments
        # logging would print the arguments and a traceback, in lines of their own.
        return f"{text} (its arguments do not fit: {_text_of(record.args)})"


def _traceback(record: logging.LogRecord) -> str:
    """Return the traceback and the stack of a record."""
    parts = []
    if record.exc_info and record.exc_info[0] is not None:
        parts.append(logging.Formatter().formatException(record.exc_info))
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _plain(value: object, depth: int = 0) -> object:
    """Return a value that JSON has: text, a number, or a list or dict of these."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # JSON has neither NaN nor infinity, and Python writes no integer of thousands of digits.
        return value if abs(value) < _LARGE else repr(type(value))
    if depth < MAX_DEPTH and isinstance(value, Mapping):
        entries = list(value.items())[:MAX_ENTRIES]
        return {_text_of(name): _plain(entry, depth + 1) for name, entry in entries}
    if depth < MAX_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry, depth + 1) for entry in list(value)[:MAX_ENTRIES]]
    return _text_of(value)


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    try:
        return str(value)
    except Exception:  # noqa: BLE001  # of any object's __str__
        return f"an unprintable {type(value).__name__}"
