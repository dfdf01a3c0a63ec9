"""Names of files in the columns of other projects: with the id, and bound to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.core.names import check_name
from uploads.core.stored_names import PREFIX_LENGTH, stored_name, upload_id_in, valid_file_name

ID = "0199c0de-0000-7000-8000-0123456789ab"
OTHER = "0199c0de-0000-7000-8000-0123456789ac"
NAME = stored_name(ID, "photo.jpg", 100)


@pytest.mark.parametrize(
    "derived",
    [
        f"{NAME}.100x100_q85.jpg",
        NAME.replace("photo", "small_photo"),
        NAME.replace(".jpg", "-100x100.jpg"),
        NAME.replace(".jpg", ".webp"),
        NAME.replace("/", "/thumbs/"),
        f"thumbs/{NAME}",
        NAME.upper(),
        NAME.replace(ID, OTHER),
        NAME.partition("/")[0],
        f"{ID}/photo.jpg",
        "photo.jpg",
        "",
    ],
)
def test_a_derived_name_does_not_refer_to_the_original(derived: str) -> None:
    assert upload_id_in(NAME) == ID
    assert upload_id_in(derived) is None


@pytest.mark.parametrize(
    ("file_name", "room", "expected"),
    [
        ("photo.jpg", 9, "photo.jpg"),
        ("photograph.jpg", 9, "photo.jpg"),
        ("a.very-long-extension", 9, "a.very-lo"),
        (".gitignore", 5, ".giti"),
        ("photo.jpg", 4, "phot"),
        ("x" * 300, None, "x" * 300),
    ],
)
def test_a_long_name_keeps_its_extension(file_name: str, room: int | None, expected: str) -> None:
    name = stored_name(ID, file_name, None if room is None else PREFIX_LENGTH + room)
    assert name.partition("/")[2] == expected
    assert upload_id_in(name) == ID


def test_a_column_without_room_for_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        stored_name(ID, "photo.jpg", PREFIX_LENGTH)


@given(st.text(alphabet=st.characters(), max_size=400))
def test_any_name_becomes_a_valid_one(name: str) -> None:
    valid = valid_file_name(name)
    assert check_name(valid) == valid
    assert valid_file_name(valid) == valid
