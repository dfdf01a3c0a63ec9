"""What is decided about a verdict on malware: a table of record, verdict and policy (pure)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.ingest.test_decide import (
    FILE,
    ID,
    OTHER,
    RULES,
    created,
    number,
    rejected,
    removed,
    stored,
)  # fmt: skip
from uploads.core.policy import ScanPolicy
from uploads.core.reasons import NO_REASON, load
from uploads.files import counting, file_events, states
from uploads.files.record import Change, StoredFile, changed
from uploads.ingest import decide, records
from uploads.ingest.decide import Check, Limits
from uploads.scanning import verdict as verdicts
from uploads.scanning.verdict import Verdict
from uploads.thumbnails import eligible

NOW = datetime.now(UTC)
POLICY = ScanPolicy(is_on=True)
SCANNED = Limits(replace(RULES, scan=POLICY))
DELETES = Limits(replace(RULES, scan=replace(POLICY, infected="delete")))
RELEASES = Limits(replace(RULES, scan=replace(POLICY, unknown="release")))
REJECTS = Limits(replace(RULES, scan=replace(POLICY, unknown="reject")))


def verdict(kind: verdicts.Kind, *, minutes: int = 1, etag: str = FILE.etag) -> Verdict:
    reasons = {
        "clean": NO_REASON, "infected": verdicts.infected("Eicar"), "unknown": verdicts.TOO_LARGE,
    }  # fmt: skip
    at = NOW + timedelta(minutes=minutes)
    return Verdict(ID, etag, kind, at, "ClamAV 1", reasons[kind])


def scanning() -> StoredFile:
    record = decide.decide(created(5), None, FILE, SCANNED).record
    assert record is not None
    return record


def after(record: StoredFile, *triggers: Any, limits: Limits = SCANNED) -> StoredFile:
    """The record after these verdicts, one after the other."""
    for trigger in triggers:
        record = decide.decide(trigger, record, None, limits).record or record
    return record


def trashed(record: StoredFile) -> StoredFile:
    return states.trashed(record, by="7", now=NOW, keep_for=timedelta(days=30))


def asked(record: StoredFile, minutes: int) -> StoredFile:
    """The record of a file in quarantine that an operator has checked again."""
    target = changed(
        record, malware="pending", reason=None, scan_requested_at=NOW + timedelta(minutes=minutes)
    )
    return states.in_state(target, states.kept_state(target))


CLEAN, INFECTED, UNKNOWN = verdict("clean"), verdict("infected"), verdict("unknown")
LATER_INFECTED = verdict("infected", minutes=2)
#: name -> record, verdict, limits; the state and what is known then (None: nothing changes), and
#: whether the object is deleted
CASES: dict[
    str, tuple[StoredFile | None, Verdict, Limits, tuple[str, str | None] | None, bool]
] = {
    "clean": (scanning(), CLEAN, SCANNED, ("stored", "clean"), False),
    "infected": (scanning(), INFECTED, SCANNED, ("quarantined", "infected"), False),
    "infected, delete": (scanning(), INFECTED, DELETES, ("rejected", "infected"), True),
    "unknown, hold": (scanning(), UNKNOWN, SCANNED, ("quarantined", "unknown"), False),
    "unknown, release": (scanning(), UNKNOWN, RELEASES, ("stored", "unchecked"), False),
    "unknown, reject": (scanning(), UNKNOWN, REJECTS, ("rejected", "unknown"), True),
    "no record": (None, INFECTED, SCANNED, None, False),
    "of another object": (scanning(), verdict("clean", etag="x"), SCANNED, None, False),
    "of another object, infected": (
        scanning(), verdict("infected", etag="x"), DELETES, None, False,
    ),
    "deleted": (records.tombstone(scanning()), CLEAN, SCANNED, None, False),
    # The object may not have been deleted yet.
    "rejected": (after(scanning(), INFECTED, limits=DELETES), CLEAN, SCANNED, None, True),
    "rejected by another rule": (changed(rejected(5), etag=FILE.etag), CLEAN, SCANNED, None, False),
    "clean, twice": (after(scanning(), CLEAN), CLEAN, SCANNED, None, False),
    "infected, twice": (after(scanning(), INFECTED), INFECTED, SCANNED, None, False),
    "clean, then infected by the same check": (
        after(scanning(), CLEAN), INFECTED, SCANNED, None, False,
    ),
    "clean, later infected": (
        after(scanning(), CLEAN), LATER_INFECTED, SCANNED, ("quarantined", "infected"), False,
    ),
    "infected, later clean": (
        after(scanning(), INFECTED), verdict("clean", minutes=2), SCANNED, None, False,
    ),
    "held, later clean": (
        after(scanning(), UNKNOWN), verdict("clean", minutes=2), SCANNED, None, False,
    ),
    "held, later infected": (
        after(scanning(), UNKNOWN), LATER_INFECTED, SCANNED, ("quarantined", "infected"), False,
    ),
    "clean, later unknown": (
        after(scanning(), CLEAN), verdict("unknown", minutes=2), REJECTS, None, False,
    ),
    "clean, later clean": (
        after(scanning(), CLEAN), verdict("clean", minutes=2), SCANNED, ("stored", "clean"), False,
    ),
    "unchecked, later infected": (
        after(scanning(), UNKNOWN, limits=RELEASES), LATER_INFECTED, SCANNED,
        ("quarantined", "infected"), False,
    ),
    "stored before there were checks, infected": (
        stored(5), INFECTED, SCANNED, ("quarantined", "infected"), False,
    ),
    "in the trash, infected": (
        trashed(stored(5)), INFECTED, SCANNED, ("quarantined", "infected"), False,
    ),
    "being purged": (
        states.purging(trashed(stored(5)), by=None, now=NOW), INFECTED, SCANNED, None, False,
    ),
    "checked again, from before": (
        asked(after(scanning(), INFECTED), 3), verdict("clean", minutes=2), SCANNED, None, False,
    ),
    "checked again, clean": (
        asked(after(scanning(), INFECTED), 3), verdict("clean", minutes=4), SCANNED,
        ("stored", "clean"), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_verdict(name: str) -> None:
    record, trigger, limits, expected, deletes = CASES[name]
    decision = decide.decide(trigger, record, None, limits)
    written = decision.record
    assert (written and (written.state, written.malware)) == expected
    assert decision.etag_to_delete == (FILE.etag if deletes else None)
    if written is None:
        assert decision.outcome == "unchanged"
        return
    assert decision.outcome == written.state
    # Only the trash has files that are purged by themselves.
    assert (written.purge_at is not None) is (written.state == "trashed")
    assert bool(load(written.reason or "")) is (written.state in {"quarantined", "rejected"})
    # It changes nothing when it comes again.
    assert decide.decide(trigger, written, None, limits).record is None
    assert not decide.needs_object(trigger, record)


def test_verdicts_of_one_check_have_the_same_effect_in_any_order() -> None:
    """Duplicates, late ones, and one about an object that was replaced."""
    given = [INFECTED, verdict("clean", etag="x"), INFECTED, verdict("unknown", minutes=0)]
    results = set()
    for order in permutations(given[:3]):
        record = after(scanning(), *order)
        results.add((record.state, record.malware))
    assert results == {("quarantined", "infected")}


@pytest.mark.parametrize(
    ("before", "expected"),
    [(scanning(), "scanning"), (after(scanning(), CLEAN), "stored"),
     (after(scanning(), INFECTED), "quarantined"), (after(scanning(), UNKNOWN), "quarantined"),
     (stored(5), "stored"), (records.tombstone(scanning()), "scanning"),
     (records.tombstone(after(scanning(), INFECTED)), "quarantined")],
    ids=["scanning", "clean", "infected", "held", "unchecked", "mistaken", "mistaken, infected"],
)  # fmt: skip
def test_events_and_checks_of_the_same_object_do_not_make_it_available(
    before: StoredFile, expected: str
) -> None:
    for trigger in (created(9), Check(ID)):
        written = decide.decide(trigger, before, FILE, SCANNED).record
        assert written is not None
        assert written.state == expected
        assert (written.reason or "") == (before.reason or "" if expected == "quarantined" else "")


@pytest.mark.parametrize(
    "before",
    [scanning(), after(scanning(), CLEAN), after(scanning(), INFECTED), stored(5)],
    ids=["scanning", "clean", "infected", "unchecked"],
)
def test_another_object_is_checked_for_itself(before: StoredFile) -> None:
    for trigger in (created(9), Check(ID)):
        written = decide.decide(trigger, before, OTHER, SCANNED).record
        assert written is not None
        assert (written.state, written.malware, written.reason) == ("scanning", "pending", None)


def test_another_object_in_the_trash_is_checked_before_it_can_be_restored() -> None:
    written = decide.decide(created(9), trashed(stored(5)), OTHER, SCANNED).record
    assert written is not None
    assert (written.state, written.malware) == ("trashed", "pending")
    assert eligible.kind_of(changed(written, content_type="image/png")) is None
    assert states.restored(written, by="7", now=NOW).state == "scanning"
    clean = after(written, verdict("clean", etag=OTHER.etag))
    assert (clean.state, states.restored(clean, by="7", now=NOW).state) == ("trashed", "stored")


def test_a_removal_wins_over_a_verdict() -> None:
    gone = decide.decide(removed(6), scanning(), None, SCANNED).record
    assert gone is not None
    assert after(gone, CLEAN).state == "deleted"
    assert gone.sequencer == number(6)


def test_without_checks_nothing_waits() -> None:
    written = decide.decide(created(5), None, FILE, Limits(RULES)).record
    assert written is not None
    assert (written.state, written.malware) == ("stored", None)


STATES = {
    "scanning": scanning(),
    "stored": after(scanning(), CLEAN),
    "quarantined": after(scanning(), INFECTED),
    "rejected": after(scanning(), INFECTED, limits=DELETES),
}


@pytest.mark.parametrize(
    ("before", "state", "event", "arrivals"),
    [(None, "scanning", None, 1), ("scanning", "stored", "file.stored", 0),
     ("scanning", "quarantined", "file.rejected", 0),
     ("scanning", "rejected", "file.rejected", 1), ("stored", "quarantined", "file.rejected", 0),
     ("quarantined", "scanning", None, 0), ("quarantined", "stored", "file.stored", 0)],
)  # fmt: skip
def test_what_others_are_told_and_what_is_counted(
    before: str | None, state: str, event: str | None, arrivals: int
) -> None:
    """A file counts once as arrived, and takes room until its object is gone."""
    change = Change(STATES[before] if before else None, STATES[state])
    told = file_events.event_of(change, "evt", NOW)
    assert (told.type if told else None) == event
    assert _days(change) == int(bool(arrivals) or before == "scanning")
    # Without the verdict, which is counted by day too.
    known = change.before and changed(change.before, scanned_at=change.after.scanned_at)
    assert _days(Change(known, change.after)) == arrivals
    takes_room = state in {"scanning", "stored", "quarantined"}
    assert counting._names(STATES[state]) == (
        counting._names(STATES["stored"]) if takes_room else ()
    )


@pytest.mark.parametrize("state", ["scanning", "quarantined", "rejected"])
def test_only_checked_files_have_thumbnails_and_places(state: str) -> None:
    record = changed(STATES[state], content_type="image/png")
    assert eligible.kind_of(record) is None
    assert eligible.is_gone(record)
    assert (record.folder_feed, record.name_key, record.kept_shard) == (None, None, None)
    assert eligible.kind_of(changed(STATES["stored"], content_type="image/png")) is not None


def _days(change: Change) -> int:
    names = [str(adjustment.counter.id) for adjustment in counting.adjustments([change])]
    return sum(name.startswith("day#") for name in names)
