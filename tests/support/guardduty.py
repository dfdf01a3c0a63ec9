"""GuardDuty's events, and a server that answers as its API does: local AWS has neither.

The events are those of AWS's documentation:
https://docs.aws.amazon.com/guardduty/latest/ug/monitor-with-eventbridge-s3-malware-protection.html
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from pytest_django import Settings

from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf

PLAN = "b4c7f464ab3a4EXAMPLE"
#: Status -> the status of the check, the threats, and the reasons that AWS's samples have.
RESULTS: dict[str, tuple[str, Any, Any]] = {
    "NO_THREATS_FOUND": ("COMPLETED", None, None),
    "THREATS_FOUND": ("COMPLETED", [{"name": "EICAR-Test-File (not a virus)"}], None),
    "UNSUPPORTED": ("SKIPPED", None, ["PASSWORD_PROTECTED"]),
    "ACCESS_DENIED": ("SKIPPED", None, ["UNAUTHORIZED_TO_GET_OBJECT"]),
    "FAILED": ("FAILED", None, None),
}


def scan_result(upload_id: str, status: str, **changes: Any) -> dict[str, Any]:
    """The event about the object that is in the bucket now, or about one with this `etag`.

    Other changes: `bucket`, `key`, `time`, `reasons`.
    """
    etag = changes.get("etag")
    if etag is None:
        found = s3.head(upload_id)
        etag = found.etag if found is not None else "none"
    scan_status, threats, reasons = RESULTS.get(status, ("COMPLETED", None, None))
    time = changes.get("time") or datetime.now(UTC)
    return {
        "version": "0",
        "id": "72c7d362-737a-6dce-fc78-9e27a0171419",
        "detail-type": "GuardDuty Malware Protection Object Scan Result",
        "source": "aws.guardduty",
        "account": "111122223333",
        "time": time.isoformat().replace("+00:00", "Z"),
        "region": "us-east-1",
        "resources": [f"arn:aws:guardduty:us-east-1:111122223333:malware-protection-plan/{PLAN}"],
        "detail": {
            "schemaVersion": "1.0",
            "scanStatus": scan_status,
            "resourceType": "S3_OBJECT",
            "s3ObjectDetails": {
                "bucketName": changes.get("bucket") or conf().bucket,
                "objectKey": changes.get("key") or keys.object_key(upload_id),
                "eTag": etag,
                "versionId": "d41d8cd98f00b204e9800998eEXAMPLE",
                "s3Throttled": False,
            },
            "scanResultDetails": {
                "scanResultStatus": status,
                "threats": threats,
                "statusReasons": changes.get("reasons", reasons),
            },
        },
    }


class FakeGuardDuty(ThreadingHTTPServer):
    """Listens on a free port of the loopback interface. Answers what its fields say."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        #: The bucket of the only plan, its status, and the prefixes that it covers.
        self.bucket, self.plan_status, self.prefixes = conf().bucket, "ACTIVE", ["uploads/"]
        #: Refuses every request.
        self.refuses = False
        #: The keys of the objects that it was asked to check.
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeGuardDuty

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/object-malware-scan/send":
            self.server.asked.append(body["s3Object"]["key"])
            self._answer({})

    def do_GET(self) -> None:
        if self.path == "/malware-protection-plan":
            self._answer({"malwareProtectionPlans": [{"malwareProtectionPlanId": PLAN}]})
        elif self.path == f"/malware-protection-plan/{PLAN}":
            bucket = {"bucketName": self.server.bucket, "objectPrefixes": self.server.prefixes}
            self._answer(
                {
                    "status": self.server.plan_status,
                    "statusReasons": [{"code": "EVENTBRIDGE_MANAGED_EVENTS_DELIVERY_DISABLED"}],
                    "protectedResource": {"s3Bucket": bucket},
                }
            )

    def _answer(self, document: Any) -> None:
        refused = self.server.refuses
        body = json.dumps({"message": "no"} if refused else document).encode()
        self.send_response(403 if refused else 200)
        if refused:
            self.send_header("x-amzn-ErrorType", "AccessDeniedException")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def guardduty(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGuardDuty]:
    """Let GuardDuty check files; what it reports is up to the test."""
    settings.FILEHUB = {**settings.FILEHUB, "SCAN": "guardduty"}
    with FakeGuardDuty() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        client = boto3.client("guardduty", region_name=conf().region, endpoint_url=server.url)
        monkeypatch.setattr(clients, "guardduty", lambda timeouts=clients.STANDARD: client)
        yield server
        server.shutdown()
        thread.join()
