"""An API client that retries as a client must, and records responses that it may never get."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

from tests.chaos.expectations import Expectations, Known
from tests.chaos.http_client import RETRYABLE, Response, Unanswered, request


class RetryingClient:
    """Calls the API of a site with a token, and sends presigned requests to S3."""

    def __init__(self, site: str, token: str, rng: Random, expectations: Expectations) -> None:
        self._site, self._rng, self._expectations = site, rng, expectations
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def _api(
        self, method: str, path: str, body: Any = None, *, attempts: int = 40
    ) -> tuple[Response | None, bool]:
        """The first conclusive response, and whether an earlier attempt may have had an effect.

        The response is None if all attempts failed.
        """
        uncertain = False
        data = b"" if body is None else json.dumps(body).encode()
        for attempt in range(attempts):
            try:
                response = request(method, self._site + path, self._headers, data)
            except Unanswered as exc:
                uncertain = uncertain or exc.sent
            else:
                if response.status >= 500 and response.status not in RETRYABLE:
                    self._expectations.report_problem(
                        f"{method} {path}: {response.status} {response.body[:300]!r}"
                    )
                if response.status not in RETRYABLE:
                    return response, uncertain
                # It may have failed half-way.
                uncertain = True
            time.sleep(min(1.5, 0.1 * 2**attempt) * self._rng.uniform(0.5, 1))
        return None, uncertain

    def _report_problem(self, what: str, response: Response) -> None:
        self._expectations.report_problem(f"{what}: {response.status} {response.body[:300]!r}")

    def _put(self, signed: Any, body: bytes, *, attempts: int) -> Known:
        """Repeat the signed request until S3 has the bytes, as the page's client does."""
        uncertain = False
        for attempt in range(attempts):
            try:
                response = request("PUT", signed["url"], signed["headers"], body)
            except Unanswered as exc:
                uncertain = uncertain or exc.sent
            else:
                if response.status == 200:
                    return "yes"
                if response.status == 412 and uncertain:
                    return "yes"
                if response.status not in RETRYABLE:
                    self._report_problem(f"PUT of {signed.get('id', 'a part')}", response)
                    return "maybe"
            time.sleep(min(1.0, 0.1 * 2**attempt) * self._rng.uniform(0.5, 1))
        return "maybe" if uncertain else "no"
