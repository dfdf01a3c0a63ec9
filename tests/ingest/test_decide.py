"""What is decided about an event, a hint or a check: a table of event, record, object and quota."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from uploads.aws.s3 import StoredObject
from uploads.core import keys
from uploads.core.policy import Rules
from uploads.files import states
from uploads.files.quotas import Allowance
from uploads.files.record import StoredFile, changed
from uploads.ingest import decide, records
from uploads.ingest.decide import Check, Decision, Limits, Trigger
from uploads.ingest.events import NO_SEQUENCER, ObjectEvent

OWNER = "7"
ID = keys.new_upload_id(OWNER, "secret")
OLD_ID = keys._make(1_700_000_000_000, OWNER, "secret")
RULES = Rules(max_size=100, max_put_size=100, allowed_types=("*",))
LIMITS = Limits(RULES)
FILE = StoredObject(10, "text/plain", "etag", "", "", OWNER, "a.txt")
OTHER = replace(FILE, etag="other", size=20)
TOO_LARGE = replace(FILE, size=101, etag="large")
FOREIGN = replace(FILE, owner=None)


def number(value: int) -> str:
    return f"{value:018X}".ljust(64, "0") if value else NO_SEQUENCER


def created(sequencer: int, upload_id: str = ID) -> ObjectEvent:
    return ObjectEvent("created", upload_id, number(sequencer))


def removed(sequencer: int, upload_id: str = ID) -> ObjectEvent:
    return ObjectEvent("removed", upload_id, number(sequencer))


def stored(sequencer: int, s3_object: StoredObject = FILE, upload_id: str = ID) -> StoredFile:
    record = records.validate(upload_id, s3_object, None, RULES)
    return changed(record, sequencer=number(sequencer))


def rejected(sequencer: int, upload_id: str = ID) -> StoredFile:
    return stored(sequencer, TOO_LARGE, upload_id)


def trashed(sequencer: int, s3_object: StoredObject = FILE) -> StoredFile:
    return states.trashed(
        stored(sequencer, s3_object), by="8", now=datetime.now(UTC), keep_for=timedelta(days=30)
    )


def purging(sequencer: int) -> StoredFile:
    return states.purging(trashed(sequencer), by=None, now=datetime.now(UTC))


def mistaken(sequencer: int, record: StoredFile) -> StoredFile:
    """The record of a file whose object was once found missing."""
    return records.tombstone(
        changed(record, sequencer=number(sequencer)), reason=records.OBJECT_MISSING
    )


def tombstone(sequencer: int, upload_id: str = ID) -> StoredFile:
    """The record of an object that was removed before it was ever seen."""
    record = records.new_record(upload_id, number(sequencer), "deleted")
    return records.tombstone(record, removed_at=datetime.now(UTC))


def deleted(sequencer: int, upload_id: str = ID) -> StoredFile:
    """The record of a file that was stored before."""
    return records.tombstone(stored(sequencer, upload_id=upload_id), removed_at=datetime.now(UTC))


def quota(limit: int, used: int = 0, claimed: int = 0) -> Limits:
    return Limits(RULES, Allowance(used, limit), claimed)


NOTHING = (None, None)
#: name -> trigger, record, object, limits; outcome, the new record's state and sequencer, ETag to
#: delete
CASES: dict[
    str,
    tuple[
        Trigger, StoredFile | None, StoredObject | None, Limits,
        str, tuple[str | None, int | None], str | None,
    ],
] = {
    # Creations
    "new": (created(5), None, FILE, LIMITS, "stored", ("stored", 5), None),
    "no object": (created(5), None, None, LIMITS, "absent", NOTHING, None),
    "no object any more": (created(5), stored(4), None, LIMITS, "absent", NOTHING, None),
    "newer, same object": (created(5), stored(4), FILE, LIMITS, "stored", ("stored", 5), None),
    "newer, other object": (created(5), stored(4), OTHER, LIMITS, "stored", ("stored", 5), None),
    "same event": (created(5), stored(5), None, LIMITS, "unchanged", NOTHING, None),
    "older event": (created(5), stored(6), None, LIMITS, "unchanged", NOTHING, None),
    "late after removal": (created(5), tombstone(6), None, LIMITS, "unchanged", NOTHING, None),
    "created again": (created(7), deleted(6), FILE, LIMITS, "stored", ("stored", 7), None),
    "created after unseen removal": (
        created(7), tombstone(6), FILE, LIMITS, "stored", ("stored", 7), None,
    ),
    "breaks a rule": (created(5), None, TOO_LARGE, LIMITS, "rejected", ("rejected", 5), "large"),
    "not from filehub": (created(5), None, FOREIGN, LIMITS, "rejected", ("rejected", 5), "etag"),
    "old, breaks a rule": (
        created(5, OLD_ID), None, TOO_LARGE, LIMITS, "rejected", ("rejected", 5), "large",
    ),
    "replaced by one that breaks a rule": (
        created(5), stored(4), TOO_LARGE, LIMITS, "rejected", ("rejected", 5), "large",
    ),
    "stored under earlier rules": (
        created(5), stored(4), FILE, Limits(replace(RULES, max_size=1)), "stored", ("stored", 5),
        None,
    ),
    "rejection to complete": (
        created(5), rejected(5), None, LIMITS, "unchanged", NOTHING, "large",
    ),
    "rejected, then replaced": (
        created(6), rejected(5), FILE, LIMITS, "stored", ("stored", 6), None,
    ),
    # Hints, and events without a sequencer
    "hint": (created(0), None, FILE, LIMITS, "stored", ("stored", 0), None),
    "hint of nothing": (created(0), None, None, LIMITS, "absent", NOTHING, None),
    "hint after event": (created(0), stored(4), None, LIMITS, "unchanged", NOTHING, None),
    "hint twice": (created(0), stored(0), None, LIMITS, "unchanged", NOTHING, None),
    "hint after removal": (created(0), tombstone(4), None, LIMITS, "unchanged", NOTHING, None),
    "event after hint": (created(5), stored(0), FILE, LIMITS, "stored", ("stored", 5), None),
    "hint, breaks a rule": (
        created(0), None, TOO_LARGE, LIMITS, "rejected", ("rejected", 0), "large",
    ),
    "hint about an old object that breaks a rule": (
        created(0, OLD_ID), None, TOO_LARGE, LIMITS, "rejected", ("rejected", 0), None,
    ),
    "hint about an old rejected object": (
        created(0, OLD_ID), rejected(5, OLD_ID), None, LIMITS, "unchanged", NOTHING, None,
    ),
    # Removals
    "removed": (removed(6), stored(5), None, LIMITS, "removed", ("deleted", 6), None),
    "removed unseen": (removed(6), None, None, LIMITS, "removed", ("deleted", 6), None),
    "removed twice": (removed(6), deleted(6), None, LIMITS, "unchanged", NOTHING, None),
    "removed later": (removed(7), deleted(6), None, LIMITS, "removed", ("deleted", 7), None),
    "older removal": (removed(4), stored(5), None, LIMITS, "unchanged", NOTHING, None),
    "another version removed": (removed(6), stored(5), FILE, LIMITS, "unchanged", NOTHING, None),
    "rejected object removed": (
        removed(6), rejected(5), None, LIMITS, "removed", ("rejected", 6), None,
    ),
    "removed, no sequencer": (removed(0), stored(5), None, LIMITS, "removed", ("deleted", 5), None),
    "removed unseen, no sequencer": (
        removed(0), None, None, LIMITS, "removed", ("deleted", 0), None,
    ),
    "still there, no sequencer": (removed(0), stored(5), FILE, LIMITS, "unchanged", NOTHING, None),
    "rejected, no sequencer": (removed(0), rejected(5), None, LIMITS, "unchanged", NOTHING, None),
    "deleted, no sequencer": (removed(0), deleted(5), None, LIMITS, "unchanged", NOTHING, None),
    # The trash
    "trashed, same object": (
        created(5), trashed(4), FILE, LIMITS, "stored", ("trashed", 5), None,
    ),
    "trashed, other object": (
        created(5), trashed(4), OTHER, LIMITS, "stored", ("trashed", 5), None,
    ),
    "trashed, same event": (created(5), trashed(5), None, LIMITS, "unchanged", NOTHING, None),
    "trashed, older event": (created(5), trashed(6), None, LIMITS, "unchanged", NOTHING, None),
    "trashed, object gone": (created(5), trashed(4), None, LIMITS, "absent", NOTHING, None),
    "trashed, hint": (created(0), trashed(4), None, LIMITS, "unchanged", NOTHING, None),
    "trashed, event after hint": (
        created(5), trashed(0), FILE, LIMITS, "stored", ("trashed", 5), None,
    ),
    "trashed, stricter rules": (
        created(5), trashed(4), FILE, Limits(replace(RULES, max_size=1)), "stored", ("trashed", 5),
        None,
    ),
    "trashed, replaced by one that breaks a rule": (
        created(5), trashed(4), TOO_LARGE, LIMITS, "rejected", ("rejected", 5), "large",
    ),
    "trashed, same object, quota exceeded": (
        created(5), trashed(4), FILE, quota(1, 99), "stored", ("trashed", 5), None,
    ),
    "trashed, grows within the quota": (
        created(5), trashed(4), OTHER, quota(20, 10), "stored", ("trashed", 5), None,
    ),
    "trashed, grows too much": (
        created(5), trashed(4), OTHER, quota(19, 10), "rejected", ("rejected", 5), "other",
    ),
    "trashed, removed": (removed(6), trashed(5), None, LIMITS, "removed", ("deleted", 6), None),
    "trashed, older removal": (removed(4), trashed(5), None, LIMITS, "unchanged", NOTHING, None),
    "trashed, another version removed": (
        removed(6), trashed(5), FILE, LIMITS, "unchanged", NOTHING, None,
    ),
    "trashed, removed, no sequencer": (
        removed(0), trashed(5), None, LIMITS, "removed", ("deleted", 5), None,
    ),
    "trashed, still there, no sequencer": (
        removed(0), trashed(5), FILE, LIMITS, "unchanged", NOTHING, None,
    ),
    "purging, created": (created(5), purging(4), FILE, LIMITS, "stored", ("trashed", 5), None),
    "purging, replaced": (created(5), purging(4), OTHER, LIMITS, "stored", ("trashed", 5), None),
    "purging, removed": (removed(6), purging(5), None, LIMITS, "removed", ("deleted", 6), None),
    "purged, created again": (
        created(7), mistaken(6, purging(5)), FILE, LIMITS, "stored", ("stored", 7), None,
    ),
    "trashed, marked deleted by mistake, created again": (
        created(7), mistaken(6, trashed(5)), FILE, LIMITS, "stored", ("trashed", 7), None,
    ),
    "check trashed": (Check(ID), trashed(5), FILE, LIMITS, "consistent", ("trashed", 5), None),
    "check trashed, replaced": (
        Check(ID), trashed(5), OTHER, LIMITS, "corrected", ("trashed", 5), None,
    ),
    "check trashed, missing": (
        Check(ID), trashed(5), None, LIMITS, "missing", ("deleted", 5), None,
    ),
    "check purging": (Check(ID), purging(5), FILE, LIMITS, "consistent", ("trashed", 5), None),
    "check purging, missing": (
        Check(ID), purging(5), None, LIMITS, "missing", ("deleted", 5), None,
    ),
    "check trashed, marked deleted by mistake": (
        Check(ID), mistaken(5, trashed(5)), FILE, quota(1, 99), "confirmed", ("trashed", 5), None,
    ),
    "check purged, but sent again": (
        Check(ID), mistaken(5, purging(5)), FILE, LIMITS, "confirmed", ("stored", 5), None,
    ),
    # Quotas
    "exactly fits": (created(5), None, FILE, quota(10), "stored", ("stored", 5), None),
    "fits with others": (created(5), None, FILE, quota(30, 10, 10), "stored", ("stored", 5), None),
    "one byte too much": (created(5), None, FILE, quota(9), "rejected", ("rejected", 5), "etag"),
    "no room left": (created(5), None, FILE, quota(19, 10), "rejected", ("rejected", 5), "etag"),
    "others come first": (created(5), None, FILE, quota(19, 0, 10), "deferred", NOTHING, None),
    "no room, whatever the others do": (
        created(5), None, FILE, quota(9, 0, 10), "rejected", ("rejected", 5), "etag",
    ),
    "same object again": (
        created(5), stored(4), FILE, quota(1, 99), "stored", ("stored", 5), None,
    ),
    "grows within the quota": (
        created(5), stored(4), OTHER, quota(20, 10), "stored", ("stored", 5), None,
    ),
    "grows too much": (
        created(5), stored(4), OTHER, quota(19, 10), "rejected", ("rejected", 5), "other",
    ),
    "shrinks": (created(5), stored(4, OTHER), FILE, quota(1, 99), "stored", ("stored", 5), None),
    "empty": (
        created(5), None, replace(FILE, size=0), quota(1, 99), "stored", ("stored", 5), None,
    ),
    "hint without room": (created(0), None, FILE, quota(9), "rejected", ("rejected", 0), "etag"),
    "hint about an old object without room": (
        created(0, OLD_ID), None, FILE, quota(9), "unchanged", NOTHING, None,
    ),
    "old object with an event, without room": (
        created(5, OLD_ID), None, FILE, quota(9), "rejected", ("rejected", 5), "etag",
    ),
    # Checks
    "check unknown": (Check(ID), None, None, LIMITS, "unknown", NOTHING, None),
    "check unrecorded": (Check(ID), None, FILE, LIMITS, "confirmed", ("stored", 0), None),
    "check consistent": (Check(ID), stored(5), FILE, LIMITS, "consistent", ("stored", 5), None),
    "check missing": (Check(ID), stored(5), None, LIMITS, "missing", ("deleted", 5), None),
    "check replaced": (Check(ID), stored(5), OTHER, LIMITS, "corrected", ("stored", 5), None),
    "check replaced by one that breaks a rule": (
        Check(ID), stored(5), TOO_LARGE, LIMITS, "corrected", ("stored", 5), None,
    ),
    "check marked deleted by mistake": (
        Check(ID), deleted(5), FILE, quota(1, 99), "confirmed", ("stored", 5), None,
    ),
    "check deleted": (Check(ID), deleted(5), None, LIMITS, "consistent", NOTHING, None),
    "check created after unseen removal": (
        Check(ID), tombstone(5), FILE, LIMITS, "confirmed", ("stored", 5), None,
    ),
    "check rejected": (Check(ID), rejected(5), None, LIMITS, "consistent", NOTHING, None),
    "check undeleted": (Check(ID), rejected(5), TOO_LARGE, LIMITS, "rejected", NOTHING, "large"),
    "check rejected, fits now": (
        Check(ID), rejected(5), FILE, LIMITS, "confirmed", ("stored", 5), None,
    ),
    "check breaks a rule": (
        Check(ID), None, TOO_LARGE, LIMITS, "rejected", ("rejected", 0), "large",
    ),
    "check old, breaks a rule": (
        Check(OLD_ID), None, TOO_LARGE, LIMITS, "rejected", ("rejected", 0), None,
    ),
    "check without room": (Check(ID), None, FILE, quota(9), "rejected", ("rejected", 0), "etag"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_decision(name: str) -> None:
    trigger, record, s3_object, limits, outcome, (state, sequencer), etag = CASES[name]
    before = dict(record.attribute_values) if record else None
    decision = decide.decide(trigger, record, s3_object, limits)
    assert decision.outcome == outcome
    assert decision.etag_to_delete == etag
    written = decision.record
    assert (written.state if written else None) == state
    assert (written.sequencer if written else None) == (
        None if sequencer is None else number(sequencer)
    )
    # The input stays as it is, since the caller writes the difference.
    assert (dict(record.attribute_values) if record else None) == before


@pytest.mark.parametrize("name", CASES)
def test_a_decision_that_is_carried_out_is_final(name: str) -> None:
    """The same event after its effect changes nothing more, and the object is not read again."""
    trigger, record, s3_object, limits, *_ = CASES[name]
    written = decide.decide(trigger, record, s3_object, limits).record
    if written is not None and isinstance(trigger, ObjectEvent):
        assert not decide.needs_object(trigger, written)
        again = decide.decide(trigger, written, None, limits)
        assert (again.outcome, again.record) == ("unchanged", None)


@pytest.mark.parametrize("name", CASES)
def test_only_an_object_that_was_purged_on_purpose_leaves_the_trash(name: str) -> None:
    trigger, record, s3_object, limits, *_ = CASES[name]
    written = decide.decide(trigger, record, s3_object, limits).record
    if record is not None and record.purge_at is not None and written is not None:
        kept = {"trashed": record.purge_at, "deleted": record.purge_at}
        assert written.purge_at == kept.get(written.state)
        assert written.state != "stored" or record.deletion_requested_at is not None
        assert states.is_being_purged(written) <= (record.deletion_requested_at is not None)


@pytest.mark.parametrize(
    ("decision", "limit"),
    [
        (decide.decide(created(5), None, FILE, quota(30, 5)), 30),
        (decide.decide(created(5), stored(4), OTHER, quota(30, 5)), 30),
        (decide.decide(created(5), None, FILE, LIMITS), None),
        (decide.decide(created(5), stored(4), FILE, quota(1, 99)), None),
        (decide.decide(Check(ID), None, FILE, quota(30, 5)), 30),
        (decide.decide(Check(ID), deleted(4), FILE, quota(1, 99)), None),
    ],
    ids=["new", "grows", "no quota", "same", "check", "restored"],
)
def test_the_write_depends_on_the_quota_only_if_the_file_takes_room(
    decision: Decision, limit: int | None
) -> None:
    assert decision.limit == limit


@pytest.mark.parametrize(
    ("trigger", "record", "s3_object", "owner"),
    [
        (created(5), None, FILE, OWNER),
        (created(5), stored(4), OTHER, OWNER),
        (created(5), stored(4), FILE, None),
        (created(5), trashed(4), OTHER, OWNER),
        (created(5), trashed(4), FILE, None),
        (Check(ID), trashed(4), OTHER, None),
        (created(5), None, None, None),
        (created(5), None, FOREIGN, None),
        (removed(5), stored(4), FILE, None),
        (created(5), changed(stored(4), owner="8", uploader=OWNER), OTHER, "8"),
        (Check(ID), None, FILE, OWNER),
        (Check(OLD_ID), None, FILE, None),
        (Check(ID), stored(4), OTHER, None),
    ],
)
def test_whose_quota_is_read(
    trigger: Trigger, record: StoredFile | None, s3_object: StoredObject | None, owner: str | None
) -> None:
    assert decide.quota_owner(trigger, record, s3_object) == owner


@pytest.mark.parametrize(
    ("trigger", "record", "content_type", "needed"),
    [
        (created(5), None, "image/png", True),
        (created(5), None, "text/plain", False),
        (created(5), stored(4, replace(FILE, content_type="image/png")), "image/png", False),
        (removed(5), None, "image/png", False),
        (Check(ID), None, "image/png", True),
        (Check(ID), stored(4), "image/png", False),
        (Check(ID), rejected(4), "image/png", True),
    ],
)
def test_when_the_content_is_read(
    trigger: Trigger, record: StoredFile | None, content_type: str, needed: bool
) -> None:
    s3_object = replace(FILE, content_type=content_type)
    assert decide.needs_content(trigger, record, s3_object, RULES) is needed
    assert not decide.needs_content(trigger, record, replace(s3_object, size=101), RULES) or (
        record is not None and not needed
    )


def test_an_object_is_recent_for_a_day() -> None:
    assert decide.is_recent(ID)
    assert not decide.is_recent(OLD_ID)
    assert timedelta(days=1) == decide.DELETABLE_FOR
