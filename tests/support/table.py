"""What is in the table."""

from __future__ import annotations

from uploads.files import folder_items


def folder_totals(owner: str) -> dict[str, tuple[int, int, int]]:
    """An owner's folders: path -> files, bytes and folders directly inside."""
    return {
        str(item.folder): (int(item.files), int(item.bytes), int(item.folders))
        for item in folder_items.scan()
        if item.owner == owner
    }
