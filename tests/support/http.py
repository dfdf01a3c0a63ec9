"""HTTP requests as a plain client sends them."""

from __future__ import annotations

import base64
import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from uploads.aws import s3


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    headers: Any


def send(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Send one HTTP request; error statuses raise no exception."""
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return Response(response.status, response.read(), response.headers)
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, error.read(), error.headers)


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def put(request: s3.SignedRequest, body: bytes, **changed: str) -> Response:
    """Send a signed request as a client does, with some headers changed."""
    headers = {**request.headers, **{k.replace("_", "-"): v for k, v in changed.items()}}
    return send(request.method, request.url, body, headers)
