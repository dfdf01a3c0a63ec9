"""Many uploads in one request: a result for each file, as `POST /uploads` would answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import store
from tests.support.http import send, sha256
from tests.support.users import Api, error_of, script_of
from tests.transfers.uploads import incomplete
from tests.web.test_api import check_error
from uploads.accounts import api_tokens
from uploads.aws import clients, multipart
from uploads.core.conf import conf
from uploads.core.limits import MIB
from uploads.models import Quota
from uploads.transfers import batch

BATCH = "/uploads/batch"
GOOD = {"file_name": "a.txt", "size": 5, "content_type": "text/plain", "sha256": sha256(b"hello")}
LARGE = {"file_name": "large.bin", "size": 6 * MIB, "part_size": 5 * MIB}

#: One bad file of each kind.
BAD: dict[str, Any] = {
    "no name": {"size": 5},
    "an empty name": {"file_name": "", "size": 5},
    "a name of spaces": {"file_name": "  ", "size": 5},
    "a name that is null": {"file_name": None, "size": 5},
    "a name that is a number": {"file_name": 5, "size": 5},
    "a long name": {"file_name": "a" * 256, "size": 5},
    "a name with a control character": {"file_name": "a\0b", "size": 5},
    "a name with another control character": {"file_name": "a\nb", "size": 5},
    "an invisible name": {"file_name": "\u200b", "size": 5},
    "no size": {"file_name": "a"},
    "a negative size": {"file_name": "a", "size": -1},
    "a size that is text": {"file_name": "a", "size": "5"},
    "a size that is a fraction": {"file_name": "a", "size": 1.5},
    "a size that is true": {"file_name": "a", "size": True},
    "a huge size": {"file_name": "a", "size": 2**63},
    "a size above S3's limit": {"file_name": "a", "size": 2**50},
    "a type that is none": {"file_name": "a", "size": 5, "content_type": "text"},
    "a type that is a list": {"file_name": "a", "size": 5, "content_type": []},
    "a type that is not allowed": {"file_name": "a", "size": 5, "content_type": "video/mp4"},
    "a wrong checksum": {"file_name": "a", "size": 5, "sha256": "x"},
    "a wrong checksum of a large file": LARGE | {"sha256": "x"},
    "an unknown kind of checksum": GOOD | {"checksum": "md5"},
    "a wrong part size": LARGE | {"part_size": 0},
}
#: With these, the document is not valid JSON.
NOT_UNICODE = {
    "half of a pair": {"file_name": "a\ud800", "size": 5},
    "the other half": {"file_name": "\udc00", "size": 5},
    "and no size": {"file_name": "\udfff"},
}
#: What is no body of `POST /uploads` at all.
NO_OBJECTS = [None, 5, "a.txt", True, [], [GOOD]]


@pytest.fixture
def _rules(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("text/*", "application/*")}


def results(response: Any) -> Any:
    assert response.status_code == 200, response.content
    assert list(response.json()) == ["results"]
    return response.json()["results"]


def codes(response: Any) -> list[str]:
    """The code of each result; "" for an upload that has begun."""
    return [result.get("code", "") for result in results(response)]


def test_each_file_has_what_a_request_of_its_own_would_get(api: Api) -> None:
    files = [GOOD, LARGE, GOOD | {"content_type": None}, {"file_name": "日本.txt", "size": 0}]
    for file, result in zip(files, results(api.post(BATCH, {"files": files})), strict=True):
        single = api.post("/uploads", file).json()
        assert result.keys() == single.keys()
        assert result.get("headers") == single.get("headers")
        assert result.get("multipart") == single.get("multipart")


def test_what_was_signed_can_be_sent(api: Api) -> None:
    small, large = results(api.post(BATCH, {"files": [GOOD, LARGE]}))
    assert send("PUT", small["url"], b"hello", small["headers"]).status == 200
    parts = {"token": large["token"], "parts": [{"part_number": 1, "sha256": sha256(b"x")}]}
    assert api.post(f"/uploads/{large['id']}/parts", parts).status_code == 200
    assert api.get(f"/uploads/{small['id']}").json()["state"] == "pending"


@pytest.mark.usefixtures("_rules")
@pytest.mark.parametrize("kinds", [BAD, NOT_UNICODE], ids=["bad", "not Unicode"])
def test_a_bad_file_is_an_error_among_good_ones_and_the_one_it_gets_alone(
    api: Api, kinds: dict[str, Any]
) -> None:
    files = [file for bad in kinds.values() for file in (GOOD, bad)]
    answers = results(api.post(BATCH, {"files": files}))
    for (kind, bad), good, failed in zip(kinds.items(), answers[::2], answers[1::2], strict=True):
        alone = api.post("/uploads", bad)
        assert alone.status_code in {400, 413, 415}, kind
        assert failed == error_of(alone), kind
        assert good["method"] == "PUT", kind


def test_what_is_no_file_is_an_error_among_good_ones(api: Api) -> None:
    answers = results(api.post(BATCH, {"files": [GOOD, *NO_OBJECTS, GOOD]}))
    assert answers[1:-1] == len(NO_OBJECTS) * [
        {"error": "Each file must be a JSON object.", "code": "invalid_json"}
    ]
    assert answers[0]["method"] == answers[-1]["method"] == "PUT"


def test_all_files_may_be_bad(api: Api) -> None:
    assert codes(api.post(BATCH, {"files": [{"size": 1}, {"file_name": "a"}]})) == [
        "missing_file_name", "missing_size",
    ]  # fmt: skip


def test_equal_files_are_different_uploads(api: Api) -> None:
    begun = results(api.post(BATCH, {"files": [GOOD] * 100}))
    assert len({result["id"] for result in begun}) == 100


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_files"),
        ({"files": None}, "missing_files"),
        ({"files": []}, "missing_files"),
        ({"files": [GOOD] * 101}, "too_many_files"),
        ({"files": {}}, "invalid_files"),
        ({"files": {"0": GOOD}}, "invalid_files"),
        ({"files": "a.txt"}, "invalid_files"),
        ({"files": 1}, "invalid_files"),
        ({"files": False}, "invalid_files"),
        ([GOOD], "invalid_json"),
        ("files", "invalid_json"),
        (b"", "missing_body"),
        (b"{", "invalid_json"),
        (b'{"files": [{"file_name": "a", "file_name": "b", "size": 1}]}', "invalid_json"),
        (b'{"files": [{"file_name": "a", "size": NaN}]}', "invalid_json"),
        (b'{"files": [{"file_name": "a", "size": 1, "content_type": "\\ud800"}]}', "invalid_json"),
        (b'{"files": ' + b"[" * 300 + b"]" * 300 + b"}", "invalid_json"),
    ],
)
def test_a_request_without_files_fails_as_a_whole(api: Api, body: Any, code: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    check_error(api.post(BATCH, data), 400, code)


# Who may


def test_a_session_needs_the_csrf_token_and_a_program_a_valid_token(
    aws: None, alice: User, bob: User
) -> None:
    body = {"files": [GOOD]}

    def post(client: Client, **headers: str) -> Any:
        return client.post(BATCH, body, "application/json", headers=headers)

    page = script_of(alice, checks_csrf=True)
    csrf = {"X-CSRFToken": page.get("/accounts/session").json()["csrf_token"]}
    token = {"Authorization": f"Bearer {api_tokens.create(bob)}"}
    check_error(post(Client()), 401, "not_authenticated")
    check_error(post(page), 403, "csrf_failed")
    check_error(post(page, **csrf, **{"X-Filehub-User": str(bob.pk)}), 401, "not_authenticated")
    check_error(post(page, Authorization="Bearer wrong", **csrf), 401, "not_authenticated")
    for user, response in (
        (alice, post(page, **csrf)),
        (alice, post(page, **csrf, **{"X-Filehub-User": str(alice.pk)})),
        (bob, post(Client(enforce_csrf_checks=True), **token)),
        (bob, post(page, **token)),
    ):
        (result,) = results(response)
        assert result["headers"]["x-amz-meta-owner"] == str(user.pk)


# Limits


@pytest.mark.parametrize(
    ("user", "address", "files", "begun"),
    [
        (5, None, 5, 5),
        (5, None, 8, 5),
        (None, 3, 8, 3),
        (5, 3, 8, 3),
        (3, 5, 8, 3),
        (1, None, 2, 1),
    ],
)
def test_each_file_counts_as_a_request_until_the_rate_is_reached(
    api: Api,
    limit: Callable[..., None],
    user: int | None,
    address: int | None,
    files: int,
    begun: int,
) -> None:
    limit(user=user, address=address)
    answers = results(api.post(BATCH, {"files": [GOOD] * files}))
    assert [answer.get("code", "") for answer in answers] == (
        [""] * begun + ["rate_limited"] * (files - begun)
    )
    for answer in answers[begun:]:
        assert set(answer) == {"error", "code", "retry_after"}
        assert 1 <= answer["retry_after"] <= 3600
    check_error(api.post("/uploads", GOOD), 429, "rate_limited")
    assert codes(api.post(BATCH, {"files": [GOOD] * 2})) == ["rate_limited"] * 2


def test_requests_before_a_batch_count(api: Api, limit: Callable[..., None]) -> None:
    limit(user=4)
    api.post("/get-url", GOOD)
    api.post("/uploads", GOOD)
    assert codes(api.post(BATCH, {"files": [GOOD] * 3})) == ["", "", "rate_limited"]


@pytest.mark.parametrize(
    ("stored", "sizes", "refused"),
    [
        (0, [4, 6, 0], []),
        (0, [4, 7, 6, 1], [1, 3]),
        (6, [5, 4, 1, 0], [0, 2]),
        (10, [1, 0, 1], [0, 2]),
        (0, [11, 10, 1], [0, 2]),
    ],
)
def test_files_are_admitted_in_order_while_they_fit_into_the_quota(
    api: Api,
    alice: User,
    aws_requests: AwsRequests,
    stored: int,
    sizes: list[int],
    refused: list[int],
) -> None:
    if stored:
        store(api.owner, body=b"x" * stored)
    Quota.objects.create(user=alice, limit=10)
    aws_requests.counts()
    answers = results(
        api.post(BATCH, {"files": [{"file_name": "a", "size": size} for size in sizes]})
    )
    assert aws_requests.counts() == {"dynamodb": 1}
    assert [n for n, answer in enumerate(answers) if "code" in answer] == refused
    assert {answers[n]["code"] for n in refused} == ({"quota_exceeded"} if refused else set())


def test_a_bad_file_takes_no_room(api: Api, alice: User) -> None:
    Quota.objects.create(user=alice, limit=10)
    files = [{"file_name": "", "size": 10}, {"file_name": "a", "size": 10}]
    assert codes(api.post(BATCH, {"files": files})) == ["missing_file_name", ""]


# Outages


def test_a_failure_to_create_parts_is_the_error_of_that_file(
    api: Api, aws_requests: AwsRequests, no_pauses: None
) -> None:
    aws_requests.cut.add("s3")
    answers = results(api.post(BATCH, {"files": [GOOD, LARGE, GOOD, LARGE]}))
    assert answers[0]["method"] == answers[2]["method"] == "PUT"
    alone = api.post("/uploads", LARGE)
    assert alone.status_code == 503
    expected = {**error_of(alone), "retry_after": int(alone["Retry-After"])}
    assert answers[1] == answers[3] == expected
    assert expected["code"] == "unavailable"


def test_one_of_several_large_files_fails(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 refuses the upload of one name."""
    client = clients.s3()

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if params["headers"].get("x-amz-meta-filename") == "refused":
            params["url"] = params["url"].replace(conf().bucket, "no-such-bucket")

    client.meta.events.register_first("before-call.s3.CreateMultipartUpload", refuse, "refuse")
    try:
        names = ["a", "refused", "b", "refused", "c"]
        files = [LARGE | {"file_name": name} for name in names]
        answers = results(api.post(BATCH, {"files": files}))
    finally:
        client.meta.events.unregister("before-call.s3.CreateMultipartUpload", unique_id="refuse")
    assert [answer.get("code", "") for answer in answers] == [
        "", "unavailable", "", "unavailable", "",
    ]  # fmt: skip
    assert len(incomplete()) == 3


def test_an_outage_of_the_table_is_one_wait_and_an_error_for_each_file(
    api: Api, alice: User, aws_requests: AwsRequests, no_pauses: None
) -> None:
    Quota.objects.create(user=alice, limit=10)
    aws_requests.cut.add("dynamodb")
    assert api.post("/uploads", GOOD).status_code == 503
    once = aws_requests.counts()
    answers = results(api.post(BATCH, {"files": [GOOD] * 5 + [{"size": 1}]}))
    assert [answer["code"] for answer in answers] == ["unavailable"] * 5 + ["missing_file_name"]
    assert {answer.get("retry_after") for answer in answers[:5]} == {5}
    assert aws_requests.counts() == once


def test_large_files_are_created_several_at_a_time_but_not_all(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[int] = []
    peak: list[int] = []
    create = multipart.create

    def watched(*args: Any, **fields: Any) -> str:
        running.append(1)
        peak.append(len(running))
        try:
            return create(*args, **fields)
        finally:
            running.pop()

    monkeypatch.setattr(multipart, "create", watched)
    assert codes(api.post(BATCH, {"files": [LARGE] * 30})) == [""] * 30
    assert 2 <= max(peak) <= batch.CONCURRENCY
