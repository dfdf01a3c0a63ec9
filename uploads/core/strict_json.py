"""A strict JSON parser for untrusted input: request bodies, queue messages, files in buckets."""

from __future__ import annotations

from typing import Any

import jiter


def parse_json(text: str | bytes) -> Any:
    """Parse one JSON document, strictly by RFC 8259.

    Raises ValueError for invalid JSON, `NaN`, `Infinity`, lone surrogates, duplicate keys (other
    readers may use the first value and filehub the last), integers of more than 4,300 digits, and
    more than 201 levels of nesting.

    The standard library's `json` recurses as deep as Python's stack allows. A finaliser that the
    garbage collector runs at that depth fails silently and is never run again; jiter has its own
    stack and its own limit.
    """
    data = text.encode() if isinstance(text, str) else text
    return jiter.from_json(data, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
