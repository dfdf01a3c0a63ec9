"""The history of a file, in order (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from uploads.core.reasons import NO_REASON, Reason
from uploads.files.record import FileInfo

What = Literal[
    "signed", "notified", "confirmed", "rejected", "scanned", "owner_changed", "renamed", "moved",
    "downloads", "download",
    "trashed", "expired", "restored", "deletion_requested", "purge_started", "removed",
]  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One entry of the history. `by` is an owner string or ""."""

    at: datetime
    what: What
    by: str = ""
    #: A new owner, the name or folder before a change, or a number of earlier downloads.
    detail: str = ""
    reason: Reason = NO_REASON


def timeline(info: FileInfo) -> list[Entry]:
    """The history in the record, oldest first. Its length is bounded."""
    entries = [Entry(info.created_at, "signed", info.uploader or info.owner)]
    if info.notified_at:
        entries.append(Entry(info.notified_at, "notified"))
    is_refused = info.state in {"rejected", "quarantined"}
    is_held = info.malware == "pending" or (is_refused and info.scanned_at is not None)
    if info.confirmed_at and not is_held:
        rejected = info.state == "rejected"
        entries.append(
            Entry(
                info.confirmed_at,
                "rejected" if rejected else "confirmed",
                reason=info.reason if rejected else NO_REASON,
            )
        )
    if info.scanned_at:
        reason = info.reason if is_refused else info.scan_note
        entries.append(Entry(info.scanned_at, "scanned", reason=reason))
    if info.owner_changed_at:
        entries.append(
            Entry(info.owner_changed_at, "owner_changed", info.owner_changed_by, detail=info.owner)
        )
    if info.renamed_at:
        entries.append(Entry(info.renamed_at, "renamed", info.renamed_by, detail=info.renamed_from))
    if info.moved_at:
        entries.append(Entry(info.moved_at, "moved", info.moved_by, detail=info.moved_from))
    earlier = info.downloads - len(info.last_downloads)
    if earlier > 0:
        entries.append(Entry(info.last_downloads[0].at, "downloads", detail=str(earlier)))
    entries += [Entry(download.at, "download", download.by) for download in info.last_downloads]
    if info.trashed_at:
        # Nobody has moved it: the time for which its destination keeps files was over.
        what: What = "trashed" if info.trashed_by else "expired"
        entries.append(Entry(info.trashed_at, what, info.trashed_by))
    if info.restored_at:
        entries.append(Entry(info.restored_at, "restored", info.restored_by))
    if info.deletion_requested_at:
        by = info.deletion_requested_by
        # Nobody has requested it: its time in the trash had expired.
        entries.append(
            Entry(info.deletion_requested_at, "deletion_requested" if by else "purge_started", by)
        )
    if info.removed_at:
        entries.append(Entry(info.removed_at, "removed", reason=info.reason))
    # The sort is stable: simultaneous entries keep their logical order.
    return sorted(entries, key=lambda entry: entry.at)
