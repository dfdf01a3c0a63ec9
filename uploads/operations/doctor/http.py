"""Requests to S3 as a browser sends them: with an origin, without credentials of their own."""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException

#: Seconds.
TIMEOUT = 20
_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")


@dataclass(frozen=True)
class Answer:
    """What S3 said. `code` is S3's own of an error, or ""."""

    status: int
    headers: Message
    code: str


class NoAnswer(Exception):
    """Nothing came back; the text says why, in a few words."""


def send(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """One request. Raises NoAnswer. Redirects are followed, as browsers do."""
    # The scheme is http or https: uploads.core.conf accepts no other.
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return Answer(answer.status, answer.headers, "")
    except urllib.error.HTTPError as error:
        with error:
            found = _CODE.search(error.read(4096))
            return Answer(error.code, error.headers, found[1].decode() if found else "")
    except urllib.error.URLError as error:
        raise NoAnswer(_words(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise NoAnswer(_words(error)) from error


def _words(reason: object) -> str:
    """Without the address: a presigned one is a secret."""
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__
