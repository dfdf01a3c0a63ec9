"""Presign requests to S3 with Signature Version 4: in the query string, or as the fields of a form.

botocore's signer gives the same URLs (tests/aws/test_signer.py compares them), but takes several
times as long, since it parses and formats each URL again and derives the key for each request.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from urllib.parse import quote, urlsplit

from botocore.credentials import ReadOnlyCredentials

_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: Almost all values repeat: the scope of a day, the names of headers, a session's token.
_encode = lru_cache(maxsize=256)(partial(quote, safe=""))

# `hmac.new` instead of `hmac.digest`, which lets another thread run each time: many switches of
# threads, which take longer than signing (docs/performance.md).


def presign(
    method: str,
    bucket_url: str,
    key: str,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, str],
    credentials: ReadOnlyCredentials,
    region: str,
    expires: int,
    now: datetime,
) -> str:
    """Return the URL of an object, with `query` and the parameters of the signature.

    Its key must need no escapes in a URL. `headers` must be sent as they are; the host is signed
    too. `expires` is in seconds after `now`, which is in UTC.
    """
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{timestamp[:8]}/{region}/s3/aws4_request"
    host, path = _host_and_path(bucket_url)
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    lines = sorted((signed | {"host": host}).items())
    names = ";".join(name for name, _ in lines)
    parameters = {
        **query,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": timestamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": names,
    }
    if credentials.token is not None:
        parameters["X-Amz-Security-Token"] = credentials.token
    pairs = [(name, _encode(value)) for name, value in parameters.items()]
    request = "\n".join(
        [
            method,
            f"{path}/{key}",
            "&".join(f"{name}={value}" for name, value in sorted(pairs)),
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            "UNSIGNED-PAYLOAD",
        ]
    )
    digest = hashlib.sha256(request.encode()).hexdigest()
    signing_key = _signing_key(credentials.secret_key, timestamp[:8], region)
    text = f"{_ALGORITHM}\n{timestamp}\n{scope}\n{digest}"
    signature = hmac.new(signing_key, text.encode(), "sha256").hexdigest()
    parts = "&".join(f"{name}={value}" for name, value in pairs)
    return f"{bucket_url}/{key}?{parts}&X-Amz-Signature={signature}"


def presign_form(
    bucket: str,
    fields: Mapping[str, str],
    *,
    max_size: int,
    credentials: ReadOnlyCredentials,
    region: str,
    expires: int,
    now: datetime,
) -> dict[str, str]:
    """Return `fields` and those of the signature, for a POST of a form to the URL of the bucket.

    S3 accepts the form with exactly these fields and a file of at most `max_size` bytes, any number
    of times, until `expires` seconds after `now`, which is in UTC.
    """
    timestamp = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{timestamp[:8]}/{region}/s3/aws4_request"
    signed = {
        **fields,
        "x-amz-algorithm": _ALGORITHM,
        "x-amz-credential": f"{credentials.access_key}/{scope}",
        "x-amz-date": timestamp,
    }
    if credentials.token is not None:
        signed["x-amz-security-token"] = credentials.token
    conditions: list[dict[str, str] | list[str | int]] = [
        {"bucket": bucket},
        ["content-length-range", 0, max_size],
        *({name: value} for name, value in signed.items()),
    ]
    expiration = (now + timedelta(seconds=expires)).strftime("%Y-%m-%dT%H:%M:%SZ")
    document = json.dumps({"expiration": expiration, "conditions": conditions})
    policy = base64.b64encode(document.encode()).decode()
    signing_key = _signing_key(credentials.secret_key, timestamp[:8], region)
    signature = hmac.new(signing_key, policy.encode(), "sha256").hexdigest()
    return {**signed, "policy": policy, "x-amz-signature": signature}


@lru_cache(maxsize=8)
def _signing_key(secret_key: str, day: str, region: str) -> bytes:
    """The key for a day (YYYYMMDD). Other credentials have another key."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=8)
def _host_and_path(url: str) -> tuple[str, str]:
    """The Host header that clients send for a URL, and its path."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{port}"
    return host, parts.path
