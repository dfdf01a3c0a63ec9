"""Uploads in parts, against real local AWS: what S3 has decides, never what a client says."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from django.core import signing
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from tests.support.http import Answer, send, sha256
from tests.support.local_aws import drain
from tests.support.users import Api
from tests.support.waiting import wait_for
from tests.web.test_api import UNKNOWN, check_error
from uploads.aws import multipart, s3
from uploads.core import keys, policy
from uploads.core.conf import env
from uploads.core.errors import FilehubError, UploadNotFound
from uploads.core.limits import MIB, TIB
from uploads.files import actions, queries
from uploads.files.record import StoredFile
from uploads.ingest import confirm, tasks
from uploads.ingest.reconciliation import reconcile
from uploads.transfers import parts, tokens

PART = 5 * MIB
BODY = b"".join(bytes([n]) * MIB for n in range(12))
PARTS = [BODY[start : start + PART] for start in range(0, len(BODY), PART)]


@pytest.fixture(autouse=True)
def _small_parts(settings: Settings) -> None:
    settings.ENV = env().model_copy(
        update={"filehub_multipart_threshold": PART, "filehub_part_size": PART}
    )


class Upload:
    """An upload in parts, as a client of the API makes it."""

    def __init__(self, api: Api, **fields: Any) -> None:
        self.api = api
        body = {"file_name": "große Datei.bin", "content_type": "text/plain", "size": len(BODY)}
        answer = api.post("/uploads", body | fields)
        assert answer.status_code == 201, answer.content
        self.begun = answer.json()
        self.id, self.token = self.begun["id"], self.begun["token"]
        self.path = f"/uploads/{self.id}"

    def sign(self, *parts: dict[str, Any], token: str | None = None) -> Any:
        body = {"token": self.token if token is None else token, "parts": list(parts)}
        return self.api.post(f"{self.path}/parts", body)

    def send(self, number: int, body: bytes | None = None, **signed: Any) -> Answer:
        """Have one part signed and send it, or another body in its place."""
        asked = {"part_number": number, "sha256": sha256(PARTS[number - 1])} | signed
        (part,) = self.sign(asked).json()["parts"]
        assert (part["part_number"], part["method"]) == (number, "PUT")
        return send("PUT", part["url"], body or PARTS[number - 1], part["headers"])

    def send_all(self) -> None:
        for number in range(1, len(PARTS) + 1):
            assert self.send(number).status == 200

    def listed(self) -> Any:
        return self.api.get(f"{self.path}/parts?token={self.token}")

    def complete(self) -> Any:
        return self.api.post(f"{self.path}/complete", {"token": self.token})

    def abort(self) -> Any:
        return self.api.delete(f"{self.path}?token={self.token}")


@pytest.fixture
def begun(api: Api) -> Upload:
    return Upload(api)


def incomplete() -> list[str]:
    answer = s3.client().list_multipart_uploads(Bucket=env().filehub_bucket)
    return [entry["Key"] for entry in answer.get("Uploads", [])]


def composite(parts: list[bytes]) -> str:
    """What S3 calls the checksum of a file in parts: that of its parts' digests."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-{len(parts)}"


def test_a_large_file_goes_in_parts_and_a_small_one_does_not(api: Api, begun: Upload) -> None:
    assert set(begun.begun) == {"id", "token", "multipart", "expires_at"}
    assert begun.begun["multipart"] == {"part_size": PART, "part_count": 3}
    assert "url" in api.post("/uploads", {"file_name": "a", "size": PART}).json()
    assert "url" in api.post("/get-url", {"file_name": "a", "size": PART + 1}).json()


def test_the_whole_way(begun: Upload) -> None:
    begun.send_all()
    assert begun.complete().status_code == 202
    assert confirm.confirm(begun.id) == "stored"
    file = begun.api.get(f"/files/{begun.id}").json()
    assert file["file_name"] == "große Datei.bin"
    assert file["content_type"] == "text/plain"
    assert file["size"] == len(BODY)
    assert file["checksum"] == composite(PARTS)
    url = begun.api.get(f"/files/{begun.id}/download").json()["url"]
    assert send("GET", url).body == BODY


def test_parts_may_come_in_any_order_and_twice(begun: Upload) -> None:
    for number in (3, 1, 2, 1):
        assert begun.send(number).status == 200
    assert begun.complete().status_code == 202
    assert confirm.confirm(begun.id) == "stored"
    assert begun.api.get(f"/files/{begun.id}").json()["checksum"] == composite(PARTS)


def test_nothing_is_recorded_before_s3s_event(begun: Upload) -> None:
    begun.send_all()
    assert begun.complete().status_code == 202
    assert list(StoredFile.scan()) == []
    assert begun.api.get(f"/uploads/{begun.id}").json()["state"] == "pending"


def test_a_flipped_byte_is_refused_by_s3(begun: Upload) -> None:
    body = bytearray(PARTS[0])
    body[1000] ^= 1
    answer = begun.send(1, bytes(body))
    assert answer.status == 400
    assert b"BadDigest" in answer.body
    assert begun.listed().json() == []


def test_a_part_of_another_length_is_refused_by_s3(begun: Upload) -> None:
    assert begun.send(1, PARTS[0] + b"x", sha256=None).status == 403
    assert begun.send(3, PARTS[0], sha256=None).status == 403


def test_the_url_of_a_part_is_good_for_no_other(begun: Upload) -> None:
    (part,) = begun.sign({"part_number": 1, "sha256": sha256(PARTS[0])}).json()["parts"]
    url = part["url"].replace("partNumber=1", "partNumber=2")
    assert send("PUT", url, PARTS[0], part["headers"]).status == 403


def test_the_checksum_of_a_part_is_signed(begun: Upload) -> None:
    (part,) = begun.sign({"part_number": 1, "sha256": sha256(PARTS[0])}).json()["parts"]
    other = part["headers"] | {"x-amz-checksum-sha256": sha256(PARTS[1])}
    assert send("PUT", part["url"], PARTS[1], other).status == 403
    assert send("PUT", part["url"], PARTS[1]).status == 403


def test_many_parts_are_signed_in_one_call(begun: Upload) -> None:
    answer = begun.sign({"part_number": 2}, {"part_number": 1}, {"part_number": 3})
    assert [part["part_number"] for part in answer.json()["parts"]] == [2, 1, 3]


def test_a_client_that_cannot_hash_says_so(api: Api) -> None:
    begun = Upload(api, checksum="none")
    for number in (1, 2, 3):
        assert begun.send(number, sha256=None).status == 200
    assert begun.complete().status_code == 202
    assert confirm.confirm(begun.id) == "stored"
    assert api.get(f"/files/{begun.id}").json()["checksum"] == ""


def test_resuming_learns_what_s3_has(begun: Upload) -> None:
    assert begun.listed().json() == []
    begun.send(2)
    (part,) = begun.listed().json()
    assert (part["part_number"], part["size"]) == (2, PART)
    assert part["etag"] == hashlib.md5(PARTS[1]).hexdigest()
    assert part["sha256"] == sha256(PARTS[1])


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
    s3.client().put_object(Bucket=env().filehub_bucket, Key=key, Body=b"first")
    check_error(begun.complete(), 404, "upload_not_found")
    found = s3.head(begun.id)
    assert found is not None
    assert found.size == 5


def test_an_aborted_upload_leaves_nothing(begun: Upload) -> None:
    begun.send(1)
    assert incomplete() == [keys.object_key(begun.id)]
    answer = begun.abort()
    assert (answer.status_code, answer.content) == (204, b"")
    assert incomplete() == []
    assert begun.abort().status_code == 204
    check_error(begun.complete(), 404, "upload_not_found")
    check_error(begun.listed(), 404, "upload_not_found")
    assert begun.send(2).status == 404


def test_the_token_of_an_abort_may_be_in_the_body(begun: Upload) -> None:
    answer = begun.api._client.delete(
        begun.path, {"token": begun.token}, content_type="application/json"
    )
    assert answer.status_code == 204
    assert incomplete() == []


def test_it_is_too_late_to_abort_what_is_complete(begun: Upload) -> None:
    begun.send_all()
    begun.complete()
    check_error(begun.abort(), 409, "upload_completed")
    assert s3.head(begun.id) is not None


def every_route(begun: Upload, path: str, token: str) -> list[Any]:
    body = {"token": token, "parts": [{"part_number": 1}]}
    return [
        begun.api.post(f"{path}/parts", body),
        begun.api.get(f"{path}/parts?token={quote(token)}"),
        begun.api.delete(f"{path}?token={quote(token)}"),
    ] + ([begun.api.post(f"{path}/complete", {"token": token})] if token else [])


def test_a_token_is_needed(begun: Upload) -> None:
    for answer in every_route(begun, begun.path, ""):
        check_error(answer, 400, "missing_token")


def test_an_edited_token_is_none(begun: Upload) -> None:
    payload = signing.loads(begun.token, salt="filehub.upload")
    forged = [
        begun.token[:-1] + ("A" if begun.token[-1] != "A" else "B"),
        "A" + begun.token[1:],
        "x",
        "🙂",
        "a" * 100_000,
        signing.dumps(payload),
        signing.dumps(payload, salt="filehub.upload", key="another secret"),
        signing.dumps({**payload, "more": 1}, salt="filehub.upload"),
        signing.dumps([1], salt="filehub.upload"),
    ]
    for token in forged:
        for answer in every_route(begun, begun.path, token):
            check_error(answer, 404, "upload_not_found")
    assert len(incomplete()) == 1


def test_somebody_elses_token_is_useless(begun: Upload, other_api: Api) -> None:
    thief = Upload(other_api)
    for path in (begun.path, thief.path, f"/uploads/{UNKNOWN}", "/uploads/x"):
        for answer in every_route(thief, path, begun.token):
            check_error(answer, 404, "upload_not_found")
    for answer in every_route(begun, begun.path, thief.token):
        check_error(answer, 404, "upload_not_found")
    assert len(incomplete()) == 2


def test_a_token_is_good_for_one_upload(begun: Upload) -> None:
    other = Upload(begun.api)
    for answer in every_route(begun, other.path, begun.token):
        check_error(answer, 404, "upload_not_found")


def test_an_old_token_says_that_it_is_old(
    begun: Upload, other_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MULTIPART_LIFETIME", timedelta(seconds=-1))
    for answer in every_route(begun, begun.path, begun.token):
        check_error(answer, 404, "upload_expired")
    begun.api = other_api
    for answer in every_route(begun, begun.path, begun.token):
        check_error(answer, 404, "upload_not_found")


def test_a_token_outlives_a_change_of_settings(begun: Upload, settings: Settings) -> None:
    begun.send(1)
    settings.ENV = env().model_copy(update={"filehub_part_size": 7 * MIB})
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 40, [settings.SECRET_KEY]
    begun.send(2)
    begun.send(3)
    assert begun.complete().status_code == 202


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "missing_parts"),
        ([{"part_number": 0}], "invalid_part_number"),
        ([{"part_number": 4}], "invalid_part_number"),
        ([{"part_number": -1}], "invalid_part_number"),
        ([{"part_number": 10**30}], "invalid_part_number"),
        ([{"part_number": True}], "invalid_part_number"),
        ([{"part_number": 1.0}], "invalid_part_number"),
        ([{"part_number": "1"}], "invalid_part_number"),
        ([{"part_number": 1, "sha256": "x"}], "invalid_sha256"),
        ([{}], "missing_part_number"),
        ([{"part_number": 1}] * 1001, "too_many_parts"),
    ],
)
def test_a_part_that_cannot_be_is_refused(begun: Upload, parts: Any, code: str) -> None:
    check_error(begun.sign(*parts), 400, code)


def test_a_large_file_must_keep_the_rules_too(api: Api, settings: Settings) -> None:
    settings.ENV = env().model_copy(
        update={"filehub_max_size": 10 * TIB, "filehub_allowed_types": ("text/plain",)}
    )
    body = {"file_name": "a", "content_type": "text/plain", "size": 6 * MIB}
    check_error(api.post("/uploads", body | {"size": 11 * TIB}), 413, "file_too_large")
    check_error(api.post("/uploads", body | {"content_type": "image/png"}), 415, "type_not_allowed")
    check_error(api.post("/uploads", body | {"file_name": "a\n"}), 400, "invalid_name")
    check_error(api.post("/uploads", body | {"sha256": "x"}), 400, "invalid_sha256")
    check_error(api.post("/uploads", body | {"checksum": "md5"}), 400, "invalid_checksum")
    assert incomplete() == []


def test_more_than_five_gib_go_in_parts(api: Api) -> None:
    begun = Upload(api, size=5 * TIB)
    count, size = begun.begun["multipart"]["part_count"], begun.begun["multipart"]["part_size"]
    assert count <= 10_000
    assert (count - 1) * size < 5 * TIB <= count * size


@given(size=st.integers(1, 5 * TIB), smallest=st.integers(5 * MIB, 5 * 1024 * MIB))
def test_no_upload_needs_more_than_ten_thousand_parts(size: int, smallest: int) -> None:
    token = tokens.UploadToken("id", "s3", "1", size, policy.part_size_for(size, smallest))
    assert smallest <= token.part_size <= 5 * 1024 * MIB
    assert token.part_count <= 10_000
    sizes = {token.part_size * (token.part_count - 1), size - token.size_of(token.part_count)}
    assert len(sizes) == 1
    assert 0 < token.size_of(token.part_count) <= token.part_size


def test_more_parts_than_one_page_are_listed(begun: Upload) -> None:
    """S3 lists 1,000 on a page; here it is asked for one at a time, however the code asks."""
    begun.send_all()

    def one_at_a_time(params: dict[str, Any], **_: Any) -> None:
        params["MaxParts"] = 1

    hooks, name = s3.client().meta.events, "before-parameter-build.s3.ListParts"
    hooks.register(name, one_at_a_time)
    try:
        assert [part["part_number"] for part in begun.listed().json()] == [1, 2, 3]
    finally:
        hooks.unregister(name, one_at_a_time)


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


# What S3 answers when an earlier answer of its own got lost


def refuse_to_complete(monkeypatch: pytest.MonkeyPatch, code: str, *, after: bool) -> None:
    """S3 answers `code` to CompleteMultipartUpload, `after` having done it or not."""
    client = s3.client()
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
    assert len(drain(env().filehub_tasks_queue)) == 1


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
    assert drain(env().filehub_tasks_queue) == []
    begun.complete()
    assert len(drain(env().filehub_tasks_queue)) == 1


@pytest.mark.parametrize("outcome", ["stored", "rejected", "deleted"])
def test_completing_again_succeeds_whatever_became_of_the_file(
    begun: Upload, settings: Settings, outcome: str
) -> None:
    begun.send_all()
    begun.complete()
    if outcome == "rejected":
        settings.ENV = env().model_copy(update={"filehub_max_size": 5})
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
    monkeypatch.setattr(s3.client(), "abort_multipart_upload", lambda **_: {})
    check_error(begun.abort(), 409, "upload_completed")


def test_the_completion_is_conditional_and_names_checksums(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.send_all()
    client, seen = s3.client(), {}
    complete = client.complete_multipart_upload

    def note(**arguments: Any) -> Any:
        seen.update(arguments)
        return complete(**arguments)

    monkeypatch.setattr(client, "complete_multipart_upload", note)
    assert begun.complete().status_code == 202
    assert (seen["IfNoneMatch"], seen["MpuObjectSize"]) == ("*", len(BODY))
    named = [part["ChecksumSHA256"] for part in seen["MultipartUpload"]["Parts"]]
    assert named == [sha256(part) for part in PARTS]


def test_signing_asks_nobody(begun: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "client", lambda: pytest.fail("S3 was asked"))
    assert begun.sign({"part_number": 1}).status_code == 200


@pytest.mark.parametrize("route", ["begin", "list", "complete", "abort"])
def test_s3_out_of_reach_is_a_503(begun: Upload, settings: Settings, route: str) -> None:
    settings.ENV = env().model_copy(update={"filehub_bucket": "no-such-bucket"})
    answer = {
        "begin": lambda: begun.api.post("/uploads", {"file_name": "a", "size": len(BODY)}),
        "list": begun.listed,
        "complete": begun.complete,
        "abort": begun.abort,
    }[route]()
    check_error(answer, 503, "unavailable")


# Hostile and odd input


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (5, "invalid_parts"),
        ("1", "invalid_parts"),
        (None, "invalid_parts"),
        ({"part_number": 1}, "invalid_parts"),
        ([1], "missing_part_number"),
        ([[]], "missing_part_number"),
        ([None], "missing_part_number"),
    ],
    ids=str,
)
def test_what_is_no_list_of_parts_is_refused(begun: Upload, parts: Any, code: str) -> None:
    answer = begun.api.post(f"{begun.path}/parts", {"token": begun.token, "parts": parts})
    check_error(answer, 400, code)


def test_a_token_of_null_is_missing(begun: Upload) -> None:
    client, body = begun.api._client, {"token": None, "parts": [{"part_number": 1}]}
    check_error(begun.api.post(f"{begun.path}/parts", body), 400, "missing_token")
    answer = client.delete(begun.path, body, content_type="application/json")
    check_error(answer, 400, "missing_token")


@pytest.mark.parametrize("token", [5, ["x"]], ids=str)
@pytest.mark.parametrize("route", ["parts", "complete", "abort"])
def test_a_token_that_is_no_text_is_refused(begun: Upload, route: str, token: Any) -> None:
    body = {"token": token, "parts": [{"part_number": 1}]}
    if route == "abort":
        answer = begun.api._client.delete(begun.path, body, content_type="application/json")
    else:
        answer = begun.api.post(f"{begun.path}/{route}", body)
    check_error(answer, 400, "invalid_token")


def test_a_single_request_has_no_parts_to_end(api: Api) -> None:
    upload_id = api.post("/uploads", {"file_name": "a", "size": 5}).json()["id"]
    check_error(api.delete(f"/uploads/{upload_id}"), 400, "missing_token")


def test_an_id_may_be_in_capitals_as_everywhere(begun: Upload) -> None:
    path = f"/uploads/{begun.id.upper()}"
    assert begun.api.get(path).status_code == 200
    assert begun.api.get(f"{path}/parts?token={begun.token}").status_code == 200


def test_every_periodic_task_waits_longer_after_each_failure(settings: Settings) -> None:
    periodic = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    queues = settings.CELERY_BROKER_TRANSPORT_OPTIONS["predefined_queues"]
    assert periodic <= set(queues._retried_tasks)


def test_a_file_that_took_days_is_found_without_its_event(
    begun: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id, and so its place in the listing, is of the moment in which it was begun."""
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    moment = keys.created_at(begun.id) - timedelta(days=6, hours=23)
    old = keys._make(int(moment.timestamp() * 1000), begun.api.owner, "secret")
    s3.client().put_object(
        Bucket=env().filehub_bucket,
        Key=keys.object_key(old),
        Body=b"x",
        Metadata=s3.metadata(begun.api.owner, "a.txt"),
    )
    tasks.reconcile_recent()
    assert queries.recorded([old]) == set()
    tasks.reconcile_multipart()
    assert queries.recorded([old]) == {old}


@pytest.mark.usefixtures("pipeline")
def test_s3s_event_for_parts_reaches_the_list(api: Api) -> None:
    begun = Upload(api)
    begun.send_all()
    begun.complete()
    wait_for(lambda: api.get(begun.path).json()["state"] == "stored")
    assert [file["checksum"] for file in api.get("/files").json()] == [composite(PARTS)]


def test_keys_of_unfinished_uploads_are_decoded_if_s3_says_that_it_encoded_them() -> None:
    encoded: Any = {"EncodingType": "url"}
    assert multipart._key(encoded, "uploads/a%01+b%2B%C3%A4") == "uploads/a\x01 b+ä"
    assert multipart._key({}, "uploads/a+%41") == "uploads/a+%41"  # type: ignore[typeddict-item]
