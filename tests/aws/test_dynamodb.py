"""Requests to a throttled table are retried after pauses, a limited number of times."""

from __future__ import annotations

import pytest

from tests.support.files import store
from tests.support.wire import Wire
from uploads.aws import dynamodb
from uploads.aws.dynamodb import batch_get
from uploads.core import backoff
from uploads.core.errors import BackendUnavailable
from uploads.files.record import StoredFile

OWNER = "7"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(dynamodb.time, "sleep", pauses.append)
    monkeypatch.setattr(backoff.random, "uniform", lambda low, high: high)
    return pauses


def test_unprocessed_keys_are_requested_again_after_growing_pauses(
    aws: None, wire: Wire, short_pauses: list[float]
) -> None:
    ids = {store(OWNER, f"{n}.txt") for n in range(3)}
    wire.throttled = 3
    assert {record.id for record in batch_get(StoredFile, ids)} == ids
    assert short_pauses == [0.05, 0.1, 0.2]


def test_a_table_that_never_responds_is_unavailable(
    aws: None, wire: Wire, short_pauses: list[float]
) -> None:
    wire.throttled = 1000
    with pytest.raises(BackendUnavailable):
        batch_get(StoredFile, ["a"])
    assert wire.counts() == {"dynamodb": 8}
    assert 5 < sum(short_pauses) < 10


def test_keys_are_requested_in_batches_of_a_hundred(aws: None, wire: Wire) -> None:
    assert batch_get(StoredFile, (str(n) for n in [*range(250), *range(250)])) == []
    assert wire.counts() == {"dynamodb": 3}


def test_no_keys_need_no_request(aws: None, wire: Wire) -> None:
    assert batch_get(StoredFile, []) == []
    assert wire.counts() == {}
