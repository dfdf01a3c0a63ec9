"""Names the requests to S3 and SQS that pass a proxy, and says how often AWS bills each (pure)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from tests.support.proxy import Request

#: SQS bills a request for each 64 KiB, sent or received.
#: https://aws.amazon.com/sqs/pricing/
SQS_CHUNK = 64 * 1024
#: Bytes of a response that is larger than that of a poll without messages.
_A_MESSAGE = 400


def operation(request: Request) -> str:
    """The service and the operation, such as `S3 PutObject`; "" for DynamoDB."""
    target = request.headers.get("x-amz-target", "")
    if target.startswith("DynamoDB"):
        return ""
    if target.startswith("AmazonSQS"):
        return f"SQS {target.rpartition('.')[2]}"
    if action := re.search(r"(?:^|&)Action=(\w+)", request.query):
        return f"SQS {action[1]}"
    return f"S3 {_s3_operation(request)}"


def _s3_operation(request: Request) -> str:
    names = {part.partition("=")[0] for part in request.query.split("&")}
    has_key = len(request.path.strip("/").split("/")) > 1
    if not has_key:
        bucket = {"GET": "ListObjectsV2", "HEAD": "HeadBucket", "POST": "DeleteObjects"}
        return bucket.get(request.method, "OPTIONS")
    if "uploadId" in names:
        part = "UploadPart" if "partNumber" in names else ""
        upload = {
            "PUT": part, "POST": "CompleteMultipartUpload", "GET": "ListParts",
            "DELETE": "AbortMultipartUpload",
        }  # fmt: skip
        return upload.get(request.method, "OPTIONS")
    if request.method == "POST":
        return "CreateMultipartUpload"
    whole = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
    return whole.get(request.method, "OPTIONS")


def billed(requests: Iterable[Request]) -> Counter[str]:
    """How many requests AWS bills, by operation.

    Polls without a message are left out, because they depend on the time and not on the work, and
    so are look-ups of a queue's URL, which each process needs once.
    """
    counts: Counter[str] = Counter()
    for request in requests:
        name = operation(request)
        if name in {"", "SQS GetQueueUrl"} or is_empty_poll(request):
            continue
        size = max(request.sent, request.received, 1) if name.startswith("SQS") else 1
        counts[name] += -(-size // SQS_CHUNK) if name.startswith("SQS") else 1
    return counts


def is_empty_poll(request: Request) -> bool:
    """Whether this is a request for messages that has returned none, or not yet returned."""
    return operation(request) == "SQS ReceiveMessage" and (
        not request.over or request.received < _A_MESSAGE
    )
