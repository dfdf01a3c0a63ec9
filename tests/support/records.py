"""Change records behind the store's back, as no code of the app may."""

from __future__ import annotations

from pynamodb.expressions.update import Action

from uploads.aws.dynamodb import TableModel
from uploads.files.record import StoredFile


def tamper(upload_id: str, *actions: Action) -> None:
    """Change attributes of a record; the counters stay as they are."""
    TableModel.update(StoredFile(upload_id), list(actions), add_version_condition=False)


def erase(upload_id: str) -> None:
    """Delete a record; the counters stay as they are."""
    TableModel.delete(StoredFile(upload_id), add_version_condition=False)
