"""What a hostile or clumsy project does with the fields."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.forms import BaseFormSet, formset_factory
from django.test import RequestFactory
from pytest_django import Settings
from rest_framework import serializers

from tests.attachments.files import MANUAL
from tests.attachments.shop import Application, Draft, Product, ProductForm, SpecialProduct
from uploads import rest_framework  # registers its field
from uploads.attachments import checking
from uploads.fields import KEEP, StoredFileField
from uploads.forms import StoredFileField as FormField
from uploads.forms import StoredFileFormSetMixin, claim_files
from uploads.testing import StoredFiles, stored_files

__all__ = ["rest_framework", "stored_files"]

pytestmark = pytest.mark.usefixtures("shop")


class ProductWithMore(ProductForm):
    extra = FormField(key="extra", required=False)


def test_form_data_of_any_type_is_an_error_of_the_field(
    alice: User, stored_files: StoredFiles
) -> None:
    for value in (7, True, 1.5, {"a": 1}, [{"a": 1}], [["a"]], b"x", object()):
        form = Application({"name": "A", "letters": value}, user=alice)
        assert [error.code for error in form.errors.as_data()["letters"]] == ["not_found"], value


def test_initial_values_give_no_access_to_the_file_of_another_user(
    alice: User, bob: User, stored_files: StoredFiles
) -> None:
    """The admin site takes them from the URL."""
    theirs = stored_files.add(bob, MANUAL, name="secret.txt")
    initial = {"manual": theirs.id}
    assert "secret" not in str(ProductForm(initial=initial, user=alice)["manual"])
    form = ProductForm({"name": "L", "manual": theirs.id}, initial=initial, user=alice)
    assert form.errors.as_data()["manual"][0].code == "not_found"
    # Nor does a field that is no column of the row.
    initial = {"extra": theirs.id}
    assert "secret" not in str(ProductWithMore(initial=initial, user=alice)["extra"])
    form = ProductWithMore({"name": "L", "extra": theirs.id}, initial=initial, user=alice)
    assert form.errors.as_data()["extra"][0].code == "not_found"


def test_an_id_counts_once_however_it_is_written(alice: User, stored_files: StoredFiles) -> None:
    file = stored_files.add(alice, MANUAL)
    accepts = Product._meta.get_field("manual").options.accepts(alice)  # type: ignore[union-attr]
    assert checking.check([file.id, file.id.upper()], accepts).files == (file,)


def test_rows_are_deleted_in_every_way(
    alice: User, stored_files: StoredFiles, django_capture_on_commit_callbacks: Any
) -> None:
    cases: list[tuple[Any, Any, str]] = [
        (Product, lambda rows: rows.only("name").delete(), "trashed"),
        (Product, lambda rows: rows.defer("manual").get().delete(), "trashed"),
        (SpecialProduct, lambda rows: rows.get().delete(), "trashed"),
        (SpecialProduct, lambda rows: rows.get().delete(keep_parents=True), "stored"),
    ]
    for model, delete, state in cases:
        file = stored_files.add(alice, MANUAL)
        row = model.objects.create(name="Lamp", manual=file)
        with django_capture_on_commit_callbacks(execute=True):
            delete(model.objects.filter(pk=row.pk))
        assert stored_files.files[file.id].state == state


@pytest.mark.parametrize("options", [{}, {"unique": False}, {"unique": False, "db_index": False}])
def test_a_second_makemigrations_finds_no_change(options: dict[str, bool]) -> None:
    field = StoredFileField(on_delete=KEEP, **options)
    assert field.clone().deconstruct() == field.deconstruct()


def test_a_claim_names_what_uses_the_file(alice: User, stored_files: StoredFiles) -> None:
    with pytest.raises(ValueError, match="by is empty"):
        claim_files([stored_files.add(alice, "a.b")], by="")


class AnyProduct(serializers.ModelSerializer):
    class Meta:
        model = Product
        fields = "__all__"


def test_a_model_serializer_checks_files_by_itself(
    alice: User, bob: User, stored_files: StoredFiles
) -> None:
    request = RequestFactory().post("/")
    request.user = alice
    mine, theirs = (stored_files.add(user, MANUAL).id for user in (alice, bob))
    for data, code in (
        ({"manual": theirs}, "not_found"),
        ({"manual": ""}, "null"),
        ({"manual": mine, "photo": ""}, None),
    ):
        given = AnyProduct(data={"name": "L", **data}, context={"request": request})
        assert given.is_valid() is (code is None), data
        assert not code or given.errors["manual"][0].code == code
    assert given.validated_data["photo"] is None


def test_the_app_registers_its_serializer_field(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = serializers.ModelSerializer.serializer_field_mapping
    monkeypatch.delitem(mapping, StoredFileField)
    monkeypatch.delitem(sys.modules, "uploads.rest_framework")
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "rest_framework"]
    assert StoredFileField in mapping


@pytest.mark.usefixtures("installed")
def test_a_file_that_a_row_of_another_model_has_stays(
    alice: User, stored_files: StoredFiles, django_capture_on_commit_callbacks: Any
) -> None:
    file = stored_files.add(alice, MANUAL)
    with django_capture_on_commit_callbacks(execute=True):
        product = Product.objects.create(name="Lamp", manual=file)
        draft = Draft.objects.create(file=file)
    for row, state in ((product, "stored"), (draft, "trashed")):
        with django_capture_on_commit_callbacks(execute=True):
            row.delete()
        assert stored_files.files[file.id].state == state


@pytest.mark.usefixtures("installed")
def test_a_file_is_used_when_a_row_has_it_that_has_not_claimed_it(
    alice: User, stored_files: StoredFiles
) -> None:
    file = stored_files.add(alice, MANUAL)
    Product.objects.bulk_create([Product(name="Lamp", manual=file)])
    accepts = Product._meta.get_field("manual").options.accepts(alice)  # type: ignore[union-attr]
    (problem,) = checking.check([file.id], accepts).problems
    assert (problem.code, problem.parameters) == ("claimed", {"name": "file.txt"})
    assert checking.check([file.id], accepts, initial=[file.id]).files == (file,)


def test_an_expression_is_no_file() -> None:
    with pytest.raises(TypeError, match="takes a file or its id"):
        Product(name="Lamp").photo = F("manual")


class Applications(StoredFileFormSetMixin, BaseFormSet):  # type: ignore[type-arg]
    pass


def test_two_forms_of_a_formset_cannot_have_the_same_file(
    alice: User, stored_files: StoredFiles
) -> None:
    make = formset_factory(Application, formset=Applications)
    probe = make(form_kwargs={"user": alice})
    key = probe.forms[0]["letters"].field.key
    first, second = (stored_files.add(alice, key).id for _ in range(2))
    for other, codes in ((second, []), (first, ["claimed"])):
        data = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "0"}
        for number, upload_id in enumerate((first, other)):
            data |= {f"form-{number}-name": "A", f"form-{number}-letters": upload_id}
        formset = make(data, form_kwargs={"user": alice})
        found = formset.errors[1].as_data().get("letters", [])
        assert [error.code for error in found] == codes
        assert formset.is_valid() is (not codes)
