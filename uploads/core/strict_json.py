"""A strict JSON parser for untrusted input: request bodies, queue messages, files in buckets."""

from __future__ import annotations

import re
from typing import Any

import jiter

#: One escape of a JSON string: a pair of surrogates, half of a pair, or anything else.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


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


def replace_lone_surrogates(data: bytes) -> bytes:
    """Replace each escape of half a surrogate pair (`\\ud83d`) by that of U+0000.

    No text that filehub accepts has this character, so a caller can parse the result to find out
    which field was not valid Unicode. A document without such an escape is returned unchanged.
    """
    return _ESCAPE.sub(lambda match: rb"\u0000" if match["half"] else match[0], data)
