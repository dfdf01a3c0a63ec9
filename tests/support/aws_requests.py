"""Counts the requests from this process to AWS, and can break them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError, EndpointConnectionError
from botocore.httpsession import URLLib3Session


@dataclass
class AwsRequests:
    """`sent` has the service of each request. Requests to services in `cut` do not arrive, nor do
    requests that `cuts` matches by operation and body."""

    sent: list[str] = field(default_factory=list)
    cut: set[str] = field(default_factory=set)
    cuts: Callable[[str, bytes], bool] = lambda operation, body: False
    #: The error of a request that does not arrive, or whose response does not.
    failure: BotoCoreError | None = None
    #: Service -> status and code of the error returned for every request.
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    #: The number of next BatchGetItem requests that return UnprocessedKeys only: a throttled table.
    throttled: int = 0
    #: The number of next TransactWriteItems requests that are cancelled because of a conflict.
    conflicts: int = 0
    #: How many items each transaction that was sent has.
    transactions: list[int] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """The number of requests to each service since the last call."""
        counts = {service: self.sent.count(service) for service in sorted(set(self.sent))}
        self.sent.clear()
        return counts


def _service(request: AWSPreparedRequest) -> str:
    signed = request.headers["Authorization"]
    text = signed.decode() if isinstance(signed, bytes) else str(signed)
    match = re.search(r"/(\w+)/aws4_request", text)
    assert match, text
    return match[1]


def _operation(request: AWSPreparedRequest) -> str:
    """The operation of SQS and DynamoDB; "" for S3."""
    target = request.headers.get("X-Amz-Target", b"")
    return (target if isinstance(target, str) else target.decode()).rpartition(".")[2]


def _nothing_but_unprocessed_keys(request: AWSPreparedRequest, parsed: Any) -> AWSResponse:
    requested = parsed["RequestItems"]
    return _response(
        request,
        200,
        json.dumps({"Responses": {table: [] for table in requested}, "UnprocessedKeys": requested}),
    )


def _conflict(request: AWSPreparedRequest, parsed: Any) -> AWSResponse:
    """The response if another transaction holds the last item."""
    reasons = [{"Code": "None"} for _ in parsed["TransactItems"]]
    reasons[-1] = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    error = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    }
    return _response(request, 400, json.dumps(error))


def _refusal(request: AWSPreparedRequest, service: str, status: int, code: str) -> AWSResponse:
    """An error in the format of the service: XML for S3, JSON for the others."""
    text = json.dumps({"__type": f"com.amazonaws#{code}", "message": "Not now."})
    if service == "s3":
        text = f"<Error><Code>{code}</Code><Message>Not now.</Message></Error>"
    return _response(request, status, "" if request.method == "HEAD" else text)


def _response(request: AWSPreparedRequest, status: int, text: str) -> AWSResponse:
    response = AWSResponse(
        request.url, status, {"content-type": "application/x-amz-json-1.0"}, None
    )
    response._content = text.encode()
    return response


@pytest.fixture
def aws_requests(monkeypatch: pytest.MonkeyPatch) -> AwsRequests:
    aws_requests = AwsRequests()
    send = URLLib3Session.send

    def watched(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        service = _service(request)
        aws_requests.sent.append(service)
        operation = _operation(request)
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        if service in aws_requests.cut or aws_requests.cuts(operation, body):
            raise aws_requests.failure or EndpointConnectionError(endpoint_url=request.url)
        if service in aws_requests.refusals:
            return _refusal(request, service, *aws_requests.refusals[service])
        if aws_requests.throttled and operation == "BatchGetItem":
            aws_requests.throttled -= 1
            return _nothing_but_unprocessed_keys(request, json.loads(body))
        if operation == "TransactWriteItems":
            parsed = json.loads(body)
            aws_requests.transactions.append(len(parsed["TransactItems"]))
            if aws_requests.conflicts:
                aws_requests.conflicts -= 1
                return _conflict(request, parsed)
        return send(session, request)

    monkeypatch.setattr(URLLib3Session, "send", watched)
    return aws_requests
