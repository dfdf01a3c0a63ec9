"""What a verdict about malware does to a record. Calls no service."""

from __future__ import annotations

from typing import Any

from uploads.core.policy import ScanPolicy
from uploads.core.reasons import dump
from uploads.files.record import KEPT_STATES, Malware, StoredFile, changed
from uploads.files.states import in_state, is_being_purged, kept_state
from uploads.ingest import records
from uploads.scanning.verdict import Verdict


def applied(verdict: Verdict, record: StoredFile | None, policy: ScanPolicy) -> StoredFile | None:
    """The record after a verdict; None if the verdict does not count.

    Safe to repeat, in any order.
    """
    if record is None or not _counts(verdict, record):
        return None
    if verdict.kind == "clean":
        return _kept(record, verdict, "clean")
    must_go = (
        policy.infected == "delete" if verdict.kind == "infected" else (policy.unknown == "reject")
    )
    if must_go:
        rejected = records.rejected(record, verdict.reason)
        return changed(rejected, malware=verdict.kind, **_about(verdict))
    if verdict.kind == "unknown" and policy.unknown == "release":
        return _kept(record, verdict, "unchecked", scan_note=dump(verdict.reason))
    held = changed(
        record,
        malware=verdict.kind,
        reason=dump(verdict.reason),
        # It leaves the trash, which would delete it by itself.
        purge_at=None,
        thumbnail=None,
        **_about(verdict),
    )
    return in_state(held, "quarantined")


def is_rejection(verdict: Verdict, record: StoredFile | None) -> bool:
    """Whether a verdict about this object has rejected it already."""
    return (
        record is not None
        and record.state == "rejected"
        and record.malware in {"infected", "unknown"}
        and record.etag == verdict.etag
    )


def _counts(verdict: Verdict, record: StoredFile) -> bool:
    """Whether a verdict is about this object as it is now, and says something new about it.

    Malware that is found later, with newer signatures, counts unless an operator has decided
    otherwise. Nothing but a new check or an operator makes a file that was infected clean.
    """
    if record.state not in KEPT_STATES or is_being_purged(record) or record.etag != verdict.etag:
        return False
    if record.scan_requested_at is not None and verdict.at < record.scan_requested_at:
        return False
    if record.malware == "pending":
        return True
    if record.scanned_at is not None and verdict.at <= record.scanned_at:
        return False
    if verdict.kind == "unknown":
        return False
    is_open = record.malware in {None, "clean", "unchecked"}
    return is_open or (record.malware == "unknown" and verdict.kind == "infected")


def _kept(
    record: StoredFile, verdict: Verdict, malware: Malware, *, scan_note: str | None = None
) -> StoredFile:
    target = changed(record, malware=malware, reason=None, scan_note=scan_note, **_about(verdict))
    return in_state(target, kept_state(target))


def _about(verdict: Verdict) -> dict[str, Any]:
    return {"scanned_at": verdict.at, "scanner": verdict.scanner or None}
