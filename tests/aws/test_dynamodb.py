"""Requests to a throttled table are retried after pauses, a limited number of times."""

from __future__ import annotations

import pytest

from tests.support.aws_requests import AwsRequests
from tests.support.files import store
from uploads.aws import time_limit
from uploads.aws.dynamodb import batch_get
from uploads.core import backoff
from uploads.core.errors import BackendUnavailable
from uploads.files.record import StoredFile

OWNER = "7"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(time_limit.time, "sleep", pauses.append)
    monkeypatch.setattr(backoff.random, "uniform", lambda low, high: high)
    return pauses


def test_unprocessed_keys_are_requested_again_after_growing_pauses(
    aws: None, aws_requests: AwsRequests, short_pauses: list[float]
) -> None:
    ids = {store(OWNER, f"{n}.txt") for n in range(3)}
    aws_requests.throttled = 3
    assert {record.id for record in batch_get(StoredFile, ids)} == ids
    assert short_pauses == [0.05, 0.1, 0.2]


def test_a_table_that_never_responds_is_unavailable(
    aws: None, aws_requests: AwsRequests, short_pauses: list[float]
) -> None:
    aws_requests.throttled = 1000
    with pytest.raises(BackendUnavailable):
        batch_get(StoredFile, ["a"])
    assert aws_requests.counts() == {"dynamodb": 8}
    assert 5 < sum(short_pauses) < 10


def test_keys_are_requested_in_batches_of_a_hundred(aws: None, aws_requests: AwsRequests) -> None:
    assert batch_get(StoredFile, (str(n) for n in [*range(250), *range(250)])) == []
    assert aws_requests.counts() == {"dynamodb": 3}


def test_no_keys_need_no_request(aws: None, aws_requests: AwsRequests) -> None:
    assert batch_get(StoredFile, []) == []
    assert aws_requests.counts() == {}
