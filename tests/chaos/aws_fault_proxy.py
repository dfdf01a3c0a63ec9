"""The proxy between filehub and local AWS, which injects the planned faults."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs

from tests.chaos.plan import Fault, Plan, Service
from tests.support.http_connection import END_OF_HEAD, Connection, headers_of
from tests.support.proxy import Fault as ProxyFault
from tests.support.proxy import Proxy, Request

_TARGETS: dict[str, Service] = {"AmazonSQS": "sqs", "DynamoDB_20120810": "dynamodb"}

_SLOW_DOWN = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"""
_UNAVAILABLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>ServiceUnavailable</Code><Message>Please try again.</Message></Error>"""

#: The message of injected errors; botocore has an exception for each of their error types.
INJECTED = "Injected by the chaos run."

_DYNAMODB = "com.amazonaws.dynamodb.v20120810#"
#: Status and error type of the services that respond in JSON.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
_ERRORS = {
    ("dynamodb", "error"): (503, f"{_DYNAMODB}ServiceUnavailable"),
    ("dynamodb", "throttle"): (400, f"{_DYNAMODB}ProvisionedThroughputExceededException"),
    ("dynamodb", "conflict"): (400, f"{_DYNAMODB}TransactionCanceledException"),
    ("sqs", "error"): (503, "com.amazonaws.sqs#ServiceUnavailable"),
    ("sqs", "throttle"): (400, "com.amazonaws.sqs#RequestThrottled"),
}


@dataclass(frozen=True)
class MultipartCreation:
    """A CreateMultipartUpload that reached S3. Without a response, only S3 knows the upload."""

    key: str
    answered: bool


def operation_of(request: Request) -> tuple[Service, str]:
    """Service and operation, by the names that AWS gives them."""
    prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
    if prefix in _TARGETS:
        return _TARGETS[prefix], operation
    query = parse_qs(request.query, keep_blank_values=True)
    has_key = request.path.count("/") > 1 and not request.path.endswith("/")
    match request.method:
        case "HEAD":
            return "s3", "HeadObject" if has_key else "HeadBucket"
        case "PUT":
            return "s3", "UploadPart" if "partNumber" in query else "PutObject"
        case "DELETE":
            return "s3", "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
        case "POST" if "delete" in query:
            return "s3", "DeleteObjects"
        case "POST":
            return (
                "s3",
                "CompleteMultipartUpload" if "uploadId" in query else "CreateMultipartUpload",
            )
    if "uploadId" in query:
        return "s3", "ListParts"
    if "uploads" in query:
        return "s3", "ListMultipartUploads"
    return "s3", "GetObject" if has_key else "ListObjectsV2"


def refusal(service: Service, request: Request, fault: Fault) -> bytes:
    """The response of a failing service, in the words of AWS."""
    if service == "s3":
        body = _SLOW_DOWN if fault.kind == "throttle" else _UNAVAILABLE
        status, headers = 503, "Content-Type: application/xml\r\n"
    else:
        status, error = _ERRORS[service, fault.kind]
        fields: dict[str, object] = {"__type": error, "message": INJECTED}
        if fault.kind == "conflict":
            fields["CancellationReasons"] = [
                {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"},
                {"Code": "None"},
            ]
        body = json.dumps(fields).encode()
        headers = "Content-Type: application/x-amz-json-1.0\r\n"
        if service == "sqs":
            side = "Receiver" if status >= 500 else "Sender"
            headers += f"x-amzn-query-error: {error.partition('#')[2]};{side}\r\n"
    if request.method == "HEAD":
        body = b""
    head = f"HTTP/1.1 {status} Chaos\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class AwsFaultProxy(Proxy):
    """Counts requests (`seen`) and injected faults (`faults`) by service and operation."""

    def __init__(self, upstream_port: int, plan: Plan) -> None:
        super().__init__(upstream_port)
        self._plan = plan
        self._started_at: float | None = None
        self.seen: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[tuple[str, str, str]] = Counter()
        self.multipart_creations: list[MultipartCreation] = []

    def start_faults(self) -> None:
        self._started_at = time.monotonic()

    def stop_faults(self) -> None:
        """Pass everything on from now on."""
        self._started_at = None

    def _fault(self, service: Service, operation: str, request: Request) -> Fault | None:
        started_at = self._started_at
        self.seen[service, operation] += 1
        if started_at is None:
            return None
        number = self.seen[service, operation]
        at = time.monotonic() - started_at
        fault = self._plan.fault(service, operation, number, at, body=request.size > 1)
        if fault is not None:
            self.faults[service, operation, fault.kind] += 1
        return fault

    async def _serve(self, client: Connection) -> None:
        server: Connection | None = None
        abruptly = True
        try:
            while head := await client.until(END_OF_HEAD):
                method, target, _ = head.decode("latin-1").split(" ", 2)
                path, _, query = target.partition("?")
                request = Request(method, path, query, headers_of(head))
                service, operation = operation_of(request)
                fault = self._fault(service, operation, request)
                if fault is not None and fault.kind in {"error", "throttle", "conflict"}:
                    async for _ in client.body(request.headers, request.size):
                        pass
                    await client.send(refusal(service, request, fault))
                    continue
                if fault is not None and fault.kind == "reset":
                    raise ConnectionResetError
                if fault is not None and fault.kind == "slow":
                    await asyncio.sleep(fault.seconds)
                server = Connection(socket.create_connection(self._upstream))
                await server.send(head)
                answered = False
                try:
                    answered = await self._pass(request, client, server, fault)
                finally:
                    if operation == "CreateMultipartUpload":
                        self.multipart_creations.append(
                            MultipartCreation(path.split("/", 2)[2], request.status is not None)
                        )
                server.close()
                if not answered:
                    break
            abruptly = False
        except* OSError:
            pass  # One side has closed, so close the other side too.
        finally:
            client.close(abruptly=abruptly)
            if server:
                server.close(abruptly=abruptly)

    async def _pass(
        self, request: Request, client: Connection, server: Connection, fault: Fault | None
    ) -> bool:
        """Return whether the client's connection can be reused."""
        kind = fault.kind if fault is not None else None
        faults = {}
        if kind == "cut":
            faults["cut"] = ProxyFault("cut", 1, lambda _: True)
        if kind in {"lost", "stall"}:
            faults["lose"] = ProxyFault("lose", 1, lambda _: True)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_body(request, client, server, faults))
                response = both.create_task(self._pass_response(request, client, server, faults))
        finally:
            if kind == "stall" and fault is not None:
                await asyncio.sleep(fault.seconds)
        return response.result()
