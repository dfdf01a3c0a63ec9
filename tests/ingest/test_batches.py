"""Events that are applied together have the effect that they have one by one."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import utils as database
from pytest_django import Settings

from tests.ingest.batches import OWNER, assert_counted, created, event, outcomes, state
from tests.plugin import AWS_PORT
from tests.support.aws_requests import AwsRequests
from tests.support.files import put_under, upload
from tests.support.proxy import Proxy
from tests.support.sample_files import HTML, png
from uploads.aws import s3
from uploads.core import keys
from uploads.core.errors import BackendUnavailable
from uploads.files import counting, grouping, quotas, store, usage
from uploads.files.record import Change, StoredFile
from uploads.files.usage import Usage
from uploads.ingest import confirm, decide, observe, settle
from uploads.ingest.events import ObjectEvent
from uploads.models import Quota

pytestmark = pytest.mark.usefixtures("aws", "one_day")

# Several events of one upload

CREATED, REMOVED, CREATED_AGAIN = ("created", 1), ("removed", 2), ("created", 3)
SEQUENCES = [
    *permutations((CREATED, REMOVED, CREATED_AGAIN)),
    *permutations((CREATED, REMOVED)),
    (CREATED, CREATED),
    (REMOVED, REMOVED, CREATED),
    (CREATED, CREATED_AGAIN, CREATED, CREATED_AGAIN),
    (("created", 0), CREATED, REMOVED, ("created", 0)),
    (("removed", 0), CREATED, ("removed", 0)),
]


@pytest.mark.parametrize("exists", [True, False], ids=["object exists", "object is gone"])
def test_events_of_one_upload_have_the_same_effect_together_as_one_by_one(exists: bool) -> None:
    """All sequences at once, interleaved: the n-th events of all uploads are next to each other."""

    def prepare(sequences: list[Any]) -> list[list[ObjectEvent]]:
        prepared = []
        for sequence in sequences:
            upload_id = upload(OWNER)
            if not exists:
                s3.delete(upload_id)
            prepared.append([event(kind, upload_id, number) for kind, number in sequence])
        return prepared

    together, alone = prepare(SEQUENCES), prepare(SEQUENCES)
    longest = max(map(len, SEQUENCES))
    mixed = [events[n] for n in range(longest) for events in together if n < len(events)]
    results = dict(zip(map(id, mixed), outcomes(mixed), strict=True))
    for sequence, batched, single in zip(SEQUENCES, together, alone, strict=True):
        expected = [confirm.apply_event(one) for one in single]
        assert [results[id(one)] for one in batched] == expected, sequence
        assert state(batched[0].upload_id) == state(single[0].upload_id), sequence
    assert_counted()


# Many uploads


def test_a_batch_costs_one_read_one_head_each_and_one_transaction_in_ninety_files(
    aws_requests: AwsRequests,
) -> None:
    ids = [upload(str(number % 2)) for number in range(20)]
    aws_requests.counts()
    assert Tally(outcomes(created(ids))) == {"stored": 20}
    assert aws_requests.counts() == {"dynamodb": 2, "s3": 20}
    # 20 records, 4 parts of the group and of the day, 2 owners.
    parts = {int(keys.shard(upload_id), 16) % usage.PARTS for upload_id in ids}
    assert aws_requests.transactions == [20 + 2 * len(parts) + 2]
    assert usage.usage_of(["0", "1"]) == {"0": Usage(10, 50), "1": Usage(10, 50)}
    aws_requests.counts()
    assert outcomes(created(ids)) == ["unchanged"] * 20
    assert aws_requests.counts() == {"dynamodb": 1}
    assert_counted()


def test_a_mixed_batch_is_counted_exactly(settings: Settings) -> None:
    stored, gone, page = [upload(OWNER) for _ in range(4)], upload(OWNER), upload("8")
    image = upload("8", "a.png", png(), "image/png")
    fake = upload("8", "a.png", HTML, "image/png")
    outcomes(created([gone, stored[0]]))
    s3.delete(gone)
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*", "text/plain")}
    batch = [
        *created(stored, 2), event("removed", gone, 2), *created([image, fake, page], 1),
        event("removed", keys.new_upload_id(OWNER, "secret"), 1),
        *created([keys.new_upload_id(OWNER, "secret")]),
    ]  # fmt: skip
    assert outcomes(batch) == [
        *["stored"] * 4, "removed", "stored", "rejected", "stored", "removed", "absent",
    ]  # fmt: skip
    assert (s3.head(fake), s3.head(image) is None) == (None, False)
    assert usage.usage_of([OWNER, "8"]) == {
        OWNER: Usage(4, 20),
        "8": Usage(2, 5 + len(png())),
    }
    assert_counted()


# Failures


def test_a_failed_head_affects_only_its_event(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [upload(OWNER) for _ in range(5)]
    head = s3.head

    def refuse_some(upload_id: str) -> s3.StoredObject | None:
        if upload_id == ids[1]:
            raise BackendUnavailable
        if upload_id == ids[3]:
            raise ZeroDivisionError
        return head(upload_id)

    monkeypatch.setattr(s3, "head", refuse_some)
    assert outcomes(created(ids)) == [
        "stored", "BackendUnavailable", "stored", "ZeroDivisionError", "stored",
    ]  # fmt: skip
    assert_counted()


@pytest.mark.exhaustive
def test_an_object_for_which_s3_does_not_respond_affects_only_its_event(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    ids = [upload(OWNER) for _ in range(3)]
    with Proxy(AWS_PORT) as proxy:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL_S3": proxy.url}
        assert s3.head(ids[0])  # a connection, so that the limit is not spent on making clients
        proxy.hold(lambda request: ids[1] in request.path)
        monkeypatch.setattr(observe, "SECONDS", 10.0)
        assert outcomes(created(ids)) == ["stored", "BackendUnavailable", "stored"]
        proxy.release()
        assert outcomes(created(ids)) == ["unchanged", "stored", "unchanged"]
    assert_counted()


@pytest.mark.parametrize("position", range(3))
def test_a_record_that_dynamodb_refuses_affects_only_its_event(position: int) -> None:
    """Its item would be larger than 400 KB, which makes the transaction invalid."""
    ids = [upload(OWNER) for _ in range(3)]
    events = created(ids)
    events[position] = ObjectEvent("created", ids[position], "F" * 500_000)
    expected = ["stored"] * 3
    expected[position] = "BackendUnavailable"
    assert outcomes(events) == expected
    assert state(ids[position]) is None
    assert_counted()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (decide, "needs_object"), (decide, "quota_owner"), (decide, "decide"),
        (store, "_difference"), (counting, "counters_of"), (counting, "growth"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_bug_affects_only_the_event_that_triggers_it(
    module: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [upload(OWNER, body=bytes(number + 1)) for number in range(3)]
    works = getattr(module, name)

    def crash_for_one(*arguments: Any) -> Any:
        if any(ids[1] in f"{each} {getattr(each, 'id', '')}" for each in arguments):
            raise ZeroDivisionError
        return works(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(module, name, crash_for_one)
        results = outcomes(created(ids))
    assert results[1] == "ZeroDivisionError"
    assert [found and found[::2] for found in map(state, ids)] == [
        ("stored", 1),
        None,
        ("stored", 3),
    ]
    assert_counted()


def test_a_record_that_changes_meanwhile_does_not_hold_back_the_others(
    monkeypatch: pytest.MonkeyPatch, aws_requests: AwsRequests
) -> None:
    ids = [upload(OWNER) for _ in range(4)]
    commit = store.commit

    def changed_meanwhile(changes: Iterable[Change]) -> store.Unwritten:
        monkeypatch.setattr(store, "commit", commit)
        assert confirm.apply_event(event("created", ids[2], 9)) == "stored"
        return commit(changes)

    monkeypatch.setattr(store, "commit", changed_meanwhile)
    assert outcomes(created(ids)) == ["stored", "stored", "unchanged", "stored"]
    assert [records[1][-1] for records in map(state, ids) if records] == ["1", "1", "9", "1"]
    assert_counted()


@pytest.mark.parametrize("conflicts", [1, 5, 6, 8])
def test_conflicts_are_retried_without_reading_again_and_finally_in_smaller_transactions(
    conflicts: int, aws_requests: AwsRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(store, "LONGEST_PAUSE", 0.01)
    ids = [upload(OWNER) for _ in range(8)]
    aws_requests.counts()
    aws_requests.conflicts = conflicts
    assert outcomes(created(ids)) == ["stored"] * 8
    assert aws_requests.counts()["s3"] == 8
    sizes = aws_requests.transactions
    assert len(sizes) > conflicts
    assert len(set(sizes[: store.CONFLICTS_UNTIL_SPLIT])) == 1
    assert (sizes[-1] < sizes[0]) == (conflicts >= store.CONFLICTS_UNTIL_SPLIT)
    assert_counted()


def test_endless_conflicts_fail_in_the_end_and_write_nothing(
    aws_requests: AwsRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(store, "LONGEST_PAUSE", 0.01)
    ids = [upload(OWNER) for _ in range(3)]
    aws_requests.conflicts = 10_000
    assert outcomes(created(ids)) == ["BackendUnavailable"] * 3
    aws_requests.conflicts = 0
    assert outcomes(created(ids)) == ["stored"] * 3
    assert_counted()


@pytest.mark.exhaustive
@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_an_outage_fails_all_events_and_none_is_tried_alone(
    service: str, aws_requests: AwsRequests, no_pauses: None
) -> None:
    ids = [upload(OWNER) for _ in range(3)]
    aws_requests.counts()
    aws_requests.refusals[service] = (503, "ServiceUnavailable")
    assert outcomes(created(ids)) == ["BackendUnavailable"] * 3
    aws_requests.refusals.clear()
    assert outcomes(created(ids)) == ["stored"] * 3


def test_without_the_database_only_files_that_need_a_quota_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, new, gone = [upload(OWNER) for _ in range(3)]
    outcomes(created([known, gone]))
    s3.delete(gone)

    def fail(*_: Any, **__: Any) -> Any:
        raise database.OperationalError

    monkeypatch.setattr(Quota.objects, "filter", fail)
    batch = [*created([known, new], 2), event("removed", gone, 2)]
    assert outcomes(batch) == ["stored", "BackendUnavailable", "removed"]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (store, "read"), (s3, "inspect"), (quotas, "allowances"), (decide, "decide"),
        (grouping, "groups"), (store, "_write"), (s3, "delete_if_match"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_time_limit_of_the_task_ends_it_at_any_step(
    module: Any, name: str, count: int, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """It must not count as the failure of one event: nothing is left for the others either."""
    ids = [upload(OWNER) for _ in range(count)]
    if name == "delete_if_match":
        settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 1}

    def out_of_time(*_: Any, **__: Any) -> Any:
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(module, name, out_of_time)
    with pytest.raises(SoftTimeLimitExceeded):
        confirm.apply_events(created(ids))


def test_a_rejection_is_recorded_before_its_object_is_deleted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [upload(OWNER) for _ in range(3)]
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 1}
    delete, seen = s3.delete_if_match, []

    def delete_recorded(upload_id: str, etag: str) -> None:
        seen.append(state(upload_id))
        if upload_id == ids[1]:
            raise BackendUnavailable
        delete(upload_id, etag)

    monkeypatch.setattr(s3, "delete_if_match", delete_recorded)
    assert outcomes(created(ids)) == ["rejected", "BackendUnavailable", "rejected"]
    assert [found and found[0] for found in seen] == ["rejected"] * 3
    monkeypatch.setattr(s3, "delete_if_match", delete)
    assert outcomes(created(ids)) == ["unchanged"] * 3
    assert [s3.head(upload_id) for upload_id in ids] == [None] * 3


def test_a_replacement_is_not_deleted_with_the_rejected_objects(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [upload(OWNER, body=b"123456") for _ in range(3)]
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 5}
    commit = store.commit

    def replaced(changes: Iterable[Change]) -> store.Unwritten:
        unwritten = commit(changes)
        s3.delete(ids[1])
        put_under(ids[1], OWNER, b"12345")
        return unwritten

    monkeypatch.setattr(store, "commit", replaced)
    assert outcomes(created(ids)) == ["rejected"] * 3
    monkeypatch.setattr(store, "commit", commit)
    assert outcomes(created(ids, 3)) == ["absent", "stored", "absent"]


def test_settling_ends_if_records_keep_changing(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [upload(OWNER) for _ in range(2)]
    monkeypatch.setattr(store, "ATTEMPTS", 3)
    monkeypatch.setattr(store, "FIRST_PAUSE", 0.001)
    commit = store.commit

    def never_the_first(changes: Iterable[Change]) -> store.Unwritten:
        changes = list(changes)
        others = commit(change for change in changes if change.id != ids[0])
        return store.Unwritten(others.stale | {ids[0]}, others.failed)

    monkeypatch.setattr(store, "commit", never_the_first)
    settled = settle.settle(created(ids))
    assert isinstance(settled[ids[0]], BackendUnavailable)
    assert [record.id for record in StoredFile.scan(StoredFile.key.exists())] == [ids[1]]
