"""What the page lists: the parameters of its address, and the first page of that list.

The page's scripts read the same parameters in the same way (static/uploads/page/files/place.js).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast, get_args
from urllib.parse import urlencode

from uploads.core import folders, type_lists
from uploads.core.errors import FolderNotFound, InvalidRequest
from uploads.files import browse, folder_actions, queries
from uploads.files.browse import Sort
from uploads.files.folder_items import FolderInfo
from uploads.files.record import FileInfo, State

View = Literal["files", "scanning", "trash", "rejected"]
_STATES: dict[View, State] = {
    "files": "stored", "scanning": "scanning", "trash": "trashed", "rejected": "rejected",
}  # fmt: skip
_NEWEST_FIRST: Sort = "-date"


@dataclass(frozen=True)
class Place:
    """What is listed. "" and None: everything. `folder` is a path as it was asked for."""

    view: View = "files"
    folder: str = ""
    q: str = ""
    sort: Sort = _NEWEST_FIRST
    kind: type_lists.Kind | None = None

    @property
    def is_folder(self) -> bool:
        """Whether it is exactly one folder, not a list of files of several."""
        return self.view == "files" and not self.q

    def address(self, *, cursor: str | None = None) -> str:
        """The query of its address, and of its page at a cursor."""
        parameters = {
            "view": "" if self.view == "files" else self.view,
            "folder": self.folder,
            "q": self.q,
            "sort": "" if self.sort == _NEWEST_FIRST else self.sort,
            "type": self.kind or "",
            "cursor": cursor or "",
        }
        return urlencode({name: value for name, value in parameters.items() if value}, safe="/")


def parse(query: Mapping[str, str]) -> Place:
    """What an address shows. Unknown views, orders and type groups are left out."""
    view = query.get("view", "")
    sort = query.get("sort", "")
    kind = query.get("type", "")
    known_view = cast("View", view) if view in get_args(View) else "files"
    return Place(
        known_view,
        query.get("folder", "") if known_view == "files" else "",
        # Not trimmed: spaces are part of names.
        query.get("q", ""),
        sort if sort in browse.SORTS else _NEWEST_FIRST,
        kind if kind in type_lists.KINDS else None,
    )


@dataclass(frozen=True)
class Contents:
    """A page of a list. `folder` is None if the list is of several folders.

    `examined` is the number of files that were compared with a search or a filter, or None.
    """

    folder: FolderInfo | None = None
    folders: list[FolderInfo] = field(default_factory=list)
    files: list[FileInfo] = field(default_factory=list)
    next_cursor: str | None = None
    examined: int | None = None


def contents(owner: str, place: Place, *, limit: int, cursor: str | None = None) -> Contents:
    """A page of what an owner has at a place; the first one if the cursor is invalid.

    Raises FolderNotFound, also for a path that no folder can have, and BackendUnavailable.
    """
    try:
        folder = folders.check_folder(place.folder)
    except InvalidRequest as exc:
        raise FolderNotFound from exc
    checked = replace(place, folder=folder)
    try:
        return _contents(owner, checked, limit, cursor)
    except InvalidRequest:
        return _contents(owner, checked, limit, None)


def _contents(owner: str, place: Place, limit: int, cursor: str | None) -> Contents:
    if not place.is_folder:
        page = queries.files_of(
            owner,
            limit=limit,
            cursor=cursor,
            search=place.q,
            folder=place.folder,
            kind=place.kind,
            state=_STATES[place.view],
        )
        return Contents(files=page.files, next_cursor=page.next_cursor, examined=page.examined)
    info = folder_actions.info(owner, place.folder)
    inside = browse.contents(
        owner, place.folder, limit=limit, cursor=cursor, sort=place.sort, kind=place.kind
    )
    return Contents(info, inside.folders, inside.files, inside.next_cursor, inside.examined)
