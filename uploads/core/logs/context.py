"""What log lines are about: ids that all lines carry while a request or a task is handled.

Lines of libraries carry them too. Threads of `uploads.core.fan_out` have the context of their
caller.
"""

from __future__ import annotations

import random
import re
from contextlib import AbstractContextManager
from typing import TypeGuard

from structlog.contextvars import (
    bind_contextvars,
    bound_contextvars,
    clear_contextvars,
    get_contextvars,
)

#: The ids of a line, in the order in which they appear.
IDS = ("request_id", "upload_id", "task_id", "message_id", "user_id")

#: A UUID, the ids of nginx, Envoy and Heroku, and AWS's traces without their name. Nothing that
#: would have to be escaped anywhere.
_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}", re.ASCII)


def begin(**ids: str | None) -> None:
    """Forget the previous request or task of this thread; lines from now on have these ids."""
    clear_contextvars()
    add(**ids)


def add(**ids: str | None) -> None:
    """Add ids until the request or task ends. None adds nothing."""
    bind_contextvars(**{name: value for name, value in ids.items() if value is not None})


def about(**ids: str) -> AbstractContextManager[None]:
    """`with about(upload_id=…):` adds ids to the lines of this block."""
    return bound_contextvars(**ids)


def current(name: str) -> str | None:
    """Return the id of this name that lines have now."""
    value = get_contextvars().get(name)
    return None if value is None else str(value)


def new_request_id() -> str:
    """Return a new id, short enough to be quoted."""
    # Not a secret. The system's generator would let another thread run (uploads/core/keys.py).
    return f"{random.getrandbits(64):016x}"


def is_request_id(text: object) -> TypeGuard[str]:
    """Return whether this looks like the id of a request."""
    return isinstance(text, str) and _REQUEST_ID.fullmatch(text) is not None
