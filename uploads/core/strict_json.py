"""JSON that comes from others: bodies of requests, messages in queues, files in buckets."""

from __future__ import annotations

from typing import Any

import jiter


def parse_json(text: str | bytes) -> Any:
    """Read one JSON document, as RFC 8259 has it and no more.

    Raises ValueError for what is no JSON, for `NaN` and `Infinity`, for half a surrogate pair, for
    a key that comes twice (others may read the first and filehub the last), for integers of more
    than 4,300 digits, and for what is nested in more than 201 levels.

    The standard library's `json` goes as deep as Python's own stack. A finaliser that the garbage
    collector happens to run down there fails, unseen, and is never run again; jiter has a stack
    and a limit of its own.
    """
    data = text.encode() if isinstance(text, str) else text
    return jiter.from_json(data, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
