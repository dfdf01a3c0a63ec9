"""A FileField of another app's model, its forms, and the permissions of the process that saves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, models
from django.forms import modelform_factory
from django.template import Context, Template
from django.test.utils import isolate_apps
from pytest_django import Settings

from tests.project.policies import work
from tests.storages.helpers import content, id_in, info_of, objects
from tests.support.policies import ROOT_KEY, create_user, policies, signed_by
from tests.support.users import Api
from uploads.core.limits import MIB
from uploads.storages import FilehubStorage, as_owner, validate_upload

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def document() -> Iterator[Any]:
    """A model with a table that is gone after the test."""
    with isolate_apps("uploads"):

        class Document(models.Model):  # noqa: DJ008
            content = models.FileField(
                storage=FilehubStorage(), upload_to="reports", validators=[validate_upload]
            )

            class Meta:
                app_label = "uploads"

        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE uploads_document (id integer PRIMARY KEY, content varchar(100))"
            )
        yield Document


def form_of(document: Any, name: str, body: bytes, type_: str) -> Any:
    files = {"content": SimpleUploadedFile(name, body, type_)}
    return modelform_factory(document, fields=["content"])({}, files)


def test_a_form_saves_a_file_that_its_user_finds_in_the_list(
    document: Any, alice: User, api: Api
) -> None:
    name = f"Übersicht {'2' * 80}.csv"
    with as_owner(alice):
        saved = form_of(document, name, b"a;b", "text/csv").save()
    found = document.objects.get(pk=saved.pk)
    assert len(found.content.name) <= 100
    assert found.content.name.endswith("2.csv")
    assert (found.content.read(), found.content.size) == (b"a;b", 3)
    (listed,) = api.get("/files?folder=reports").json()
    assert (listed["id"], listed["file_name"]) == (id_in(found.content.name), name)
    found.content.delete()
    assert api.get("/files?folder=reports").json() == []
    assert document.objects.get(pk=saved.pk).content.name == ""


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"MAX_SIZE": 2}, "file_too_large"),
        ({"ALLOWED_TYPES": ("image/*",)}, "type_not_allowed"),
        ({"USER_QUOTA": 2}, "quota_exceeded"),
    ],
)
def test_a_form_shows_what_would_be_refused(
    document: Any, alice: User, settings: Settings, rules: dict[str, Any], code: str
) -> None:
    settings.FILEHUB = settings.FILEHUB | rules
    with as_owner(alice):
        form = form_of(document, "a.csv", b"a;b", "text/csv")
        assert not form.is_valid()
    (error,) = form.errors.as_data()["content"]
    assert error.code == code
    assert objects() == []


def test_a_row_that_is_saved_again_keeps_its_file(document: Any, alice: User) -> None:
    with as_owner(alice):
        row = document()
        row.content.save("a.txt", ContentFile("hello"))
    name = row.content.name
    row.full_clean()
    row.save()
    assert row.content.name == name
    assert info_of(name).file_name == "a.txt"


def test_a_file_that_its_user_deleted_breaks_no_page(document: Any, alice: User) -> None:
    with as_owner(alice):
        row = form_of(document, "a.csv", b"a;b", "text/csv").save()
    page = Template("{{ row.content.url }}|{{ row.content.size }}|{{ row.content.name }}")
    form = modelform_factory(document, fields=["content"])
    assert "href=" in str(form(instance=row))
    row.content.storage.delete(row.content.name)
    assert page.render(Context({"row": row})) == f"||{row.content.name}"
    without_link = str(form(instance=row))
    assert "href=" not in without_link
    assert 'type="file"' in without_link


def test_a_migration_has_the_options_of_the_storage() -> None:
    path, _, options = FilehubStorage(owner="7", folder="a").deconstruct()
    assert (path, options) == ("uploads.storages.FilehubStorage", {"owner": "7", "folder": "a"})


def test_the_policy_of_the_web_is_enough(alice: User, settings: Settings) -> None:
    size = 5 * MIB
    settings.FILEHUB = settings.FILEHUB | {"MULTIPART_THRESHOLD": size, "PART_SIZE": size}
    storage = FilehubStorage(owner=alice.pk)

    def saves_and_reads() -> None:
        for body in (b"hello", b"x" * (size + 1)):
            name = storage.save("a/b.txt", content(body))
            assert storage.open(name).read() == body
            assert storage.url("a/b.txt")
            assert storage.listdir("a") == ([], ["b.txt"])
            storage.delete(name)

    def discards() -> None:
        settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
        with pytest.raises(Exception, match="image"):
            storage.save("a.png", content(b"<html>"))
        with signed_by(ROOT_KEY):
            # What is in the trash.
            assert len(objects()) == 2

    steps = {"save and read": saves_and_reads, "discard": discards}
    assert work.first_failure(steps, create_user(policies()["Web"])) == ""
