"""Paging and searching: every file exactly once, at every offset, newest first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from uploads import keys, listing, policy, selectors
from uploads.exceptions import InvalidRequest
from uploads.listing import Page, Wanted, find
from uploads.models import StoredFile

pytestmark = pytest.mark.usefixtures("aws")


def seed(owner: str, names: list[str], state: str = "stored") -> list[str]:
    """Records as the worker writes them; returns their ids, newest first."""
    ids = []
    with StoredFile.batch_write() as batch:
        for number, name in enumerate(names):
            upload_id = keys._make(1_700_000_000_000 + number, owner, "secret")
            ids.append(upload_id)
            stored = state == "stored"
            batch.save(
                StoredFile(
                    upload_id,
                    key=keys.object_key(upload_id),
                    state=state,
                    feed=f"{state}#{keys.shard(upload_id)}",
                    sequencer="0" * 64,
                    created_at=keys.created_at(upload_id),
                    file_name=name,
                    content_type="text/plain",
                    owner=owner,
                    size=1,
                    owner_feed=owner if stored else None,
                    name_key=policy.search_key(name) if stored else None,
                )
            )
    return ids[::-1]


def walk(page_of: Callable[[str | None], Page]) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = page_of(cursor)
        found += [info.id for info in page.files]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 7, 25, 50, 51])
def test_paging_yields_each_file_once_newest_first(limit: int) -> None:
    ids = seed("7", [f"file {n}" for n in range(50)])
    seed("8", ["not mine"])
    assert walk(lambda cursor: selectors.files_of("7", limit=limit, cursor=cursor)) == ids


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_the_merged_feed_yields_each_file_once_newest_first(limit: int) -> None:
    ids = sorted(seed("7", ["a"] * 60) + seed("8", ["b"] * 40), reverse=True)
    seed("7", ["gone"] * 5, "deleted")
    assert walk(lambda cursor: find(Wanted(), limit=limit, cursor=cursor)) == ids


@pytest.mark.parametrize("window", [500, 3], ids=["narrow search", "wide search"])
@pytest.mark.parametrize("limit", [1, 4, 50])
def test_a_name_search_is_newest_first_and_complete(
    monkeypatch: pytest.MonkeyPatch, window: int, limit: int
) -> None:
    monkeypatch.setattr(listing, "SEARCH_WINDOW", window)
    monkeypatch.setattr(listing, "BUDGET", 8)
    names = [("Report" if n % 3 else "other") + f" {n}" for n in range(30)]
    ids = seed("7", names)
    wanted = [i for i, name in zip(ids, reversed(names), strict=True) if name[0] == "R"]
    found = walk(lambda c: selectors.files_of("7", limit=limit, cursor=c, prefix="REPORT"))
    assert found == wanted


def test_a_search_finds_composed_and_decomposed_names() -> None:
    ids = seed("7", ["Cafe\u0301.txt", "CAFÉ.txt", "cab"])
    assert walk(lambda c: selectors.files_of("7", limit=9, cursor=c, prefix="café")) == ids[1:]


def test_files_added_while_paging_do_not_repeat_or_hide_others() -> None:
    ids = seed("7", ["a"] * 10)
    first = selectors.files_of("7", limit=4)
    seed("7", ["new"] * 20)
    rest = walk(lambda cursor: selectors.files_of("7", limit=4, cursor=cursor or first.next_cursor))
    assert [info.id for info in first.files] + [i for i in rest if i in ids] == ids


def test_a_made_up_cursor_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        selectors.files_of("7", limit=4, cursor="x' OR 1=1")


def test_no_page_or_search_scans_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    seed("7", ["a"] * 3)

    def scan(*args: object, **kwargs: object) -> None:
        pytest.fail("a scan")

    monkeypatch.setattr(StoredFile, "scan", scan)
    assert selectors.files_of("7", limit=2).files
    assert selectors.files_of("7", limit=2, prefix="a").files
    assert find(Wanted(), limit=2).files
