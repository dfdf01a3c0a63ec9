"""A real library of thumbnails, which saves files under names that it computes itself.

It looks for the name, deletes it, saves it, ignores what `save` returns, and asks for the URL of
its own name. Its names begin with that of the original.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.files.storage import storages
from django.db import connection
from PIL import Image
from pytest_django import Settings

from local.aws import LocalAws
from tests.storages.helpers import content, info_of
from tests.support.http import send
from tests.thumbnails.helpers import PNG
from uploads.storages import FilehubStorage

BACKEND = "uploads.storages.FilehubStorage"
#: The columns that it uses.
TABLES = {
    "source": "storage_hash text, name text, modified text",
    "thumbnail": "storage_hash text, name text, modified text, source_id integer",
    "thumbnaildimensions": "thumbnail_id integer, width integer, height integer",
}


@pytest.fixture
def easy_thumbnails(aws: LocalAws, settings: Settings) -> Iterator[None]:
    """The library, with a user who owns the thumbnails."""
    settings.STORAGES = settings.STORAGES | {
        "thumbnails": {"BACKEND": BACKEND, "OPTIONS": {"owner": "99", "folder": "thumbnails"}}
    }
    settings.THUMBNAIL_DEFAULT_STORAGE_ALIAS = "thumbnails"
    with connection.cursor() as cursor:
        for name, columns in TABLES.items():
            cursor.execute(
                f"CREATE TABLE easy_thumbnails_{name} (id integer PRIMARY KEY, {columns})"
            )
    apps.set_installed_apps([*settings.INSTALLED_APPS, "easy_thumbnails"])
    yield
    apps.unset_installed_apps()


@pytest.mark.usefixtures("easy_thumbnails")
def test_easy_thumbnails_works_unchanged(alice: User) -> None:
    from easy_thumbnails.files import get_thumbnailer  # noqa: PLC0415  # needs its app

    originals = FilehubStorage(owner=alice.pk)
    original = originals.save("photos/photo.png", content(PNG))
    names = set()
    for _ in range(2):
        thumbnail = get_thumbnailer(originals, original).get_thumbnail({"size": (20, 20)})
        image = Image.open(io.BytesIO(send("GET", thumbnail.url).body))
        assert max(image.size) == 20
        names.add(thumbnail.name)
    (name,) = names
    assert storages["thumbnails"].exists(name)
    assert not originals.exists(name)
    assert info_of(original).state == "stored"
    assert originals.open(original).read() == PNG
