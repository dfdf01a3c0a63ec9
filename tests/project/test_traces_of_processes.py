"""The processes of an installation send one trace for each upload, and share their metrics."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.http import send
from tests.support.otlp_receiver import Collector, collecting
from tests.support.processes import consumer, worker
from tests.support.waiting import wait_for
from tests.web.site import Site, site

TOKEN = "a-token-for-prometheus"
REQUESTS = 12

pytestmark = [pytest.mark.exhaustive, pytest.mark.usefixtures("aws")]


@pytest.fixture(autouse=True)
def _own_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped may leave a poll behind, which takes a message of another test."""
    monkeypatch.setenv("FILEHUB_PREFIX", f"traces-{uuid.uuid4().hex[:8]}")


def upload(running: Site) -> str:
    """Upload a file, and wait until it is stored; return its id."""
    body = json.dumps({"file_name": "secret.txt", "content_type": "text/plain", "size": 5})
    begun = json.loads(running.send("/uploads", running.api, "POST", body.encode()).response.body)
    assert "x-amz-meta-traceparent" in begun["headers"]
    assert send("PUT", begun["url"], b"hello", begun["headers"]).status == 200

    def is_stored() -> bool:
        state = running.send(f"/uploads/{begun['id']}", running.api).response.body
        return json.loads(state)["state"] == "stored"

    wait_for(is_stored)
    return str(begun["id"])


def check(collector: Collector, upload_id: str) -> None:
    """Compare the spans with the way of the upload."""
    wait_for(lambda: collector.named("confirm upload") and collector.named("handle events"))
    confirmed, signed = collector.one("confirm upload"), collector.one("sign upload")
    assert {"POST /uploads", "sign upload", "S3 event", "confirm upload"} <= collector.trace(
        signed.trace_id
    )
    assert confirmed.trace_id == signed.trace_id
    assert confirmed.parent_span_id == signed.span_id
    attributes = {item.key: item.value.string_value for item in confirmed.attributes}
    assert attributes == {"filehub.upload_id": upload_id, "filehub.outcome": "stored"}
    (link,) = confirmed.links
    wait_for(
        lambda: {
            "handle events", "SQS.SendMessage", "uploads.tasks.confirm_objects", "S3.HeadObject",
            "DynamoDB.BatchGetItem", "DynamoDB.TransactWriteItems",
        } <= collector.trace(link.trace_id)
    )  # fmt: skip
    assert not collector.named("SQS.ReceiveMessage")
    assert "secret" not in "".join(map(str, collector.spans))


def test_an_upload_is_one_trace_from_its_signature_to_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with site(tmp_path) as running, consumer(tmp_path), worker(tmp_path):
            upload_id = upload(running)
            check(collector, upload_id)
            (line,) = [line for line in running.logged() if "POST /uploads 201" in line]
            assert json.loads(line)["trace_id"] == collector.one("sign upload").trace_id.hex()


def test_web_processes_of_a_machine_count_their_requests_together(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    directory.mkdir()
    settings = {"WEB_WORKERS": "2", "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    with site(tmp_path, FILEHUB_METRICS_TOKEN=TOKEN, **settings) as running:
        wait_for(lambda: sum(1 for _ in directory.glob("histogram_*.db")) == 2 or count(running, 1))
        before = count(running)
        for _ in range(REQUESTS):
            assert running.send("/files", running.api).response.status == 200
        for _ in range(5):
            assert count(running) - before == REQUESTS


def count(running: Site, requests: int = 0) -> int:
    """Send some requests to a route; return how many its route has had."""
    for _ in range(requests):
        running.send("/files", running.api)
    text = running.send("/metrics", {"Authorization": f"Bearer {TOKEN}"}).response.body.decode()
    return int(
        sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "filehub_http_request_duration_seconds_count"
            and sample.labels["route"] == "/files"
        )
    )
