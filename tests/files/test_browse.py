"""Listing one folder: subfolders and files, in four orders, at every offset, with one Query."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from collections.abc import Callable

import pytest

from tests.files.test_listing import record
from tests.support.aws_requests import AwsRequests
from tests.support.consumption import consumed
from tests.support.records import erase
from uploads.core.errors import InvalidRequest
from uploads.files import browse, folder_actions, listing
from uploads.files.browse import FolderPage, Sort
from uploads.files.record import StoredFile
from uploads.files.states import in_state

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
NAMES = ["b.txt", "Ä.txt", "a.txt", "c", "Émile", "zz", "10", "9", "_", "~", "\u0301", "ß", "a.txt"]
FOLDERS = ["Zoo", "älter", "Äpfel", "a", "10", "~"]


def save(records: list[StoredFile], folder: str) -> None:
    with StoredFile.batch_write() as batch:
        for item in records:
            batch.save(in_state(item, "stored", folder=folder or None))


def fill(folder: str, names: list[str] = NAMES) -> list[str]:
    """Files of these names and one subfolder of each of FOLDERS; return the ids, oldest first."""
    records = [record(number, OWNER, name) for number, name in enumerate(names)]
    save(records, folder)
    save([record(500, OWNER, "elsewhere")], f"{folder}x")
    save([record(501, "8", "not mine")], folder)
    for name in FOLDERS:
        folder_actions.create(OWNER, f"{folder}/{name}" if folder else name)
    return [item.id for item in records]


def walk(limit: int, folder: str, **options: object) -> tuple[list[str], list[FolderPage]]:
    """All entries page by page: names of folders end with a slash, files are ids."""
    entries: list[str] = []
    pages: list[FolderPage] = []
    cursor: str | None = None
    while True:
        page = browse.contents(OWNER, folder, limit=limit, cursor=cursor, **options)  # type: ignore[arg-type]
        pages.append(page)
        folders, files = [f"{each.name}/" for each in page.folders], [f.id for f in page.files]
        first = options.get("sort", "-date") in {"-date", "name"}
        entries += folders + files if first else files + folders
        cursor = page.next_cursor
        if cursor is None:
            return entries, pages


@pytest.mark.parametrize("limit", [1, 3, 19, 20, 200])
@pytest.mark.parametrize("folder", ["", "Photos/2024"])
def test_each_order_lists_every_entry_once(folder: str, limit: int) -> None:
    ids = fill(folder)
    by_name = ["10/", "a/", "älter/", "Äpfel/", "Zoo/", "~/"]
    plain = [
        "10",
        "9",
        "_",
        "a.txt",
        "a.txt",
        "a.txt",
        "b.txt",
        "c",
        "Émile",
        "ß",
        "zz",
        "~",
        "\u0301",
    ]
    newest, _ = walk(limit, folder)
    assert [entry for entry in newest if entry in set(ids)] == ids[::-1]
    assert sorted(newest[: -len(ids)]) == sorted(by_name)
    oldest, _ = walk(limit, folder, sort="date")
    assert oldest == newest[::-1]
    ascending, pages = walk(limit, folder, sort="name")
    listed = [file.file_name for page in pages for file in page.files]
    assert [each for each in ascending if each in by_name] == by_name
    assert [name.replace("Ä", "a") for name in listed] == plain
    descending, _ = walk(limit, folder, sort="-name")
    assert descending == ascending[::-1]


@pytest.mark.parametrize("sort", browse.SORTS)
def test_a_list_of_files_alone_has_no_subfolders_and_still_costs_one_query(
    sort: Sort, aws_requests: AwsRequests
) -> None:
    ids = fill("A")
    aws_requests.counts()
    page = browse.contents(OWNER, "A", limit=len(ids), sort=sort, only_files=True)
    assert aws_requests.counts() == {"dynamodb": 1}
    assert (page.folders, page.next_cursor) == ([], None)
    assert sorted(file.id for file in page.files) == sorted(ids)


@pytest.mark.parametrize("limit", [1, 4, 50])
@pytest.mark.parametrize("sort", browse.SORTS)
def test_a_type_group_is_filtered_in_bounded_pages(
    sort: Sort, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "MAX_EXAMINED", 7)
    types = ("image/png", "text/plain", "video/mp4")
    records = [record(n, OWNER, f"{n:02}", content_type=types[n % 3]) for n in range(30)]
    save(records, "A")
    folder_actions.create(OWNER, "A/B")
    expected = [item.id for item in records[::3]]
    found, pages = walk(limit, "A", sort=sort, kind="image")
    assert found == (expected[::-1] if sort.startswith("-") else expected)
    assert all((page.examined or 0) <= 7 for page in pages)


def test_a_filter_stops_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "MAX_SECONDS", 0)
    fill("A", ["a", "b", "c"])
    page = browse.contents(OWNER, "A", limit=9, kind="video")
    assert (page.files, page.examined) == ([], 1)
    assert page.next_cursor


def test_entries_that_come_and_go_neither_repeat_nor_hide_others() -> None:
    ids = fill("A", [f"{n}" for n in range(8)])
    first = browse.contents(OWNER, "A", limit=3, sort="date")
    erase(first.files[-1].id)
    save([record(100 + n, OWNER, "new") for n in range(3)], "A")
    rest = browse.contents(OWNER, "A", limit=50, sort="date", cursor=first.next_cursor)
    assert [f.id for f in first.files] + [f.id for f in rest.files][:5] == ids


def encoded(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")


FORGED = {
    "not base64": "%%%",
    "not JSON": encoded(b"x"),
    "not ASCII": "ä",
    "a number": encoded(b"1"),
    "an object": encoded(b'{"id": "1"}'),
    "an empty list": encoded(b"[]"),
    "no id": encoded(b'["x"]'),
    "an id that is empty": encoded(b'[""]'),
    "null": encoded(b"[null]"),
    "too many parts": encoded(b'["folder#7/A", "a", "b"]'),
    "a key of two kilobytes": encoded(b'["folder#' + b"a" * 2048 + b'"]'),
    "half of a surrogate pair": encoded(b'["folder#\\ud800"]'),
    "deeply nested": encoded(b"[" * 5000),
    "one letter of base64": "a",
}


@pytest.mark.parametrize("sort", ["-date", "name"])
@pytest.mark.parametrize("cursor", FORGED.values(), ids=FORGED.keys())
def test_a_forged_cursor_is_refused(cursor: str, sort: Sort) -> None:
    with pytest.raises(InvalidRequest) as refused:
        browse.contents(OWNER, "A", limit=5, sort=sort, cursor=cursor)
    assert refused.value.code == "invalid_cursor"


def test_a_cursor_of_another_order_is_refused_and_one_of_another_folder_shows_only_this() -> None:
    fill("A")
    page = browse.contents(OWNER, "A", limit=3, sort="name")
    with pytest.raises(InvalidRequest):
        browse.contents(OWNER, "A", limit=3, sort="date", cursor=page.next_cursor)
    assert browse.contents("8", "B", limit=3, sort="name", cursor=page.next_cursor).files == []


def test_no_page_scans_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    fill("A")
    monkeypatch.setattr(StoredFile, "scan", lambda *a, **k: pytest.fail("a scan"))
    assert browse.contents(OWNER, "A", limit=2).folders


# Cost


@pytest.mark.parametrize(
    "sizes",
    [(200, 1_000), pytest.param((1_000, 20_000), marks=pytest.mark.exhaustive)],
    ids=str,
)
def test_a_page_of_a_folder_costs_the_same_whatever_the_table_has(
    sizes: tuple[int, int], show: Callable[[str], None]
) -> None:
    """Requests and consumed capacity: of a page in the middle, in each order, with its folders."""
    rng = random.Random(sizes[1])
    costs: dict[str, list[tuple[int, float]]] = {}
    for more in (sizes[0], sizes[1] - sizes[0]):
        # Half of the files in one folder, the others in 20 more.
        for start in range(0, more, 2_000):
            records = [
                record(rng.randrange(10**6), OWNER, f"holiday {rng.randrange(10**6):06}.jpg")
                for _ in range(min(2_000, more - start))
            ]
            save(records[::2], "Photos")
            save(records[1::2], f"Other {rng.randrange(20)}")
        for sort in browse.SORTS:
            first = browse.contents(OWNER, "Photos", limit=50, sort=sort)
            with consumed() as used:
                page = browse.contents(
                    OWNER, "Photos", limit=50, sort=sort, cursor=first.next_cursor
                )
            assert len(page.files) == 50
            costs.setdefault(f"50 files, {sort}", []).append((len(used), sum(used)))
        with consumed() as used:
            folder_actions.info(OWNER, "")
        costs.setdefault("totals", []).append((len(used), sum(used)))
    show(f"Requests and read units of a page at {sizes[0]:,} and at {sizes[1]:,} records")
    for name, (small, large) in costs.items():
        show(f"  {name}: {small[0]} and {small[1]}, {large[0]} and {large[1]}")
        assert small == large, name
        assert large[0] == 1, name


def test_a_search_examines_a_bounded_number_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_SECONDS", 0)
    fill("A")
    page = listing.find(listing.FileFilter(owner=OWNER, name="zz"), limit=5)
    assert page.examined == 1
    assert page.next_cursor
