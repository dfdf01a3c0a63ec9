"""Completing an upload: once, twice, at the same time, and when an answer of S3 got lost."""

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
from uploads.transfers import parts, tokens


def test_completing_names_the_parts_that_are_missing(begun: Upload) -> None:
    begun.send(2)
    answer = begun.complete()
    check_error(answer, 409, "parts_missing")
    assert "1, 3" in answer.json()["error"]
    assert s3.head(begun.id) is None
    begun.send(1)
    begun.send(3)
    assert begun.complete().status_code == 202


def test_completing_twice_is_completing_once(begun: Upload) -> None:
    begun.send_all()
    assert begun.complete().status_code == 202
    assert begun.complete().status_code == 202
    check_error(begun.listed(), 409, "upload_completed")


def test_completing_at_the_same_time_makes_one_whole_object(begun: Upload) -> None:
    begun.send_all()
    token = tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)
    outcomes: list[Any] = []

    def complete() -> None:
        try:
            outcomes.append(parts.complete(token))
        except Exception as exc:  # noqa: BLE001  # told to the test
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


def test_an_object_in_the_way_is_not_overwritten(begun: Upload) -> None:
    """Not through filehub, but what if: S3 itself refuses to replace it."""
    begun.send_all()
    key = keys.object_key(begun.id)
    clients.s3().put_object(Bucket=conf().bucket, Key=key, Body=b"first")
    check_error(begun.complete(), 404, "upload_not_found")
    found = s3.head(begun.id)
    assert found is not None
    assert found.size == 5


def test_s3_is_told_the_size_that_was_declared(begun: Upload) -> None:
    """Belt and braces: even if the list of parts were wrong, S3 counts for itself."""
    begun.send_all()
    token = tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)
    found = parts.arrived_parts(token)
    with pytest.raises(FilehubError):
        multipart.complete(token.upload_id, token.s3_upload_id, found, size=token.size + 1)
    assert s3.head(begun.id) is None


def test_an_upload_that_s3_forgot_and_that_has_another_size_is_not_found(begun: Upload) -> None:
    begun.send_all()
    begun.complete()
    token = tokens.read(begun.token, upload_id=begun.id, owner=begun.api.owner)
    with pytest.raises(UploadNotFound):
        parts.complete(replace(token, size=token.size - 1, s3_upload_id="gone"))


def refuse_to_complete(monkeypatch: pytest.MonkeyPatch, code: str, *, after: bool) -> None:
    """S3 answers `code` to CompleteMultipartUpload, `after` having done it or not."""
    client = clients.s3()
    complete = client.complete_multipart_upload

    def answer(**arguments: Any) -> Any:
        if after:
            complete(**arguments)
        raise ClientError({"Error": {"Code": code}}, "CompleteMultipartUpload")

    monkeypatch.setattr(client, "complete_multipart_upload", answer)


@pytest.mark.parametrize("code", ["NoSuchUpload", "PreconditionFailed"])
def test_a_completion_whose_answer_got_lost_is_a_success(
    begun: Upload, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    begun.send_all()
    refuse_to_complete(monkeypatch, code, after=True)
    assert begun.complete().status_code == 202
    assert len(drain(conf().tasks_queue)) == 1


@pytest.mark.parametrize("code", ["NoSuchUpload", "PreconditionFailed"])
def test_a_refused_completion_without_an_object_is_no_success(
    begun: Upload, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    begun.send_all()
    refuse_to_complete(monkeypatch, code, after=False)
    check_error(begun.complete(), 404, "upload_not_found")


def test_a_conflict_at_completion_may_be_tried_again(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.send_all()
    with monkeypatch.context() as patch:
        refuse_to_complete(patch, "ConditionalRequestConflict", after=False)
        answer = begun.complete()
        check_error(answer, 503, "unavailable")
        assert answer["Retry-After"]
    assert begun.complete().status_code == 202


def test_only_a_repeated_completion_asks_for_a_look(begun: Upload) -> None:
    """The first one causes an event; of a later one it is not known whether the event came."""
    begun.send_all()
    begun.complete()
    assert drain(conf().tasks_queue) == []
    begun.complete()
    assert len(drain(conf().tasks_queue)) == 1


@pytest.mark.parametrize("outcome", ["stored", "rejected", "deleted"])
def test_completing_again_succeeds_whatever_became_of_the_file(
    begun: Upload, settings: Settings, outcome: str
) -> None:
    begun.send_all()
    begun.complete()
    if outcome == "rejected":
        settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 5}
    confirm.confirm(begun.id)
    if outcome == "deleted":
        actions.remove(begun.id, "7")
        confirm._mark_deleted(begun.id, "F" * 64)
    assert begun.api.get(begun.path).json()["state"] == outcome
    assert begun.complete().status_code == 202


def test_it_is_too_late_to_abort_even_where_s3_confirms_it(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As AWS does for some hours after the completion."""
    begun.send_all()
    begun.complete()
    monkeypatch.setattr(clients.s3(), "abort_multipart_upload", lambda **_: {})
    check_error(begun.abort(), 409, "upload_completed")


def test_the_completion_is_conditional_and_names_checksums(
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
