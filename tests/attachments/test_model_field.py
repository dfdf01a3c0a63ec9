"""The model field: what a row has, what happens to its file, what Django does with the field."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.migrations.writer import MigrationWriter
from django.test.utils import isolate_apps
from pytest_django import Settings

from tests.attachments.files import MANUAL, send, stored
from tests.attachments.shop import Draft, Product, SpecialProduct
from uploads.attachments.attached import AttachedFile
from uploads.fields import KEEP, TRASH, StoredFileField, read_files
from uploads.files import queries
from uploads.files.record import FileInfo

pytestmark = pytest.mark.usefixtures("aws", "shop")

PHOTO = "attachments.product.photo"


def info(upload_id: str) -> FileInfo:
    found = queries.any_file(upload_id)
    assert found is not None
    return found


@pytest.fixture
def committed(django_capture_on_commit_callbacks: Any) -> Any:
    """What is saved inside counts as committed at its end."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_a_row_knows_its_file_and_reads_it_once(alice: User, aws_requests: Any) -> None:
    Product.objects.create(name="Lamp", manual=stored(alice, name="Anleitung.txt"))
    product = Product.objects.get()
    aws_requests.counts()
    manual = product.manual
    seen = (manual.name, manual.size, manual.content_type, manual.state, manual.exists())
    assert seen == ("Anleitung.txt", 5, "text/plain", "stored", True)
    assert manual.url().startswith("http")
    assert manual.url(inline=True) != manual.url()
    assert aws_requests.counts() == {"dynamodb": 1}
    assert (manual.sha256, product.photo) == ("", None)
    assert (not product.photo, str(manual)) == (True, manual.id)
    pending = AttachedFile(send(alice))
    assert (pending.state, pending.exists(), pending.name, pending.url()) == (
        "pending",
        False,
        "",
        "",
    )


def test_many_rows_are_read_with_one_request(alice: User, aws_requests: Any) -> None:
    for number in range(3):
        Product.objects.create(name=str(number), manual=stored(alice, name=f"{number}.txt"))
    aws_requests.counts()
    products = list(Product.objects.order_by("name"))
    read_files(each.manual for each in products)
    read_files(each.photo for each in products)
    assert [each.manual.name for each in products] == ["0.txt", "1.txt", "2.txt"]
    assert aws_requests.counts() == {"dynamodb": 1}


def test_a_file_is_claimed_when_its_row_is_committed(
    alice: User, committed: Any, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"UNCLAIMED_DAYS": 3}
    used, unused = stored(alice), stored(alice)
    assert info(used).kept_until is not None
    with committed():
        product = Product.objects.create(name="Lamp", manual=used)
        assert info(used).claimed_by == ""
    assert (info(used).claimed_by, info(used).kept_until) == (f"{MANUAL}:{product.pk}", None)
    assert (info(unused).claimed_by, info(unused).kept_until is None) == ("", False)
    with committed():  # nothing about the file has changed
        product.save()
    assert info(used).state == "stored"


def test_a_transaction_that_fails_leaves_the_file_as_it_was(alice: User, committed: Any) -> None:
    upload_id = stored(alice)
    with committed():
        with pytest.raises(IntegrityError), transaction.atomic():
            Product.objects.bulk_create(
                Product(name=name, manual=upload_id) for name in ("Lamp", "Replayed")
            )
        Product.objects.create(name="Again", manual=upload_id)
    assert info(upload_id).claimed_by == f"{MANUAL}:{Product.objects.get().pk}"


#: How a row loses its file.
LOSSES = {
    "replaced": lambda row, new: setattr(row, "manual", new) or row.save(),
    "with update_fields": lambda row, new: (
        setattr(row, "manual", new) or row.save(update_fields=["manual"])
    ),
    "deleted": lambda row, new: row.delete(),
    "deleted by a queryset": lambda row, new: Product.objects.all().delete(),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_what_a_row_loses_moves_to_the_trash_or_stays(
    lose: Any, alice: User, committed: Any
) -> None:
    manual, photo, new = stored(alice), stored(alice, PHOTO), stored(alice)
    with committed():
        row = Product.objects.create(name="Lamp", manual=manual, photo=photo)
    with committed(), transaction.atomic():
        lose(Product.objects.get(pk=row.pk), new)
        transaction.set_rollback(True)
    assert info(manual).state == "stored"
    with committed():
        lose(Product.objects.get(pk=row.pk), new)
        assert info(manual).state == "stored"
    assert (info(manual).state, info(manual).trashed_by) == ("trashed", MANUAL)
    assert (info(photo).state, info(new).state) == ("stored", "stored")


def test_a_save_without_the_field_changes_nothing(alice: User, committed: Any) -> None:
    first, second = stored(alice), stored(alice)
    with committed():
        row = Product.objects.create(name="Lamp", manual=first)
    with committed():
        row.manual = second
        row.save(update_fields=["name"])
        Product.objects.defer("manual").get().save()
    assert (info(first).state, info(second).claimed_by) == ("stored", "")
    assert Product.objects.get().manual == first


def test_a_model_that_inherits_does_the_same(alice: User, committed: Any) -> None:
    first, second = stored(alice), stored(alice)
    with committed():
        row = SpecialProduct.objects.create(name="Lamp", manual=first)
    with committed():
        row.manual = second
        row.save()
    assert (info(first).state, info(second).claimed_by) == ("trashed", f"{MANUAL}:{row.pk}")
    with committed():
        row.delete()
    assert info(second).state == "trashed"


def test_a_file_that_another_row_has_does_not_move_to_the_trash(
    alice: User, committed: Any
) -> None:
    upload_id = stored(alice, "attachments.draft.file")
    with committed():
        rows = [Draft.objects.create(file=upload_id) for _ in range(2)]
    with committed():
        rows[0].delete()
    assert info(upload_id).state == "stored"
    with committed():
        rows[1].delete()
    assert info(upload_id).state == "trashed"


def test_an_outage_after_the_commit_does_not_fail_the_request(
    alice: User, committed: Any, aws_requests: Any, no_pauses: None, caplog: Any
) -> None:
    first, second = stored(alice), stored(alice)
    with committed():
        row = Product.objects.create(name="Lamp", manual=first)
    aws_requests.cut.add("dynamodb")
    with committed():
        row.manual = second
        row.save()
    aws_requests.cut.clear()
    assert f"the claim of {second} failed" in caplog.text
    assert f"{first} was not moved to the trash" in caplog.text
    assert (info(first).state, info(second).claimed_by) == ("stored", "")


@pytest.mark.usefixtures("installed")
def test_django_stores_queries_and_serializes_the_id(alice: User) -> None:
    upload_id = stored(alice)
    row = Product.objects.create(name="Lamp", manual=AttachedFile(upload_id))
    assert list(Product.objects.values_list("manual", "photo")) == [(upload_id, None)]
    assert Product.objects.get(manual=upload_id.upper()) == row
    assert Product.objects.filter(manual__in=[AttachedFile(upload_id)], photo=None).exists()
    text = serializers.serialize("json", Product.objects.all())
    assert json.loads(text)[0]["fields"] == {"name": "Lamp", "manual": upload_id, "photo": None}
    Product.objects.all().delete()
    for loaded in serializers.deserialize("json", io.StringIO(text)):
        loaded.save()
    assert Product.objects.get().manual == upload_id


@pytest.mark.parametrize(
    ("manual", "code"), [("x", "invalid"), ("", "null"), (None, "null"), (7, "invalid")]
)
def test_full_clean_refuses_what_is_no_file(manual: Any, code: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Product(name="Lamp", manual=manual).full_clean()
    assert [error.code for error in refusal.value.error_dict["manual"]] == [code]


def test_migrations_have_every_option() -> None:
    field = StoredFileField(
        types="Image/*", max_size=5, wait=1.0, allow_pending=True, on_delete=KEEP, blank=True
    )
    text, imports = MigrationWriter.serialize(field)
    assert imports == {"import uploads.fields"}
    assert text == (
        "uploads.fields.StoredFileField(allow_pending=True, blank=True, max_size=5, null=True, "
        "on_delete='keep', types=('image/*',), unique=True, wait=1.0)"
    )
    again = field.clone()
    assert again.deconstruct() == field.deconstruct()
    shared = StoredFileField(on_delete=TRASH, unique=False)
    assert shared.clone().deconstruct()[3] == {
        "db_index": True, "on_delete": "trash", "unique": False,
    }  # fmt: skip


@isolate_apps("tests.attachments")
def test_wrong_options_are_found_by_the_checks() -> None:
    class Wrong(models.Model):  # noqa: DJ008
        kept = StoredFileField(on_delete="cascade")
        sized = StoredFileField(on_delete=KEEP, max_size=0)
        blank = StoredFileField(on_delete=KEEP, blank=True, null=False)

        class Meta:
            app_label = "attachments"

    found = {message.id for message in Wrong.check()}
    assert found >= {"filehub.E030", "filehub.E031", "filehub.E032"}
    with pytest.raises(TypeError, match="on_delete"):
        StoredFileField()  # type: ignore[call-arg]
