"""The Django signals of files (docs/webhooks.md). Connect receivers in the `ready` of an app.

Receivers are called by workers, at least once, after the record is durable. Each gets `event`, an
`uploads.files.file_events.FileEvent`; the sender is that class. One that raises is called again
later, and does not keep the others from being called.
"""

from __future__ import annotations

from django.dispatch import Signal

file_stored = Signal()
file_rejected = Signal()
file_deleted = Signal()
file_renamed = Signal()

#: The type of an event -> its signal.
BY_TYPE = {
    "file.stored": file_stored,
    "file.rejected": file_rejected,
    "file.deleted": file_deleted,
    "file.renamed": file_renamed,
}
