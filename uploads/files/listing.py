"""Finding files: newest first, by cursor, through the indexes. Never a scan.

Every way of finding gives the same order, by id and thus by time. A cursor is the id of a file that
was seen: it stays good whatever was added or removed since, and if one way gives place to another.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby, islice
from uuid import UUID

from uploads.aws.dynamodb import table_errors
from uploads.core import keys, media_types, policy
from uploads.core.errors import InvalidRequest
from uploads.files.record import FileInfo, State, StoredFile, info_of

#: Matches of a name search that are read from a name index at most.
MAX_NAME_MATCHES = 500
#: Files that one page may look through where no index has just those that are criteria.
MAX_EXAMINED = 2_000

#: Bytes of a name in its searched form: what DynamoDB takes for a sort key.
MAX_PREFIX = 1024

_LOWEST = str(UUID(int=0))
_HIGHEST = str(UUID(int=2**128 - 1))


@dataclass(frozen=True)
class FileFilter:
    """Which files. `since` is the first moment of signing that counts, `until` the first that does
    not any more; `name` is a prefix in any case, `exact_name` a whole name as it is written; ""
    and None stand for all."""

    state: State = "stored"
    owner: str = ""
    kind: media_types.Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    name: str = ""
    exact_name: str = ""


@dataclass(frozen=True)
class Page:
    """Some files, newest first, and the cursors of what is older and newer (None: nothing is).

    `examined` says how many files were looked through, where no index has just those that are
    criteria; such a page may be short, even empty, and yet have a next one.
    """

    files: list[FileInfo]
    next_cursor: str | None
    previous_cursor: str | None = None
    examined: int | None = None


@dataclass(frozen=True)
class _Window:
    """Ids from `low` to `high`, both included; read upwards when paging back."""

    low: str
    high: str
    upwards: bool

    def __contains__(self, upload_id: str) -> bool:
        return self.low <= upload_id <= self.high


@dataclass(frozen=True)
class _Results:
    """Files in the direction of reading, and the id after which reading goes on (None: the end)."""

    files: list[FileInfo]
    more_after: str | None
    examined: int | None = None


def find(
    criteria: FileFilter, *, limit: int, cursor: str | None = None, backwards: bool = False
) -> Page:
    """A page of the criteria files: those older than the cursor, or with `backwards` newer.

    Raises InvalidRequest for a cursor that filehub did not hand out, and BackendUnavailable.
    """
    position = _cursor(cursor)
    if position is None:
        found = _read(criteria, _window(criteria), limit)
        return Page(found.files, found.more_after, None, found.examined)
    if not backwards:
        found = _read(criteria, _window(criteria, before=position), limit)
        newer = found.files[0].id if found.files else _shifted(position, -1)
        return Page(found.files, found.more_after, newer, found.examined)
    found = _read(criteria, _window(criteria, after=position), limit)
    older = found.files[0].id if found.files else _shifted(position, 1)
    return Page(found.files[::-1], older, found.more_after, found.examined)


def _cursor(text: str | None) -> str | None:
    if not text:
        return None
    parsed = keys.parse_upload_id(text)
    if parsed is None:
        raise InvalidRequest("The cursor is not one that filehub gave.", code="invalid_cursor")
    return parsed


def _shifted(upload_id: str, by: int) -> str:
    """The id that comes `by` ids later."""
    return str(UUID(int=min(max(UUID(upload_id).int + by, 0), 2**128 - 1)))


def _window(
    criteria: FileFilter, *, before: str | None = None, after: str | None = None
) -> _Window:
    low = keys.first_id_at(criteria.since) if criteria.since else _LOWEST
    high = _shifted(keys.first_id_at(criteria.until), -1) if criteria.until else _HIGHEST
    if after is not None:
        low = max(low, _shifted(after, 1))
    if before is not None:
        high = min(high, _shifted(before, -1))
    return _Window(low, high, upwards=after is not None)


def _read(criteria: FileFilter, window: _Window, limit: int) -> _Results:
    # No name is so long, and DynamoDB refuses to compare with it.
    longest = max(len(_prefix(criteria).encode()), len(criteria.exact_name.encode()))
    if window.low > window.high or longest > MAX_PREFIX:
        return _Results([], None)
    # Only what is stored has an owner's feed, and a name to search for.
    stored = criteria.state == "stored"
    with table_errors():
        if criteria.exact_name:
            return _with_exact_name(criteria, window, limit)
        if criteria.name and stored:
            named = _with_name_prefix(criteria)
            if named is not None:
                return _first_page([info for info in named if info.id in window], limit, window)
        by_owner = bool(criteria.owner) and stored
        if not criteria.name and criteria.kind is None and (by_owner or not criteria.owner):
            # A shard holds about a sixteenth of the page; twice that rarely needs a second call.
            page_size = limit + 1 if by_owner else max(limit // len(keys.SHARDS) * 2, 8)
            feed = _feed(criteria, window, page_size, by_owner=by_owner)
            return _first_page(list(islice(feed, limit + 1)), limit, window)
        # Large enough that even what is rare takes few calls, and no larger than is looked at.
        page_size = min(max(limit, 64), max(MAX_EXAMINED // len(keys.SHARDS), 1)) * (
            4 if by_owner else 1
        )
        return _filter(_feed(criteria, window, page_size, by_owner=by_owner), criteria, limit)


def _first_page(files: list[FileInfo], limit: int, window: _Window) -> _Results:
    """Cut what may be more than a page down to a page, which tells whether there is more."""
    files.sort(key=lambda info: info.id, reverse=not window.upwards)
    page = files[:limit]
    return _Results(page, page[-1].id if len(files) > limit else None)


def _filter(feed: Iterator[FileInfo], criteria: FileFilter, limit: int) -> _Results:
    """Look through at most MAX_EXAMINED files for those that are criteria."""
    found: list[FileInfo] = []
    examined, last = 0, ""
    for info in islice(feed, MAX_EXAMINED):
        if _matches(info, criteria):
            if len(found) == limit:
                return _Results(found, found[-1].id, examined)
            found.append(info)
        examined, last = examined + 1, info.id
    return _Results(found, last if examined == MAX_EXAMINED else None, examined)


def _matches(info: FileInfo, criteria: FileFilter) -> bool:
    return (
        info.state == criteria.state
        and (not criteria.owner or info.owner == criteria.owner)
        and (criteria.kind is None or info.kind == criteria.kind)
        and (not criteria.name or policy.search_key(info.file_name).startswith(_prefix(criteria)))
    )


def _with_exact_name(criteria: FileFilter, window: _Window, limit: int) -> _Results:
    """Look for the files of one name among everybody's, in every state, by time."""
    records = StoredFile.file_name_index.query(
        criteria.exact_name,
        StoredFile.created_at.between(_moment(window.low), _moment(window.high)),
        scan_index_forward=window.upwards,
        page_size=min(max(limit + 1, 64), MAX_EXAMINED),
    )
    # The index sorts by the millisecond in which an id was made; within one, the id decides.
    in_order = (
        info_of(record)
        for _, group in groupby(records, key=lambda record: record.created_at)
        for record in sorted(group, key=lambda record: record.id, reverse=not window.upwards)
        if record.id in window
    )
    found = _filter(in_order, criteria, limit)
    # Reading may have ended at a file of somebody else: its id is told to nobody.
    more_after = found.more_after and keys.without_tag(found.more_after)
    return replace(found, more_after=more_after)


def _moment(upload_id: str) -> datetime:
    """When an id was made; the last moment there is for ids that are later than that."""
    try:
        return keys.created_at(upload_id)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _prefix(criteria: FileFilter) -> str:
    return policy.search_key(criteria.name)


def _with_name_prefix(criteria: FileFilter) -> list[FileInfo] | None:
    """All files with such a name, or None if they are so many that the feed soon fills a page.

    The name indexes give their files by name, not by time: a narrow search is read whole.
    """
    startswith = StoredFile.name_key.startswith(_prefix(criteria))
    most = MAX_NAME_MATCHES if criteria.owner else max(MAX_NAME_MATCHES // len(keys.SHARDS) * 2, 1)
    queries = (
        [
            StoredFile.by_owner_name.query(
                criteria.owner, startswith, limit=most + 1, page_size=most + 1
            )
        ]
        if criteria.owner
        else [
            StoredFile.by_name.query(feed, startswith, limit=most + 1, page_size=most + 1)
            for feed in _feeds(criteria.state)
        ]
    )
    files: list[FileInfo] = []
    for query in queries:
        found = [info_of(record) for record in query]
        if len(found) > most:
            return None
        files += [info for info in found if _matches(info, criteria)]
    return files


def _feed(
    criteria: FileFilter, window: _Window, page_size: int, *, by_owner: bool
) -> Iterator[FileInfo]:
    """The files of a feed in the window, in its direction. All files are in 16 shards, merged."""
    inside = StoredFile.id.between(window.low, window.high)
    index, names = (
        (StoredFile.by_owner, [criteria.owner])
        if by_owner
        else (StoredFile.by_state, _feeds(criteria.state))
    )
    shards = [
        index.query(name, inside, scan_index_forward=window.upwards, page_size=page_size)
        for name in names
    ]
    merged = heapq.merge(*shards, key=lambda record: record.id, reverse=not window.upwards)
    return map(info_of, merged)


def _feeds(state: State) -> list[str]:
    return [f"{state}#{shard}" for shard in keys.SHARDS]
