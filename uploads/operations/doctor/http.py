"""Requests to S3 as a browser sends them: with an origin and without AWS credentials."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException

from uploads.aws import clients

#: Seconds.
TIMEOUT = 20
_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")


@dataclass(frozen=True)
class Response:
    """S3's response. `code` is its error code, or ""."""

    status: int
    headers: Message
    code: str


class NoResponse(Exception):
    """S3 did not respond; the message says why in a few words."""


def send(
    method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Response:
    """Send one request and follow redirects, as browsers do. Raises NoResponse."""
    # The scheme is http or https: uploads.core.conf accepts nothing else.
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)  # noqa: S310
    try:
        context = ssl.create_default_context(cafile=clients.ca_bundle())
        with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as response:  # noqa: S310
            return Response(response.status, response.headers, "")
    except urllib.error.HTTPError as error:
        with error:
            match = _CODE.search(error.read(4096))
            return Response(error.code, error.headers, match[1].decode() if match else "")
    except urllib.error.URLError as error:
        raise NoResponse(_reason(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise NoResponse(_reason(error)) from error


def _reason(error: object) -> str:
    """The error without the URL: a presigned URL is a secret."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
