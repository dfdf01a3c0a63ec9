"""Presigned URLs are those of botocore's own signer."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from pytest_django import Settings

from uploads.aws import clients, s3
from uploads.aws.signer import presign, presign_form

NOW = datetime(2026, 11, 27, 23, 59, 59, tzinfo=UTC)
URL = "https://filehub-uploads.s3.eu-central-1.amazonaws.com"
KEY = "uploads/7/0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d7"
HEADERS = {"Content-Type": "text/plain", "If-None-Match": "*", "x-amz-meta-owner": "7"}
PERMANENT = ReadOnlyCredentials("AKIAEXAMPLE", "secret/+key", None)
TEMPORARY = ReadOnlyCredentials("ASIAEXAMPLE", "another", "IQoJb3Jp/Z2lu+X2Vj==")

REQUESTS: dict[str, dict[str, Any]] = {
    "a file": {},
    "a length": {"headers": HEADERS | {"Content-Length": "0"}},
    "a checksum": {"headers": HEADERS | {"x-amz-checksum-sha256": "47DEQpj8HBSa+/TImW+5JC="}},
    "no headers": {"headers": {}},
    "a type with parameters": {
        "headers": HEADERS | {"Content-Type": 'text/plain;charset=utf-8;a="b  c;d"'}
    },
    "spaces in values": {"headers": HEADERS | {"Content-Type": "text/plain; \t a=b   c=d "}},
    "an encoded name": {"headers": HEADERS | {"x-amz-meta-filename": "%E6%97%A5%201%252.txt"}},
    "header names out of order": {"headers": {"x-b": "1", "X-A": "2", "x-a-b": "3", "A": "4"}},
    "a part": {"query": {"partNumber": "10000", "uploadId": "VXBsb2FkIElE._-~"}},
    "a part with an odd upload id": {"query": {"partNumber": "1", "uploadId": "a+b/c=d e&f%20ü"}},
    "another method": {"method": "GET"},
    "a thumbnail": {
        "method": "GET",
        "headers": {},
        "key": f"thumbnails/{KEY[-36:]}.webp",
        "credentials": TEMPORARY,
    },
    "temporary credentials": {"credentials": TEMPORARY},
    "another region": {"region": "cn-north-1"},
    "another expiry": {"expires": 604_800},
    "the first second of a day": {"now": NOW + timedelta(seconds=1)},
    "a local endpoint": {"bucket_url": "http://127.0.0.1:4566/filehub-uploads"},
    "an endpoint with a path": {"bucket_url": "https://example.com/s3/files.example.com"},
    "a default port": {"bucket_url": "https://example.com:443/b"},
    "the default port of HTTP": {"bucket_url": "http://example.com:80/b"},
    "the other scheme's port": {"bucket_url": "http://example.com:443/b"},
    "a host in upper case": {"bucket_url": "https://S3.Example.com/b"},
    "an IPv6 address": {"bucket_url": "http://[::1]:4566/b"},
}


def botocore(request: dict[str, Any]) -> str:
    unsigned = AWSRequest(
        method=request["method"],
        url=f"{request['bucket_url']}/{request['key']}",
        headers=dict(request["headers"]),
        params=dict(request["query"]),
    )
    signer = S3SigV4QueryAuth(
        request["credentials"], "s3", request["region"], expires=request["expires"]
    )
    with time_machine.travel(request["now"], tick=False):
        signer.add_auth(unsigned)
    return str(unsigned.url)


@pytest.mark.parametrize("changed", REQUESTS.values(), ids=REQUESTS)
def test_a_url_is_that_of_botocore(changed: dict[str, Any]) -> None:
    request = {
        "method": "PUT",
        "bucket_url": URL,
        "key": KEY,
        "headers": HEADERS,
        "query": {},
        "credentials": PERMANENT,
        "region": "eu-central-1",
        "expires": 900,
        "now": NOW,
    } | changed
    # Twice, since the second uses what was derived for the first.
    for _ in range(2):
        assert presign(**request) == botocore(request)


def test_rotated_credentials_take_effect_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = clients.session(settings.FILEHUB["REGION"])
    current = PERMANENT

    class Rotating:
        def get_frozen_credentials(self) -> ReadOnlyCredentials:
            return current

    monkeypatch.setattr(session, "get_credentials", Rotating)
    signatures = []
    with time_machine.travel(NOW, tick=False):
        for current in (PERMANENT, TEMPORARY, PERMANENT._replace(secret_key="new"), PERMANENT):
            url = s3.sign_part(KEY[-36:], "x", 1, size=5, sha256=None).url
            signatures.append(url.rpartition("=")[2])
            assert current.access_key in url
    assert signatures[0] == signatures[3]
    assert len(set(signatures)) == 3


@pytest.mark.parametrize("credentials", [PERMANENT, TEMPORARY], ids=["permanent", "temporary"])
def test_a_form_is_that_of_botocore(credentials: ReadOnlyCredentials) -> None:
    """botocore orders the conditions differently, so the signature is compared for our policy."""
    fields = {"key": KEY, "Content-Type": "text/plain", "x-amz-meta-owner": "7"}
    ours = presign_form(
        "files", fields, max_size=5, credentials=credentials, region="eu-central-1",
        expires=900, now=NOW,
    )  # fmt: skip
    request = AWSRequest(method="POST", url=URL)
    request.context["s3-presign-post-fields"] = dict(fields)
    request.context["s3-presign-post-policy"] = {
        "expiration": "2026-11-28T00:14:59Z",
        "conditions": [
            {"bucket": "files"},
            ["content-length-range", 0, 5],
            *({name: value} for name, value in fields.items()),
        ],
    }
    with time_machine.travel(NOW, tick=False):
        S3SigV4PostAuth(credentials, "s3", "eu-central-1").add_auth(request)
    theirs = request.context["s3-presign-post-fields"]
    assert set(ours) == set(theirs)
    assert decode(ours["policy"]) == decode(theirs["policy"])
    signature = S3SigV4PostAuth(credentials, "s3", "eu-central-1")
    request.context["timestamp"] = ours["x-amz-date"]
    assert ours["x-amz-signature"] == signature.signature(ours["policy"], request)
    assert ours | {"policy": "", "x-amz-signature": ""} == theirs | {
        "policy": "", "x-amz-signature": "",
    }  # fmt: skip


def decode(policy: str) -> Any:
    """The policy, with its conditions in one order."""
    document = json.loads(base64.b64decode(policy))
    document["conditions"].sort(key=str)
    return document
