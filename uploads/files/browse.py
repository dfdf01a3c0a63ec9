"""List what is in one folder, by date or by name, with one Query per page.

A folder's files and its subfolders are in the same partition of two indexes. Sorted by date,
newest first, or by name from A to Z, subfolders come first; in the opposite order they come last.
A cursor is the position of an entry. It stays valid whatever is added, moved or removed.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex

from uploads.aws.dynamodb import Table, table_errors
from uploads.core import keys, type_lists
from uploads.core.errors import InvalidRequest
from uploads.core.names import sort_key
from uploads.core.strict_json import parse_json
from uploads.files import folder_items
from uploads.files.folder_items import FolderInfo
from uploads.files.listing import MAX_EXAMINED, MAX_SECONDS
from uploads.files.record import FileInfo, FolderFeed, FolderNames, StoredFile, info_of
from uploads.files.states import folder_feed

Sort = Literal["-date", "date", "name", "-name"]
SORTS: tuple[Sort, ...] = get_args(Sort)

#: Entries per request while they are filtered: about 100 KB.
_PAGE_SIZE = 400
#: DynamoDB's limit for a sort key, in bytes.
_MAX_KEY = 1024
#: Keys of files are above these, or below: see uploads.files.folder_items.
_FIRST_NAME = " "


class _ByDate(GlobalSecondaryIndex["_Entry"]):
    class Meta:
        index_name = FolderFeed.Meta.index_name
        projection = FolderFeed.Meta.projection

    folder_feed = UnicodeAttribute(hash_key=True, attr_name="folderFeed")
    id = UnicodeAttribute(range_key=True)


class _ByName(GlobalSecondaryIndex["_Entry"]):
    class Meta:
        index_name = FolderNames.Meta.index_name
        projection = FolderNames.Meta.projection

    folder_feed = UnicodeAttribute(hash_key=True, attr_name="folderFeed")
    name_key = UnicodeAttribute(range_key=True, attr_name="nameKey")


class _Entry(StoredFile):
    """A file or a subfolder, as these indexes have it. Only for reading."""

    class Meta(Table):
        pass

    files = NumberAttribute(default=0)
    bytes = NumberAttribute(default=0)

    by_date = _ByDate()
    by_name = _ByName()

    @property
    def is_folder(self) -> bool:
        return str(self.id).startswith(folder_items.PREFIX)


@dataclass(frozen=True)
class FolderPage:
    """Part of a folder, in the requested order, and the cursor of the next page (None: the end).

    `examined` is the number of entries that were compared with a filter, or None without one. With
    a filter, a page may be short or even empty and still have a next page.
    """

    files: list[FileInfo] = field(default_factory=list)
    folders: list[FolderInfo] = field(default_factory=list)
    next_cursor: str | None = None
    examined: int | None = None


def contents(
    owner: str,
    folder: str,
    *,
    limit: int,
    sort: Sort = "-date",
    cursor: str | None = None,
    kind: type_lists.Kind | None = None,
    only_files: bool = False,
) -> FolderPage:
    """A page of what is directly in a folder; empty for one that does not exist.

    With `kind`, only files of this type group. Raises InvalidRequest for an invalid cursor, and
    BackendUnavailable.
    """
    by_name = sort.endswith("name")
    feed = folder_feed(owner, folder)
    position = _decode(cursor, by_name=by_name) if cursor else None
    query = (_Entry.by_name if by_name else _Entry.by_date).query(
        feed,
        _files_only(by_name=by_name) if only_files or kind else None,
        scan_index_forward=not sort.startswith("-"),
        last_evaluated_key=_start_key(feed, position) if position else None,
        page_size=_PAGE_SIZE if kind else limit + 1,
    )
    with table_errors():
        return _page(query, limit, kind, by_name=by_name)


def find_named(owner: str, folder: str, name: str) -> FileInfo | None:
    """The newest stored file with exactly this name directly in a folder. One Query.

    It reads an index, so a file of the last second may be missing. Of the files whose names differ
    in case and accents only, it reads at most MAX_EXAMINED. Raises BackendUnavailable.
    """
    if not name:
        return None
    query = _Entry.by_name.query(
        folder_feed(owner, folder), _Entry.name_key == sort_key(name), limit=MAX_EXAMINED
    )
    with table_errors():
        found = [entry for entry in query if entry.file_name == name]
    return info_of(max(found, key=lambda entry: str(entry.id))) if found else None


def _page(
    entries: Iterable[_Entry], limit: int, kind: type_lists.Kind | None, *, by_name: bool
) -> FolderPage:
    page: list[_Entry] = []
    deadline, examined, position = time.monotonic() + MAX_SECONDS, 0, None
    for entry in entries:
        if kind is None or info_of(entry).kind == kind:
            if len(page) == limit:
                position = page[-1]
                break
            page.append(entry)
        examined += 1
        if kind and (examined == MAX_EXAMINED or time.monotonic() > deadline):
            position = entry
            break
    return FolderPage(
        [info_of(entry) for entry in page if not entry.is_folder],
        [_folder(entry) for entry in page if entry.is_folder],
        _encode(position, by_name=by_name) if position else None,
        examined if kind else None,
    )


def _folder(entry: _Entry) -> FolderInfo:
    return FolderInfo(str(entry.folder), int(entry.files), int(entry.bytes))


def _files_only(*, by_name: bool) -> Condition:
    condition: Condition = (
        _Entry.name_key >= _FIRST_NAME if by_name else _Entry.id < folder_items.PREFIX
    )
    return condition


@dataclass(frozen=True)
class _Position:
    """The keys of an entry. `name_key` is "" in a list by date."""

    id: str
    name_key: str = ""


def _start_key(feed: str, position: _Position) -> dict[str, Any]:
    """Where a Query continues, as DynamoDB's API takes it."""
    key = {"folderFeed": {"S": feed}, "id": {"S": position.id}}
    return {**key, "nameKey": {"S": position.name_key}} if position.name_key else key


def _encode(entry: _Entry, *, by_name: bool) -> str:
    position = [entry.id, entry.name_key] if by_name else [entry.id]
    return urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def _decode(cursor: str, *, by_name: bool) -> _Position:
    """The position in a cursor of a list with this order. Raises InvalidRequest."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = parse_json(urlsafe_b64decode(padded.encode("ascii")))
    except ValueError:
        position = None
    is_valid = (
        isinstance(position, list)
        and len(position) == (2 if by_name else 1)
        and all(isinstance(part, str) and 0 < len(part.encode()) <= _MAX_KEY for part in position)
        and (keys.parse_upload_id(position[0]) or position[0].startswith(folder_items.PREFIX))
    )
    if not is_valid:
        raise InvalidRequest("The cursor is invalid.", code="invalid_cursor")
    return _Position(*position)
