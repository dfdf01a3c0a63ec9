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
SEARCH_WINDOW = 500
#: Files that one page may look through where no index has just those that are wanted.
BUDGET = 2_000

#: Bytes of a name in its searched form: what DynamoDB takes for a sort key.
MAX_PREFIX = 1024

_LOWEST = str(UUID(int=0))
_HIGHEST = str(UUID(int=2**128 - 1))


@dataclass(frozen=True)
class Wanted:
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

    `looked_at` says how many files were looked through, where no index has just those that are
    wanted; such a page may be short, even empty, and yet have a next one.
    """

    files: list[FileInfo]
    next_cursor: str | None
    previous_cursor: str | None = None
    looked_at: int | None = None


@dataclass(frozen=True)
class _Window:
    """Ids from `low` to `high`, both included; read upwards when paging back."""

    low: str
    high: str
    upwards: bool

    def __contains__(self, upload_id: str) -> bool:
        return self.low <= upload_id <= self.high


@dataclass(frozen=True)
class _Found:
    """Files in the direction of reading, and the id after which reading goes on (None: the end)."""

    files: list[FileInfo]
    more_after: str | None
    looked_at: int | None = None


def find(wanted: Wanted, *, limit: int, cursor: str | None = None, backwards: bool = False) -> Page:
    """A page of the wanted files: those older than the cursor, or with `backwards` newer.

    Raises InvalidRequest for a cursor that filehub did not hand out, and BackendUnavailable.
    """
    position = _cursor(cursor)
    if position is None:
        found = _read(wanted, _window(wanted), limit)
        return Page(found.files, found.more_after, None, found.looked_at)
    if not backwards:
        found = _read(wanted, _window(wanted, before=position), limit)
        newer = found.files[0].id if found.files else _shifted(position, -1)
        return Page(found.files, found.more_after, newer, found.looked_at)
    found = _read(wanted, _window(wanted, after=position), limit)
    older = found.files[0].id if found.files else _shifted(position, 1)
    return Page(found.files[::-1], older, found.more_after, found.looked_at)


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


def _window(wanted: Wanted, *, before: str | None = None, after: str | None = None) -> _Window:
    low = keys.first_id_at(wanted.since) if wanted.since else _LOWEST
    high = _shifted(keys.first_id_at(wanted.until), -1) if wanted.until else _HIGHEST
    if after is not None:
        low = max(low, _shifted(after, 1))
    if before is not None:
        high = min(high, _shifted(before, -1))
    return _Window(low, high, upwards=after is not None)


def _read(wanted: Wanted, window: _Window, limit: int) -> _Found:
    # No name is so long, and DynamoDB refuses to compare with it.
    longest = max(len(_prefix(wanted).encode()), len(wanted.exact_name.encode()))
    if window.low > window.high or longest > MAX_PREFIX:
        return _Found([], None)
    # Only what is stored has an owner's feed, and a name to search for.
    stored = wanted.state == "stored"
    with table_errors():
        if wanted.exact_name:
            return _exactly_named(wanted, window, limit)
        if wanted.name and stored:
            named = _named(wanted)
            if named is not None:
                return _cut([info for info in named if info.id in window], limit, window)
        by_owner = bool(wanted.owner) and stored
        if not wanted.name and wanted.kind is None and (by_owner or not wanted.owner):
            # A shard holds about a sixteenth of the page; twice that rarely needs a second call.
            page_size = limit + 1 if by_owner else max(limit // len(keys.SHARDS) * 2, 8)
            feed = _feed(wanted, window, page_size, by_owner=by_owner)
            return _cut(list(islice(feed, limit + 1)), limit, window)
        # Large enough that even what is rare takes few calls, and no larger than is looked at.
        page_size = min(max(limit, 64), max(BUDGET // len(keys.SHARDS), 1)) * (4 if by_owner else 1)
        return _sift(_feed(wanted, window, page_size, by_owner=by_owner), wanted, limit)


def _cut(files: list[FileInfo], limit: int, window: _Window) -> _Found:
    """Cut what may be more than a page down to a page, which tells whether there is more."""
    files.sort(key=lambda info: info.id, reverse=not window.upwards)
    page = files[:limit]
    return _Found(page, page[-1].id if len(files) > limit else None)


def _sift(feed: Iterator[FileInfo], wanted: Wanted, limit: int) -> _Found:
    """Look through at most BUDGET files for those that are wanted."""
    found: list[FileInfo] = []
    looked_at, last = 0, ""
    for info in islice(feed, BUDGET):
        if _fits(info, wanted):
            if len(found) == limit:
                return _Found(found, found[-1].id, looked_at)
            found.append(info)
        looked_at, last = looked_at + 1, info.id
    return _Found(found, last if looked_at == BUDGET else None, looked_at)


def _fits(info: FileInfo, wanted: Wanted) -> bool:
    return (
        info.state == wanted.state
        and (not wanted.owner or info.owner == wanted.owner)
        and (wanted.kind is None or info.kind == wanted.kind)
        and (not wanted.name or policy.search_key(info.file_name).startswith(_prefix(wanted)))
    )


def _exactly_named(wanted: Wanted, window: _Window, limit: int) -> _Found:
    """Look for the files of one name among everybody's, in every state, by time."""
    records = StoredFile.file_name_index.query(
        wanted.exact_name,
        StoredFile.created_at.between(_moment(window.low), _moment(window.high)),
        scan_index_forward=window.upwards,
        page_size=min(max(limit + 1, 64), BUDGET),
    )
    # The index sorts by the millisecond in which an id was made; within one, the id decides.
    in_order = (
        info_of(record)
        for _, group in groupby(records, key=lambda record: record.created_at)
        for record in sorted(group, key=lambda record: record.id, reverse=not window.upwards)
        if record.id in window
    )
    found = _sift(in_order, wanted, limit)
    # Reading may have ended at a file of somebody else: its id is told to nobody.
    more_after = found.more_after and keys.without_tag(found.more_after)
    return replace(found, more_after=more_after)


def _moment(upload_id: str) -> datetime:
    """When an id was made; the last moment there is for ids that are later than that."""
    try:
        return keys.created_at(upload_id)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _prefix(wanted: Wanted) -> str:
    return policy.search_key(wanted.name)


def _named(wanted: Wanted) -> list[FileInfo] | None:
    """All files with such a name, or None if they are so many that the feed soon fills a page.

    The name indexes give their files by name, not by time: a narrow search is read whole.
    """
    startswith = StoredFile.name_key.startswith(_prefix(wanted))
    most = SEARCH_WINDOW if wanted.owner else max(SEARCH_WINDOW // len(keys.SHARDS) * 2, 1)
    queries = (
        [
            StoredFile.by_owner_name.query(
                wanted.owner, startswith, limit=most + 1, page_size=most + 1
            )
        ]
        if wanted.owner
        else [
            StoredFile.by_name.query(feed, startswith, limit=most + 1, page_size=most + 1)
            for feed in _feeds(wanted.state)
        ]
    )
    files: list[FileInfo] = []
    for query in queries:
        found = [info_of(record) for record in query]
        if len(found) > most:
            return None
        files += [info for info in found if _fits(info, wanted)]
    return files


def _feed(wanted: Wanted, window: _Window, page_size: int, *, by_owner: bool) -> Iterator[FileInfo]:
    """The files of a feed in the window, in its direction. All files are in 16 shards, merged."""
    inside = StoredFile.id.between(window.low, window.high)
    index, names = (
        (StoredFile.by_owner, [wanted.owner])
        if by_owner
        else (StoredFile.by_state, _feeds(wanted.state))
    )
    shards = [
        index.query(name, inside, scan_index_forward=window.upwards, page_size=page_size)
        for name in names
    ]
    merged = heapq.merge(*shards, key=lambda record: record.id, reverse=not window.upwards)
    return map(info_of, merged)


def _feeds(state: State) -> list[str]:
    return [f"{state}#{shard}" for shard in keys.SHARDS]
