"""The wire between this process and AWS: what goes over it is counted, and it can be cut."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError
from botocore.httpsession import URLLib3Session


@dataclass
class Wire:
    """`sent` names the service of each request; requests to those in `cut` do not arrive."""

    sent: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """How many requests went to each service since this was asked last."""
        found = {service: self.sent.count(service) for service in sorted(set(self.sent))}
        self.sent.clear()
        return found


def _service(request: AWSPreparedRequest) -> str:
    signed = request.headers["Authorization"]
    text = signed.decode() if isinstance(signed, bytes) else str(signed)
    found = re.search(r"/(\w+)/aws4_request", text)
    assert found, text
    return found[1]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    send = URLLib3Session.send

    def watched(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        service = _service(request)
        wire.sent.append(service)
        if service in wire.cut:
            raise EndpointConnectionError(endpoint_url=request.url)
        return send(session, request)

    monkeypatch.setattr(URLLib3Session, "send", watched)
    return wire
