"""Paging and searching list every file exactly once, at every offset, newest first."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.support.aws_requests import AwsRequests
from tests.support.records import erase
from uploads.aws.dynamodb import TableModel
from uploads.core import keys, media_types
from uploads.core.errors import InvalidRequest
from uploads.files import listing, queries
from uploads.files.listing import FileFilter, Page, find
from uploads.files.record import State, StoredFile
from uploads.files.states import in_state

pytestmark = pytest.mark.usefixtures("aws")


def record(
    number: int, owner: str, name: str, state: State = "stored", content_type: str = "text/plain"
) -> StoredFile:
    """A record as the worker writes it, of a file that was signed in that second."""
    upload_id = ""
    while upload_id[-1:] not in keys.SHARDS or not upload_id:
        upload_id = keys._make(1_700_000_000_000 + number * 1000, owner, "secret")
    item = StoredFile(
        upload_id,
        key=keys.object_key(upload_id),
        sequencer="0" * 64,
        created_at=keys.created_at(upload_id),
        file_name=name,
        content_type=content_type,
        owner=owner,
        size=1,
    )
    return in_state(item, state)


def seed(owner: str, names: list[str], state: State = "stored") -> list[str]:
    """Write one such record per name; return their ids, newest first."""
    records = [record(number, owner, name, state) for number, name in enumerate(names)]
    with StoredFile.batch_write() as batch:
        for item in records:
            batch.save(item)
    return [item.id for item in records][::-1]


def walk(page_of: Callable[[str | None], Page]) -> list[str]:
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = page_of(cursor)
        ids += [info.id for info in page.files]
        cursor = page.next_cursor
        if cursor is None:
            return ids


@pytest.mark.parametrize("limit", [1, 7, 25, 50, 51])
def test_paging_yields_each_file_once_newest_first(limit: int) -> None:
    ids = seed("7", [f"file {n}" for n in range(50)])
    seed("8", ["not mine"])
    assert walk(lambda cursor: queries.files_of("7", limit=limit, cursor=cursor)) == ids


@pytest.mark.parametrize("limit", [pytest.param(1, marks=pytest.mark.exhaustive), 7, 100])
def test_the_merged_feed_yields_each_file_once_newest_first(limit: int) -> None:
    ids = sorted(seed("7", ["a"] * 60) + seed("8", ["b"] * 40), reverse=True)
    seed("7", ["gone"] * 5, "deleted")
    assert walk(lambda cursor: find(FileFilter(), limit=limit, cursor=cursor)) == ids


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_a_search_is_newest_first_and_complete(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(listing, "MAX_EXAMINED", 8)
    names = [("a Réport" if n % 3 else "other") + f" {n}" for n in range(30)]
    ids = seed("7", names)
    expected = [i for i, name in zip(ids, reversed(names), strict=True) if name[0] == "a"]
    listed = walk(lambda c: queries.files_of("7", limit=limit, cursor=c, search="REPORT"))
    assert listed == expected


def test_a_search_within_a_folder_includes_its_subfolders() -> None:
    folders = ["", "A", "A/B", "AB", "B/A"]
    records = [
        in_state(record(number, "7", f"x {folder}"), "stored", folder=folder or None)
        for number, folder in enumerate(folders)
    ]
    with StoredFile.batch_write() as batch:
        for item in records:
            batch.save(item)
    for folder, expected in {"": folders, "A": ["A", "A/B"], "B": ["B/A"], "C": []}.items():
        page = queries.files_of("7", limit=9, search="X", folder=folder)
        assert [info.folder for info in page.files] == expected[::-1]
    assert [info.folder for info in queries.files_of("7", limit=9, folder="A").files] == [
        "A/B",
        "A",
    ]


def test_a_search_ends_after_its_time_and_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SECONDS", 0)
    ids = seed("7", ["x", "a", "b", "x"])
    assert queries.files_of("7", limit=9, search="x").examined == 1
    assert walk(lambda c: queries.files_of("7", limit=9, cursor=c, search="x")) == [ids[0], ids[3]]


def test_a_search_finds_composed_and_decomposed_names() -> None:
    ids = seed("7", ["Cafe\u0301.txt", "CAFÉ.txt", "cab"])
    assert walk(lambda c: queries.files_of("7", limit=9, cursor=c, search="café")) == ids[1:]


def test_files_added_while_paging_neither_repeat_nor_hide_others() -> None:
    ids = seed("7", ["a"] * 10)
    first = queries.files_of("7", limit=4)
    seed("7", ["new"] * 20)
    rest = walk(lambda cursor: queries.files_of("7", limit=4, cursor=cursor or first.next_cursor))
    assert [info.id for info in first.files] + [i for i in rest if i in ids] == ids


def test_a_forged_cursor_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        queries.files_of("7", limit=4, cursor="x' OR 1=1")


def test_no_page_or_search_scans_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    seed("7", ["a"] * 3)

    def scan(*args: object, **kwargs: object) -> None:
        pytest.fail("a scan")

    monkeypatch.setattr(StoredFile, "scan", scan)
    assert queries.files_of("7", limit=2).files
    assert queries.files_of("7", limit=2, search="a").files
    assert find(FileFilter(), limit=2).files


# Every filter at every offset, in a growing table of a thousand records


def time_at(second: int) -> datetime:
    return datetime.fromtimestamp(1_700_000_000 + second, UTC)


KINDS = ("text/plain", "image/png", "video/mp4", "application/zip")
FILTERS = {
    "none": FileFilter(),
    "state": FileFilter(state="rejected"),
    "owner": FileFilter(owner="3"),
    "type group": FileFilter(kind="image"),
    "dates": FileFilter(since=time_at(300), until=time_at(500)),
    "name": FileFilter(name="REPORT 1"),
    "part of a name": FileFilter(name="O"),
    "owner and name": FileFilter(owner="3", name="report"),
    "owner and type group": FileFilter(owner="3", kind="video"),
    "state, owner, type group and dates": FileFilter(
        "rejected", "3", "text", time_at(100), time_at(900)
    ),
}


def nth_record(number: int) -> StoredFile:
    draw = random.Random(number)
    return record(
        number,
        owner=str(draw.randrange(10)),
        name=f"{draw.choice(['Report', 'Rest', 'photo', 'film', 'song'])} {number}",
        state="rejected" if draw.random() < 0.1 else "stored",
        content_type=draw.choice(KINDS),
    )


def matches(item: StoredFile, query: FileFilter) -> bool:
    """The filter again, implemented from its documentation and not from its code."""
    return (
        item.state == query.state
        and query.owner in ("", item.owner)
        and (query.kind is None or media_types.kind(item.content_type or "") == query.kind)
        and (query.since is None or item.created_at >= query.since)
        and (query.until is None or item.created_at < query.until)
        and query.name.lower() in (item.file_name or "").lower()
    )


@pytest.fixture
def table(
    aws: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> list[StoredFile]:
    """A thousand records, one per second, in two shards, so that thousands of pages are fast.

    A parameter n selects every n-th record.
    """
    monkeypatch.setattr(keys, "SHARDS", "5d")
    records = [nth_record(number) for number in range(0, 1000, getattr(request, "param", 1))]
    with StoredFile.batch_write() as batch:
        for item in records:
            batch.save(item)
    return records


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("table", "limit"),
    [(3, 7), (1, 1), (1, 7), (1, 100)],
    indirect=["table"],
)
def test_every_filter_yields_each_record_once_while_others_are_added(
    table: list[StoredFile], limit: int
) -> None:
    added: list[StoredFile] = []

    def step(query: FileFilter, cursor: str | None) -> Page:
        page = find(query, limit=limit, cursor=cursor)
        if len(added) < 50:
            # Any age: a record is confirmed when its object arrives, not when it is signed.
            added.append(nth_record(random.Random(len(added)).randrange(2000)))
            TableModel.save(added[-1])
        return page

    for name, query in FILTERS.items():
        expected = [item.id for item in table if matches(item, query)][::-1]
        assert len(expected) >= 3, name
        ids = walk(lambda cursor, query=query: step(query, cursor))  # type: ignore[misc]
        new = {item.id for item in added} - set(expected)
        assert [upload_id for upload_id in ids if upload_id not in new] == expected, name
        assert len(ids) == len(set(ids)), name
        with StoredFile.batch_write() as batch:
            for item in added:
                batch.delete(item)
        added.clear()


# On local AWS the time of a query grows with the table, so short pages use a third of it.
@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("table", "limit"),
    [(3, 13), pytest.param(1, 100, marks=pytest.mark.exhaustive)],
    indirect=["table"],
)
def test_every_filter_pages_back_through_the_same_pages(
    table: list[StoredFile], limit: int
) -> None:
    for name, query in FILTERS.items():
        page = find(query, limit=limit)
        forth = [page.files]
        while page.next_cursor:
            page = find(query, limit=limit, cursor=page.next_cursor)
            forth.append(page.files)
        back = [forth[-1]]
        while page.previous_cursor:
            page = find(query, limit=limit, cursor=page.previous_cursor, backwards=True)
            back.append(page.files)
        ids = [[info.id for info in files] for files in forth]
        assert [[info.id for info in files] for files in back if files] == ids[::-1], name


def test_a_page_that_exhausts_its_budget_continues_where_it_stopped(
    table: list[StoredFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_EXAMINED", 64)
    rare = FileFilter("rejected", kind="video")
    page = find(rare, limit=100)
    assert (page.examined, page.next_cursor is None) == (64, False)
    ids = walk(lambda cursor: find(rare, limit=100, cursor=cursor))
    assert ids == [item.id for item in table if matches(item, rare)][::-1]


def test_a_page_whose_predecessors_were_deleted_still_has_a_next_page() -> None:
    ids = seed("7", ["a"] * 4)
    erase(ids[0])
    page = find(FileFilter(), limit=2, cursor=ids[1], backwards=True)
    assert (page.files, page.previous_cursor) == ([], None)
    assert [info.id for info in find(FileFilter(), limit=2, cursor=page.next_cursor).files] == ids[
        1:3
    ]


# By exact name


def named(name: str, limit: int = 10, owner: str = "7") -> Callable[[str | None], Page]:
    return lambda cursor: find(FileFilter(owner=owner, exact_name=name), limit=limit, cursor=cursor)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("limit", [1, 2, 10])
def test_an_exact_name_finds_the_owners_stored_files_of_that_name_newest_first(limit: int) -> None:
    mine = seed("7", ["a.txt", "A.txt", "a.txt", "a.txt.bak", "ä.txt", "a.txt"])
    others: list[tuple[str, State]] = [("8", "stored"), ("7", "rejected"), ("7", "trashed")]
    for other, state in others:
        later = [record(100 + number, other, "a.txt", state) for number in range(3)]
        with StoredFile.batch_write() as batch:
            for item in later:
                batch.save(item)
    # Newest first: of the names above the last comes first.
    assert walk(named("a.txt", limit)) == [mine[0], mine[3], mine[5]]
    assert walk(named("A.txt", limit)) == [mine[4]]
    assert walk(named("ä.txt", limit)) == [mine[1]]
    assert walk(named("a", limit)) == []
    assert walk(named("x" * 3_000, limit)) == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("limit", [1, 2, 10])
def test_a_name_that_many_files_have_is_searched_among_the_owners_alone(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(listing, "MAX_NAME_MATCHES", 3)
    mine = seed("7", ["a.txt", "b.txt", "a.txt", "A.txt", "a.txt"])
    others = [record(100 + number, "8", "a.txt", "stored") for number in range(7)]
    with StoredFile.batch_write() as batch:
        for item in others:
            batch.save(item)
    assert walk(named("a.txt", limit)) == [mine[0], mine[2], mine[4]]
    ids = {item.id for item in others}
    cursor: str | None = None
    for _ in range(5):
        cursor = named("a.txt", limit)(cursor).next_cursor
        assert cursor not in ids


@pytest.mark.usefixtures("aws")
def test_an_exact_name_costs_one_query_however_many_others_use_it(
    monkeypatch: pytest.MonkeyPatch, aws_requests: AwsRequests
) -> None:
    seed("7", ["a.txt"])
    seed("8", ["a.txt"] * 5)
    aws_requests.counts()
    named("a.txt")(None)
    assert aws_requests.counts() == {"dynamodb": 1}
    monkeypatch.setattr(listing, "MAX_NAME_MATCHES", 3)
    aws_requests.counts()
    named("a.txt")(None)
    assert aws_requests.counts() == {"dynamodb": 2}
