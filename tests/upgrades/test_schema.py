"""Records of earlier and of later versions are read, and no change loses what it does not know."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.files import put_under, removal, store
from tests.support.records import tamper
from uploads.aws import clients, s3
from uploads.core.conf import conf
from uploads.files import actions, browse, moves, recount, trash, upgrade
from uploads.files import store as records
from uploads.files.batches import Actor
from uploads.files.record import SCHEMA, StoredFile, changed, info_of, schema_of
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.management import fake_data

pytestmark = pytest.mark.usefixtures("aws")

OWNER = "7"
ME = Actor(OWNER, OWNER)
#: Of a version that does not exist yet.
LATER: dict[str, Any] = {"laterText": {"S": "x"}, "laterMap": {"M": {"a": {"N": "1"}}}}


def item_of(upload_id: str) -> dict[str, Any]:
    """The item as it is in the table."""
    item: dict[str, Any] = clients.dynamodb().get_item(
        TableName=conf().table, Key={"id": {"S": upload_id}}, ConsistentRead=True
    )["Item"]
    return item


def put_item(item: dict[str, Any]) -> None:
    clients.dynamodb().put_item(TableName=conf().table, Item=item)


def make_later(upload_id: str) -> None:
    """Turn a record into one that a later version has written."""
    put_item({**item_of(upload_id), **LATER, "schema": {"N": str(SCHEMA + 1)}})


def make_first(upload_id: str) -> None:
    """Turn a record into one of the first version: without folders, and without a number."""
    tamper(
        upload_id,
        StoredFile.schema.remove(),
        StoredFile.folder_feed.remove(),
        StoredFile.name_key.remove(),
    )


def download(upload_id: str) -> None:
    record = records.get(upload_id)
    assert record is not None
    actions.sign_download(info_of(record), OWNER)


def set_thumbnail(upload_id: str) -> None:
    records.change(upload_id, lambda record: record and changed(record, thumbnail="10x10"))


def replace(upload_id: str) -> None:
    s3.delete(upload_id)
    put_under(upload_id, OWNER, b"another content")
    event = ObjectEvent("created", upload_id, f"{9:018X}".ljust(64, "0"))
    assert confirm.apply_event(event) == "stored"


def trash_and_restore(upload_id: str) -> None:
    trash.move_to_trash([upload_id], ME)
    trash.restore([upload_id], ME)


#: What changes a record -> whether that derives its attributes again.
CHANGES: dict[str, tuple[Callable[[str], Any], bool]] = {
    "download": (download, False),
    "thumbnail": (set_thumbnail, False),
    "rename": (lambda id_: moves.update(id_, ME, file_name="new.txt"), True),
    "move": (lambda id_: moves.move([id_], "A/B", ME), True),
    "trash": (lambda id_: trash.move_to_trash([id_], ME), True),
    "trash and restore": (trash_and_restore, True),
    "change of owner": (lambda id_: actions.change_owner(id_, "8", "1"), True),
    "another object": (replace, True),
    "removal": (lambda id_: removal(id_, 9), True),
}


def test_a_new_record_has_the_number_of_this_version() -> None:
    assert item_of(store(OWNER))["schema"] == {"N": str(SCHEMA)}
    fake_data.seed(9, owners=[OWNER], days=9, rng=random.Random(1))
    assert {schema_of(record) for record in StoredFile.scan(StoredFile.state.exists())} == {SCHEMA}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_what_a_later_version_has_added(name: str) -> None:
    change, derives = CHANGES[name]
    upload_id = store(OWNER)
    make_later(upload_id)
    before = item_of(upload_id)
    change(upload_id)
    after = item_of(upload_id)
    assert int(after["version"]["N"]) > int(before["version"]["N"])
    assert {attribute: after.get(attribute) for attribute in LATER} == LATER
    # With the lower number, the later version derives its attributes again.
    assert schema_of(StoredFile.get(upload_id)) == (SCHEMA if derives else SCHEMA + 1)
    assert recount.differences() == []


def test_a_file_of_the_first_version_is_read_with_all_values() -> None:
    upload_id = store(OWNER, "a.txt")
    expected = info_of(StoredFile.get(upload_id))
    make_first(upload_id)
    assert schema_of(StoredFile.get(upload_id)) == 1
    assert info_of(StoredFile.get(upload_id)) == expected
    assert (expected.folder, expected.tags, expected.malware) == ("", (), "")


@pytest.mark.parametrize("change", [set_thumbnail, trash_and_restore])
def test_a_file_of_the_first_version_has_all_attributes_after_any_change(
    change: Callable[[str], Any],
) -> None:
    upload_id = store(OWNER, "a.txt")
    make_first(upload_id)
    assert browse.contents(OWNER, "", limit=9).files == []
    change(upload_id)
    assert [file.id for file in browse.contents(OWNER, "", limit=9).files] == [upload_id]
    assert schema_of(StoredFile.get(upload_id)) == SCHEMA
    assert recount.differences() == []


def test_the_number_alone_is_no_reason_to_write() -> None:
    upload_id = store(OWNER)
    tamper(upload_id, StoredFile.schema.remove())
    before = item_of(upload_id)
    assert confirm.confirm(upload_id) == "unchanged"
    assert upgrade.upgrade().written == 0
    assert item_of(upload_id) == before


def test_a_state_of_a_later_version_is_left_alone() -> None:
    upload_id = store(OWNER)
    tamper(upload_id, StoredFile.state.set("archived"), StoredFile.schema.remove())
    set_thumbnail(upload_id)
    assert item_of(upload_id)["state"] == {"S": "archived"}
    assert "schema" not in item_of(upload_id)
