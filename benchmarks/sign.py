"""Signatures per second: filehub, Uppy's Companion, and a constant view of Django."""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks import http_load, uppy_server
from benchmarks.figures import Row, at_least
from benchmarks.site import Site
from benchmarks.turns import Effort, in_turns
from benchmarks.uppy_server import BaselineMissing
from tests.support.http import send
from uploads.core.conf import conf

#: Seconds of load for each program in each round.
SECONDS = 3.0
#: Files in one request to `POST /uploads/batch`.
BATCH = 100
CONTENT = b"benchmark"
FILE = {
    "file_name": "report.txt",
    "content_type": "text/plain",
    "size": len(CONTENT),
    "sha256": base64.b64encode(hashlib.sha256(CONTENT).digest()).decode(),
}
GET_URL, BATCH_PER_FILE = "POST /get-url", "POST /uploads/batch, per file"
COMPANION, CONSTANT = "Companion GET /s3/params", "constant Django view"
UNIT = "files/s"


class WrongResponse(Exception):
    """A server has not done what it was measured for."""


def run(site: Site, effort: Effort) -> list[Row]:
    """Measure all programs in turns. Every signature is checked by S3 for one response per run."""
    seconds = max(SECONDS * effort.scale, 0.05)
    with ExitStack() as stack:
        token = site.api_token()
        web = stack.enter_context(site.web())
        constant = stack.enter_context(site.web(application="benchmarks.constant_site:application"))
        authorization = {"Authorization": f"Bearer {token}"}
        programs: dict[str, Callable[[], float]] = {
            GET_URL: _signing(f"{web}/get-url", authorization, seconds),
            CONSTANT: _constant(f"{constant}/get-url", seconds),
        }
        missing = {}
        try:
            programs[COMPANION] = _companion(stack, site, seconds)
        except BaselineMissing as exc:
            missing[COMPANION] = str(exc)
        batch = f"{web}/uploads/batch"
        if send("POST", batch, b"{}", authorization).status in {404, 405}:
            missing[BATCH_PER_FILE] = "route missing"
        else:
            programs[BATCH_PER_FILE] = _batch(batch, authorization, seconds)
        return _rows(in_turns(effort.rounds, programs), missing)


def _rows(values: dict[str, tuple[float, ...]], missing: dict[str, str]) -> list[Row]:
    comparisons = [
        (GET_URL, COMPANION, at_least(3.0)),
        (GET_URL, CONSTANT, at_least(0.3)),
        (BATCH_PER_FILE, COMPANION, at_least(8.0)),
    ]
    return [
        Row(
            f"{own} / {baseline}",
            UNIT,
            values.get(own, ()) if not _reason(missing, own, baseline) else (),
            baseline,
            values.get(baseline, ()),
            target,
            _reason(missing, own, baseline),
        )
        for own, baseline, target in comparisons
    ]


def _reason(missing: dict[str, str], *names: str) -> str:
    return next((missing[name] for name in names if name in missing), "")


def _signing(url: str, headers: dict[str, str], seconds: float) -> Callable[[], float]:
    data = http_load.request("POST", url, FILE, headers)

    def program() -> float:
        load = http_load.run(url, data, _check_signature, seconds=seconds)
        _upload_by_put(json.loads(load.last.body))
        return load.per_second

    return program


def _batch(url: str, headers: dict[str, str], seconds: float) -> Callable[[], float]:
    data = http_load.request("POST", url, {"files": [FILE] * BATCH}, headers)

    def check(response: http_load.Response) -> None:
        _check(response, response.body.count(b"X-Amz-Signature=") == BATCH)

    def program() -> float:
        load = http_load.run(url, data, check, seconds=seconds)
        for result in json.loads(load.last.body)["results"]:
            _upload_by_put(result)
        return load.per_second * BATCH

    return program


def _constant(url: str, seconds: float) -> Callable[[], float]:
    data = http_load.request("POST", url, FILE)
    return lambda: (
        http_load.run(
            url,
            data,
            lambda response: _check(response, b"constant" in response.body),
            seconds=seconds,
        ).per_second
    )


def _companion(stack: ExitStack, site: Site, seconds: float) -> Callable[[], float]:
    companion = uppy_server.companion(site, bucket=conf().bucket, s3_url=site.aws.url)
    url = f"{stack.enter_context(companion)}/s3/params?filename=report.txt&type=text%2Fplain"
    data = http_load.request("GET", url)

    def program() -> float:
        load = http_load.run(url, data, _check_signature, seconds=seconds)
        _upload_by_form(json.loads(load.last.body))
        return load.per_second

    return program


def _check_signature(response: http_load.Response) -> None:
    _check(response, b"X-Amz-Signature" in response.body)


def _check(response: http_load.Response, is_right: bool) -> None:
    if response.status != 200 or not is_right:
        raise WrongResponse(f"{response.status} {response.body[:500]!r}")


def _upload_by_put(signed: dict[str, Any]) -> None:
    response = send("PUT", signed["url"], CONTENT, signed["headers"])
    if response.status != 200:
        raise WrongResponse(f"S3 refused the signature: {response.status} {response.body!r}")


def _upload_by_form(signed: dict[str, Any]) -> None:
    boundary = uuid.uuid4().hex
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in signed["fields"].items()]
    parts.append(f'name="file"; filename="report.txt"\r\n\r\n{CONTENT.decode()}')
    body = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    response = send(
        "POST",
        signed["url"],
        f"{body}--{boundary}--\r\n".encode(),
        {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    if response.status not in {200, 201, 204}:
        raise WrongResponse(f"S3 refused the form: {response.status} {response.body!r}")
