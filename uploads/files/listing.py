"""List files, newest first, page by page, through the indexes. Never a scan.

Every query returns files in the same order: by id, and so by time. A cursor is the id of a listed
file. It stays valid when files are added or removed, and when another index serves the next page.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from uploads.aws.dynamodb import table_errors
from uploads.core import keys, type_lists
from uploads.core.errors import InvalidRequest
from uploads.core.folders import is_within
from uploads.core.names import search_key
from uploads.files import states
from uploads.files.record import FileInfo, State, StoredFile, info_of

#: The maximum number of files with one exact name that are read from its index.
MAX_NAME_MATCHES = 500
#: What one page examines at most if no index matches the filter exactly: files, and seconds.
MAX_EXAMINED = 2_000
MAX_SECONDS = 2.0

#: The maximum length of a name in bytes: DynamoDB's limit for a key.
MAX_NAME = 1024

_LOWEST = str(UUID(int=0))
_HIGHEST = str(UUID(int=2**128 - 1))


@dataclass(frozen=True)
class FileFilter:
    """Which files to list. "" and None match every file.

    `since` (inclusive) and `until` (exclusive) limit the time of signing. `name` is part of a name,
    whatever the case and the accents; `exact_name` is a complete name. `folder` has the files in
    this folder and in those inside. `tag` is one of a file's tags.
    """

    state: State = "stored"
    owner: str = ""
    kind: type_lists.Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""
    exact_name: str = ""
    folder: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Page:
    """Files, newest first, and the cursors of the older and newer pages (None: there is none).

    The files have only what the indexes have (`uploads.files.record`); the history, the reason and
    other attributes are unset. Read a single file for these.

    `examined` is the number of files that were examined, or None if an index matches the filter
    exactly. With a number, a page may be short or even empty and still have a next page.
    """

    files: list[FileInfo]
    next_cursor: str | None
    previous_cursor: str | None = None
    examined: int | None = None


@dataclass(frozen=True)
class _Window:
    """Ids from `low` to `high`, inclusive; read in ascending order when paging back."""

    low: str
    high: str
    upwards: bool

    def __contains__(self, upload_id: str) -> bool:
        return self.low <= upload_id <= self.high


@dataclass(frozen=True)
class _Results:
    """Files in reading order, and the id after which to continue (None: the end)."""

    files: list[FileInfo]
    more_after: str | None
    examined: int | None = None


def find(
    criteria: FileFilter, *, limit: int, cursor: str | None = None, backwards: bool = False
) -> Page:
    """A page of matching files: those older than the cursor, or newer if `backwards`.

    Raises InvalidRequest for an invalid cursor, and BackendUnavailable.
    """
    position = _cursor(cursor)
    if position is None:
        results = _read(criteria, _window(criteria), limit)
        return Page(results.files, results.more_after, None, results.examined)
    if not backwards:
        results = _read(criteria, _window(criteria, before=position), limit)
        newer = results.files[0].id if results.files else _offset(position, -1)
        return Page(results.files, results.more_after, newer, results.examined)
    results = _read(criteria, _window(criteria, after=position), limit)
    older = results.files[0].id if results.files else _offset(position, 1)
    return Page(results.files[::-1], older, results.more_after, results.examined)


def _cursor(text: str | None) -> str | None:
    if not text:
        return None
    parsed = keys.parse_upload_id(text)
    if parsed is None:
        raise InvalidRequest("The cursor is invalid.", code="invalid_cursor")
    return parsed


def _offset(upload_id: str, by: int) -> str:
    """The id that is `by` steps after this one."""
    return str(UUID(int=min(max(UUID(upload_id).int + by, 0), 2**128 - 1)))


def _window(
    criteria: FileFilter, *, before: str | None = None, after: str | None = None
) -> _Window:
    low = keys.first_id_at(criteria.since) if criteria.since else _LOWEST
    high = _offset(keys.first_id_at(criteria.until), -1) if criteria.until else _HIGHEST
    if after is not None:
        low = max(low, _offset(after, 1))
    if before is not None:
        high = min(high, _offset(before, -1))
    return _Window(low, high, upwards=after is not None)


def _read(criteria: FileFilter, window: _Window, limit: int) -> _Results:
    # No name is this long, and DynamoDB rejects the comparison.
    if window.low > window.high or len(criteria.exact_name.encode()) > MAX_NAME:
        return _Results([], None)
    # No feed has an owner's deleted files alone.
    by_owner = _owner_feed(criteria) is not None
    with table_errors():
        # Only the feed knows when and whether a file is purged, and why one was rejected.
        if criteria.exact_name and (criteria.state == "stored" or not by_owner):
            exact = _with_exact_name(criteria)
            if exact is not None:
                return _first_page([info for info in exact if info.id in window], limit, window)
        if not _needs_examination(criteria) and (by_owner or not criteria.owner):
            # A shard has about a sixteenth of the page; with twice that, a second call is rare.
            page_size = limit + 1 if by_owner else max(limit // len(keys.SHARDS) * 2, 8)
            feed = _feed(criteria, window, page_size, by_owner=by_owner)
            return _first_page(list(islice(feed, limit + 1)), limit, window)
        # Large enough that rare matches take few calls, but no larger than what is examined.
        page_size = min(max(limit, 64), max(MAX_EXAMINED // len(keys.SHARDS), 1)) * (
            4 if by_owner else 1
        )
        return _filter(_feed(criteria, window, page_size, by_owner=by_owner), criteria, limit)


def _needs_examination(criteria: FileFilter) -> bool:
    """Whether each file of a feed has to be compared with the filter."""
    by_text = criteria.name or criteria.exact_name or criteria.folder or criteria.tag
    return bool(by_text) or criteria.kind is not None


def _first_page(files: list[FileInfo], limit: int, window: _Window) -> _Results:
    """Sort the files and keep one page; `more_after` says whether there are more."""
    files.sort(key=lambda info: info.id, reverse=not window.upwards)
    page = files[:limit]
    return _Results(page, page[-1].id if len(files) > limit else None)


def _filter(feed: Iterator[FileInfo], criteria: FileFilter, limit: int) -> _Results:
    """Examine files for a limited time, and at most MAX_EXAMINED; return those that match."""
    matches: list[FileInfo] = []
    term, deadline = search_key(criteria.name), time.monotonic() + MAX_SECONDS
    examined, last = 0, ""
    for info in feed:
        if _matches(info, criteria, term):
            if len(matches) == limit:
                return _Results(matches, matches[-1].id, examined)
            matches.append(info)
        examined, last = examined + 1, info.id
        if examined == MAX_EXAMINED or time.monotonic() > deadline:
            return _Results(matches, last, examined)
    return _Results(matches, None, examined)


def _matches(info: FileInfo, criteria: FileFilter, term: str) -> bool:
    """Whether a file matches; `term` is the search key of the name."""
    return (
        _is_in_state(info.state, criteria.state)
        and (not criteria.owner or info.owner == criteria.owner)
        and (criteria.kind is None or info.kind == criteria.kind)
        and criteria.exact_name in ("", info.file_name)
        and is_within(info.folder, criteria.folder)
        and (not criteria.tag or criteria.tag in info.tags)
        and (not term or term in search_key(info.file_name))
    )


def _is_in_state(state: State, wanted: State) -> bool:
    """Whether a list of files of one state has one. An owner's rejected files are in two."""
    return state == wanted or (wanted == "rejected" and state == "quarantined")


def _with_exact_name(criteria: FileFilter) -> list[FileInfo] | None:
    """All files with exactly this name, or None if too many files of all users have it.

    The index has the files of all owners, in every state, so that its pages may have few matches.
    """
    query = StoredFile.file_name_index.query(
        criteria.exact_name, limit=MAX_NAME_MATCHES + 1, page_size=MAX_NAME_MATCHES + 1
    )
    files = [info_of(record) for record in query]
    if len(files) > MAX_NAME_MATCHES:
        return None
    return [info for info in files if _matches(info, criteria, search_key(criteria.name))]


def _feed(
    criteria: FileFilter, window: _Window, page_size: int, *, by_owner: bool
) -> Iterator[FileInfo]:
    """The files of a feed within the window, in its direction. The 16 shards are merged."""
    in_window = StoredFile.id.between(window.low, window.high)
    index, names = (
        (StoredFile.by_owner, [_owner_feed(criteria)])
        if by_owner
        else (StoredFile.by_state, _feeds(criteria.state))
    )
    shards = [
        index.query(name, in_window, scan_index_forward=window.upwards, page_size=page_size)
        for name in names
    ]
    merged = heapq.merge(*shards, key=lambda record: record.id, reverse=not window.upwards)
    return map(info_of, merged)


def _owner_feed(criteria: FileFilter) -> str | None:
    """The owner's feed that has the files, and no others, if there is one."""
    if criteria.state == "quarantined":
        return None
    return states.owner_feed(criteria.owner or None, criteria.state)


def _feeds(state: State) -> list[str]:
    return [f"{state}#{shard}" for shard in keys.SHARDS]
