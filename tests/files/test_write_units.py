"""What DynamoDB charges for recording files, and how changes are divided among transactions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.support.write_units import (
    Index,
    Item,
    Write,
    indexes_of,
    item_size,
    transaction_units,
)
from uploads.aws.s3 import StoredObject
from uploads.core import keys
from uploads.core.policy import Rules
from uploads.files import counting, grouping, outbox
from uploads.files.record import Change, StoredFile, changed
from uploads.files.usage import Counter
from uploads.ingest import records

RULES = Rules(max_size=10**9, max_put_size=10**9, allowed_types=("*",))
INDEXES = indexes_of(StoredFile._get_schema())
BY_A = Index(frozenset("a"), frozenset("b"))


def text(**values: str) -> Item:
    return {name: {"S": value} for name, value in values.items()}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0), ({"S": "abc"}, 3), ({"S": "ß"}, 2),
        ({"N": "0"}, 1), ({"N": "7"}, 2), ({"N": "42"}, 2), ({"N": "-42"}, 3), ({"N": "4200"}, 2),
        ({"N": "123"}, 3), ({"N": "0.001"}, 2), ({"N": "12.34"}, 3),
        ({"BOOL": True}, 1), ({"NULL": True}, 1),
        ({"L": []}, 3), ({"L": [{"S": "ab"}, {"S": ""}]}, 7), ({"M": {"ab": {"N": "42"}}}, 8),
    ],
    ids=str,
)  # fmt: skip
def test_the_size_of_an_attribute(value: dict[str, Any], size: int) -> None:
    assert item_size({"name": value}) == len("name") + size


@pytest.mark.parametrize(
    ("before", "after", "units"),
    [
        (None, text(id="1", c="x"), 2),
        (None, text(id="1", a="x"), 3),
        (None, text(id="1", c="x" * 2000), 4),
        (None, text(id="1", a="x", c="x" * 2000), 5),
        (None, text(id="1", a="x", b="x" * 2000), 6),
        (text(id="1", a="x"), text(id="1", a="x", c="y"), 2),
        (text(id="1", a="x"), text(id="1", a="x", b="y"), 3),
        (text(id="1", a="x"), text(id="1", a="y"), 4),
        (text(id="1", a="x"), text(id="1"), 3),
        (text(id="1", c="x" * 2000), text(id="1"), 4),
        (text(id="1"), text(id="1"), 2),
    ],
    ids=[
        "in no index", "in the index", "two units", "large but not in the index",
        "large in the index", "index unaffected", "copy changes", "moves in the index",
        "leaves the index", "becomes smaller", "no change",
    ],
)  # fmt: skip
def test_the_units_of_a_write(before: Item | None, after: Item, units: int) -> None:
    assert transaction_units([Write(before, after)], [BY_A]) == units


def stored(number: int, owner: str, content_type: str, name: str) -> Change:
    """The change that records a file, with the attributes of a typical one."""
    s3_object = StoredObject(
        123_456 + number, content_type, "0" * 32, "c" * 44, "", owner, name.format(number)
    )
    upload_id = keys.new_upload_id(owner, "secret")
    upload_id = f"{upload_id[:-1]}{number % 16:x}"
    record = records.validate(upload_id, s3_object, None, RULES)
    record.sequencer = "0063A1B2C3D4E5F6A7".ljust(64, "0")
    record.notified_at = record.confirmed_at
    record.version = 1
    return Change(None, record)


def counter_item(adjustment: counting.Adjustment) -> Item:
    """A counter as it is after years of use."""
    name = adjustment.counter.id
    counter = Counter(name, files=123_456, bytes=123_456_789_012, rejected=1_234, changes=12_345)
    if name.startswith("owner#"):
        counter.owner, counter.feed = name.removeprefix("owner#"), "owners"
    item: Item = counter.serialize()
    return item


def units_per_file(changes: list[Change]) -> float:
    total = 0
    for group in grouping.groups(changes):
        counters = [counter_item(adjustment) for adjustment in counting.adjustments(group)]
        writes = [Write(None, change.after.serialize()) for change in group]
        writes += [Write(counter, {**counter, "files": {"N": "123457"}}) for counter in counters]
        total += transaction_units(writes, INDEXES)
    return total / len(changes)


def test_a_thumbnail_costs_the_record_its_copies_and_its_owners_counter() -> None:
    before = stored(1, "7", "image/png", "{}.png").after
    change = Change(before, changed(before, thumbnail="320x213"))
    (adjustment,) = counting.adjustments([change])
    assert adjustment.counter.id == "owner#7"
    counter = counter_item(adjustment)
    writes = [
        Write(before.serialize(), change.after.serialize()),
        Write(counter, {**counter, "changes": {"N": "12346"}}),
    ]
    assert transaction_units(writes, INDEXES) == 9


TYPES = ("text/plain", "image/png", "application/pdf", "video/mp4")


@pytest.mark.parametrize(
    ("count", "owners", "types", "name"),
    [
        (100, 1, 1, "holiday {}.jpg"),
        (100, 1, 4, "holiday {}.jpg"),
        (100, 10, 4, "holiday {}.jpg"),
        (50, 1, 1, "holiday {}.jpg"),
        (20, 1, 1, "holiday {}.jpg"),
        (100, 1, 1, "ä" * 60 + "{}.jpg"),
    ],
)
def test_recording_a_file_costs_at_most_eight_write_units(
    count: int, owners: int, types: int, name: str, show: Callable[[str], None]
) -> None:
    changes = [
        stored(number, str(number % owners), TYPES[number % types], name) for number in range(count)
    ]
    units = units_per_file(changes)
    show(f"{count} files of {owners} owners and {types} types: {units:.2f} write units per file")
    assert 7 < units <= 8


@pytest.mark.parametrize(("count", "most"), [(100, 0.4), (20, 0.6), (1, 7)])
def test_telling_of_files_costs_little_in_a_large_task(
    count: int, most: float, show: Callable[[str], None]
) -> None:
    outbox.interest.note(has_endpoints=True, read_at=float("inf"))
    changes = [stored(n, "1", TYPES[n % 4], f"holiday {n}.jpg") for n in range(count)]
    told = outbox.item_of(changes)
    assert told is not None
    item: Item = told.serialize()
    written = transaction_units([Write(None, item)], INDEXES)
    deleted = -(-item_size(item) // 1024) + 1  # The item, and its copy in the index.
    show(f"{count} files: {(written + deleted) / count:.2f} write units per file for the outbox")
    assert 0 < (written + deleted) / count <= most


def test_a_download_costs_one_write_unit_and_none_of_an_index() -> None:
    before = stored(1, "1", "text/plain", "{}.txt").after.serialize()
    after = {**before, "downloads": {"N": "1"}, "version": {"N": "2"}}
    assert sum(index.units(before, after) for index in INDEXES) == 0


@pytest.mark.parametrize(
    ("count", "owners", "types"),
    [
        (0, 1, 1),
        (1, 1, 1),
        (89, 1, 1),
        (90, 1, 1),
        (92, 1, 1),
        (100, 1, 4),
        (100, 100, 4),
        (500, 7, 3),
    ],
)
def test_no_transaction_has_more_items_than_dynamodb_accepts(
    count: int, owners: int, types: int
) -> None:
    changes = [
        stored(number, str(number % owners), TYPES[number % types], "{}") for number in range(count)
    ]
    groups = list(grouping.groups(changes))
    sizes = [len(group) + len(counting.adjustments(group)) for group in groups]
    assert max(sizes, default=0) <= grouping.MAX_ITEMS
    assert sorted(change.id for group in groups for change in group) == sorted(
        change.id for change in changes
    )
    assert all(groups)
    # Two groups that are next to each other do not fit into one transaction.
    for first, second in pairwise(groups):
        both = [*first, second[0]]
        assert len(both) + len(counting.adjustments(both)) > grouping.MAX_ITEMS
