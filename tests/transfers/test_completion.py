"""Complete an upload: once, twice, concurrently, and after a lost response from S3."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pytest_django import Settings

from tests.support.http import sha256
from tests.support.local_aws import drain
from tests.transfers.uploads import BODY, PARTS, Upload, incomplete
from tests.web.test_api import check_error
from uploads.aws import clients, multipart, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import FilehubError, UploadNotFound
from uploads.files import actions
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.transfers import parts, tokens


def test_completing_reports_the_missing_parts(begun: Upload) -> None:
    begun.send(2)
    response = begun.complete()
    check_error(response, 409, "parts_missing")
    assert "1, 3" in response.json()["error"]
    assert s3.head(begun.id) is None
    begun.send(1)
    begun.send(3)
    assert begun.complete().status_code == 202


def test_completing_twice_succeeds(begun: Upload) -> None:
    begun.send_all()
    assert begun.complete().status_code == 202
    assert begun.complete().status_code == 202
    check_error(begun.listed(), 409, "upload_completed")


def test_concurrent_completions_create_one_complete_object(begun: Upload) -> None:
    begun.send_all()
    token = tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)
    outcomes: list[Any] = []

    def complete() -> None:
        try:
            outcomes.append(parts.complete(token))
        except Exception as exc:  # noqa: BLE001  # reported to the test
            outcomes.append(exc)

    threads = [threading.Thread(target=complete) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {True, False}
    assert True in outcomes
    assert incomplete() == []
    assert confirm.confirm(begun.id) == "stored"


def test_an_existing_object_is_not_overwritten(begun: Upload) -> None:
    """This cannot happen through filehub, but S3 itself also refuses to replace the object."""
    begun.send_all()
    key = keys.object_key(begun.id)
    clients.s3().put_object(Bucket=conf().bucket, Key=key, Body=b"first")
    check_error(begun.complete(), 404, "upload_not_found")
    s3_object = s3.head(begun.id)
    assert s3_object is not None
    assert s3_object.size == 5


def test_s3_checks_the_declared_size(begun: Upload) -> None:
    """Even if the list of parts were wrong, S3 would check the size itself."""
    begun.send_all()
    token = tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)
    arrived = parts.uploaded_parts(token)
    with pytest.raises(FilehubError):
        multipart.complete(token.upload_id, token.s3_upload_id, arrived, size=token.size + 1)
    assert s3.head(begun.id) is None


def test_an_object_of_another_size_does_not_count_as_completed(begun: Upload) -> None:
    begun.send_all()
    begun.complete()
    token = tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)
    with pytest.raises(UploadNotFound):
        parts.complete(replace(token, size=token.size - 1, s3_upload_id="gone"))


def refuse_to_complete(monkeypatch: pytest.MonkeyPatch, code: str, *, after: bool) -> None:
    """Make S3 fail CompleteMultipartUpload with `code`, with or without completing it."""
    client = clients.s3()
    complete = client.complete_multipart_upload

    def fail(**arguments: Any) -> Any:
        if after:
            complete(**arguments)
        raise ClientError({"Error": {"Code": code}}, "CompleteMultipartUpload")

    monkeypatch.setattr(client, "complete_multipart_upload", fail)


@pytest.mark.parametrize("code", ["NoSuchUpload", "PreconditionFailed"])
def test_a_completion_whose_response_was_lost_succeeds(
    begun: Upload, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    begun.send_all()
    refuse_to_complete(monkeypatch, code, after=True)
    assert begun.complete().status_code == 202
    assert len(drain(conf().tasks_queue)) == 1


@pytest.mark.parametrize("code", ["NoSuchUpload", "PreconditionFailed"])
def test_a_refused_completion_without_an_object_fails(
    begun: Upload, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    begun.send_all()
    refuse_to_complete(monkeypatch, code, after=False)
    check_error(begun.complete(), 404, "upload_not_found")


def test_a_conflict_at_completion_can_be_retried(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.send_all()
    with monkeypatch.context() as patch:
        refuse_to_complete(patch, "ConditionalRequestConflict", after=False)
        response = begun.complete()
        check_error(response, 503, "unavailable")
        assert response["Retry-After"]
    assert begun.complete().status_code == 202


def test_only_a_repeated_completion_queues_a_hint(begun: Upload) -> None:
    """The first one causes an event; after a later one the event may have been lost."""
    begun.send_all()
    begun.complete()
    assert drain(conf().tasks_queue) == []
    begun.complete()
    assert len(drain(conf().tasks_queue)) == 1


@pytest.mark.parametrize("outcome", ["stored", "rejected", "deleted"])
def test_completing_again_succeeds_in_every_state_of_the_file(
    begun: Upload, settings: Settings, outcome: str
) -> None:
    begun.send_all()
    begun.complete()
    if outcome == "rejected":
        settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 5}
    confirm.confirm(begun.id)
    if outcome == "deleted":
        actions.remove(begun.id, "7")
        confirm.apply_event(ObjectEvent("removed", begun.id, "F" * 64))
    assert begun.api.get(begun.path).json()["state"] == outcome
    assert begun.complete().status_code == 202


def test_a_completed_upload_cannot_be_aborted_even_if_s3_confirms_it(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS does this for some hours after the completion."""
    begun.send_all()
    begun.complete()
    monkeypatch.setattr(clients.s3(), "abort_multipart_upload", lambda **_: {})
    check_error(begun.abort(), 409, "upload_completed")


def test_the_completion_is_conditional_and_includes_checksums(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.send_all()
    client, seen = clients.s3(), {}
    complete = client.complete_multipart_upload

    def note(**arguments: Any) -> Any:
        seen.update(arguments)
        return complete(**arguments)

    monkeypatch.setattr(client, "complete_multipart_upload", note)
    assert begun.complete().status_code == 202
    assert (seen["IfNoneMatch"], seen["MpuObjectSize"]) == ("*", len(BODY))
    named = [part["ChecksumSHA256"] for part in seen["MultipartUpload"]["Parts"]]
    assert named == [sha256(part) for part in PARTS]
