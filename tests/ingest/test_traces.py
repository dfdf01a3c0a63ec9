"""One trace shows an upload from its signature to its record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from opentelemetry.trace import StatusCode
from pytest_django import Settings

from tests.ingest.batches import OWNER, created
from tests.support.files import upload
from tests.support.http import send
from tests.support.spans import Spans, parent_of, recorded, trace_of
from tests.support.users import Api
from uploads.aws import clients, s3
from uploads.core import keys, tracing
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.ingest import confirm
from uploads.transfers import begin

#: Clients of HTTP may have another default.
OCTETS = {"Content-Type": "application/octet-stream"}

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def spans() -> Iterator[Spans]:
    with recorded() as result:
        yield result


def put_object(metadata: dict[str, str]) -> str:
    """Put an object with this metadata, past filehub's signatures; return its id."""
    upload_id = keys.new_upload_id(OWNER, "secret")
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=b"hello",
        ContentType="text/plain",
        Metadata={"filename": "a.txt", "owner": OWNER, **metadata},
    )
    return upload_id


def test_a_request_its_event_and_the_confirmation_are_one_trace(
    spans: Spans, api: Api, alice: User
) -> None:
    body = {"file_name": "secret name.txt", "content_type": "text/plain", "size": 5}
    begun = api.post("/uploads", body).json()
    assert send("PUT", begun["url"], b"hello", begun["headers"]).status == 200
    (event,) = created([begun["id"]])
    event = replace(event, time=datetime.now(UTC).isoformat())
    with tracing.span("a task", "consumer"):
        assert confirm.apply_event(event) == "stored"
    request, signed = spans.one("POST /uploads"), spans.one("sign upload")
    waited, confirmed = spans.one("S3 event"), spans.one("confirm upload")
    assert {trace_of(span) for span in (request, signed, waited, confirmed)} == {trace_of(request)}
    assert parent_of(signed) == request.context.span_id
    assert parent_of(waited) == parent_of(confirmed) == signed.context.span_id
    assert (waited.start_time or 0) <= (waited.end_time or 0) == confirmed.start_time
    assert dict(confirmed.attributes or {}) == {
        "filehub.upload_id": begun["id"],
        "filehub.outcome": "stored",
    }
    assert [link.context.span_id for link in confirmed.links] == [
        spans.one("a task").context.span_id
    ]
    assert "secret" not in "".join(span.to_json() for span in spans.all())


def test_files_of_a_task_belong_to_traces_of_their_own(spans: Spans) -> None:
    uploads = [upload(OWNER) for _ in range(3)]
    with tracing.span("a task", "consumer"):
        confirm.apply_events(created(uploads))
    traces = [trace_of(span) for span in spans.named("sign upload")]
    assert len(set(traces)) == 3
    assert sorted(trace_of(span) for span in spans.named("confirm upload")) == sorted(traces)
    assert trace_of(spans.one("a task")) not in traces


def test_a_repeated_event_adds_nothing(spans: Spans) -> None:
    events = created([upload(OWNER)])
    confirm.apply_events(events)
    spans.clear()
    confirm.apply_events(events)
    assert spans.all() == []


def test_a_rejection_says_why(spans: Spans, settings: Settings) -> None:
    rejected = upload(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 3}
    assert confirm.confirm(rejected) == "rejected"
    attributes = spans.one("confirm upload").attributes or {}
    assert attributes["filehub.outcome"] == "rejected"
    assert attributes["filehub.reason"] == "file_too_large"
    assert spans.named("S3 event") == []


def test_a_failure_is_in_the_trace(
    spans: Spans, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = upload(OWNER)
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 3}
    monkeypatch.setattr(s3, "delete_if_match", unavailable)
    with pytest.raises(BackendUnavailable):
        confirm.confirm(failing)
    confirmed = spans.one("confirm upload")
    assert trace_of(confirmed) == trace_of(spans.one("sign upload"))
    assert confirmed.status.status_code == StatusCode.ERROR
    assert (confirmed.attributes or {})["error.type"] == "BackendUnavailable"


def unavailable(*_: object) -> None:
    raise BackendUnavailable


@pytest.mark.parametrize("way", ["form", "parts"])
def test_forms_and_uploads_in_parts_have_the_trace(spans: Spans, way: str) -> None:
    if way == "form":
        fields = begin.begin_form(OWNER, file_name="a.txt").form.fields
        traceparent = fields["x-amz-meta-traceparent"]
    else:
        begun = begin.begin_multipart(OWNER, file_name="a.txt", part_checksums=False)
        upload_id, s3_upload_id = begun.upload_id, begun.token.s3_upload_id
        signed = s3.sign_part(upload_id, s3_upload_id, 1, size=5, sha256=None)
        sent = send("PUT", signed.url, b"hello", signed.headers | OCTETS)
        clients.s3().complete_multipart_upload(
            Bucket=conf().bucket,
            Key=keys.object_key(upload_id),
            UploadId=s3_upload_id,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": sent.headers["etag"]}]},
        )
        found = s3.head(upload_id)
        assert found is not None
        traceparent = found.traceparent
    assert trace_of(spans.one("sign upload")) in traceparent


@pytest.mark.parametrize(
    "traceparent",
    ["", "x", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "<script>", "%0a", "a" * 1_500],
    ids=range(6),
)
def test_an_object_with_any_traceparent_is_confirmed(spans: Spans, traceparent: str) -> None:
    upload_id = put_object({"traceparent": traceparent})
    assert confirm.confirm(upload_id) == "stored"
    assert spans.all() == []
