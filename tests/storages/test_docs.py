"""The examples of the storage in docs/integrating.md run."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import storages
from django.test.utils import isolate_apps
from pytest_django import Settings

from tests.project import documents
from uploads.core.names import MAX_NAME_BYTES
from uploads.core.stored_names import PREFIX_LENGTH
from uploads.storages import FilehubStorage

TEXT = documents.section(documents.read("docs/integrating.md"), "Files that your code saves")
MODEL, SETTINGS = documents.blocks(TEXT, "py")


def test_the_column_of_the_example_has_room_for_every_name() -> None:
    names: dict[str, Any] = {"__name__": "uploads.models"}
    with isolate_apps("uploads"):
        exec(MODEL, names)
    field = names["Document"]._meta.get_field("content")
    assert field.max_length == PREFIX_LENGTH + MAX_NAME_BYTES
    assert isinstance(field.storage, FilehubStorage)
    assert str(PREFIX_LENGTH) in TEXT
    assert str(MAX_NAME_BYTES) in TEXT


def test_the_example_of_thumbnails_has_an_owner(settings: Settings) -> None:
    names: dict[str, Any] = {}
    exec(SETTINGS, names)
    settings.STORAGES = names["STORAGES"]
    storage = storages[names["THUMBNAIL_DEFAULT_STORAGE_ALIAS"]]
    assert isinstance(storage, FilehubStorage)
    assert storage._required_owner() == "1"
