"""The same checks behind django-ninja and Django REST framework, and in tests of projects."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import RequestFactory
from ninja import NinjaAPI, Schema
from ninja.testing import TestClient
from rest_framework import serializers

from tests.attachments.files import MANUAL, stored
from tests.attachments.shop import Product, ProductForm
from uploads.attachments import gateway
from uploads.attachments.options import Options
from uploads.core.errors import FilehubError
from uploads.ninja import AttachedFile, StoredFileId, StoredFileIds, StoredFileOut
from uploads.rest_framework import StoredFileField
from uploads.testing import StoredFiles, stored_files
from uploads.transfers import field_tokens

__all__ = ["stored_files"]

pytestmark = pytest.mark.usefixtures("shop")

OPTIONS = Product._meta.get_field("manual").options  # type: ignore[union-attr]


class ProductSerializer(serializers.ModelSerializer):
    manual = StoredFileField(OPTIONS)

    class Meta:
        model = Product
        fields = ("name", "manual")


class NewProduct(Schema):
    manual: Annotated[AttachedFile, StoredFileId(OPTIONS)]
    letters: Annotated[list[AttachedFile], StoredFileIds(Options("a.letters", "text/*"))] = []


api = NinjaAPI(urls_namespace="attachments")


@api.post("/products", response=StoredFileOut)
def create(request: Any, body: NewProduct) -> AttachedFile:
    assert all(isinstance(each, AttachedFile) for each in body.letters)
    return body.manual


def serializer(user: Any, data: Any, instance: Product | None = None) -> ProductSerializer:
    request = RequestFactory().post("/")
    request.user = user
    return ProductSerializer(instance, data=data, context={"request": request})


def test_a_serializer_checks_saves_and_shows_a_file(
    alice: User, bob: User, stored_files: StoredFiles
) -> None:
    mine, theirs = (stored_files.add(user, MANUAL) for user in (alice, bob))
    accepted = serializer(alice, {"name": "Lamp", "manual": mine.id})
    assert accepted.is_valid(), accepted.errors
    product = accepted.save()
    shown = ProductSerializer(Product.objects.get()).data["manual"]
    assert (shown["id"], shown["name"], shown["state"]) == (mine.id, "file.txt", "stored")
    assert shown["url"].startswith("https://bucket.invalid/uploads/")
    for user, given, code in (
        (alice, theirs.id, "not_found"),
        (AnonymousUser(), mine.id, "no_user"),
        (alice, {"x": 1}, "not_found"),
    ):
        refused = serializer(user, {"name": "Lamp", "manual": given})
        assert not refused.is_valid()
        assert refused.errors["manual"][0].code == code
    # Another user changes the row; the file that it has stays valid.
    changed = serializer(bob, {"name": "Lamps", "manual": mine.id}, product)
    assert changed.is_valid(), changed.errors


def test_a_schema_checks_and_shows_files(alice: User, bob: User, stored_files: StoredFiles) -> None:
    client = TestClient(api)
    mine, theirs = (stored_files.add(user, MANUAL, name="a{b}.txt") for user in (alice, bob))
    answer = client.post("/products", json={"manual": mine.id}, user=alice)
    assert (answer.status_code, answer.json()["name"]) == (200, "a{b}.txt"), answer.json()
    letters = [stored_files.add(alice, "a.letters").id for _ in range(2)]
    body = {"manual": mine.id, "letters": letters}
    assert client.post("/products", json=body, user=alice).status_code == 200
    by_token = {"auth": alice}
    assert client.post("/products", json=body, user=AnonymousUser(), **by_token).status_code == 200
    for user, about, code in (
        (alice, {"manual": theirs.id}, "not_found"),
        (alice, {"letters": [letters[0], mine.id]}, "other_field"),
        (alice, {"letters": "x"}, "invalid"),
        (alice, {"manual": 7}, "invalid"),
        (AnonymousUser(), {}, "no_user"),
    ):
        answer = client.post("/products", json=body | about, user=user)
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, code)
    properties = NewProduct.model_json_schema()["properties"]
    assert properties["manual"]["format"] == properties["letters"]["items"]["format"] == "uuid"


def test_a_client_without_a_form_gets_a_token(alice: User) -> None:
    field = field_tokens.read(OPTIONS.token_for(alice), str(alice.pk))
    assert (field.key, field.types, field.max_size) == (MANUAL, ("text/*",), 10)
    assert OPTIONS.token_for(AnonymousUser()) == ""


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({}, None),
        ({"state": "rejected"}, "rejected"),
        ({"owner": "0"}, "not_found"),
        ({"size": 11}, "file_too_large"),
        ({"claimed_by": "x"}, "claimed"),
    ],
    ids=str,
)
def test_a_project_tests_its_forms_without_aws(
    attributes: dict[str, Any], code: str | None, alice: User, stored_files: StoredFiles,
    django_capture_on_commit_callbacks: Any, aws_requests: Any,
) -> None:  # fmt: skip
    aws_requests.cut |= {"s3", "dynamodb", "sqs"}
    file = stored_files.add(alice, MANUAL, **attributes)
    form = ProductForm({"name": "Lamp", "manual": file.id}, user=alice)
    codes = [error.code for error in form.errors.as_data().get("manual", [])]
    assert codes == ([code] if code else [])
    if code is None:
        with django_capture_on_commit_callbacks(execute=True):
            product = form.save()
        assert stored_files.files[file.id].claimed_by == f"{MANUAL}:{product.pk}"
        with django_capture_on_commit_callbacks(execute=True):
            product.delete()
        assert stored_files.files[file.id].state == "trashed"
    assert aws_requests.counts() == {}


def codes_of(errors: dict[str, FilehubError]) -> list[str]:
    return [error.code for error in errors.values()]


@pytest.mark.usefixtures("aws")
def test_the_files_in_memory_behave_as_those_on_aws(alice: User, stored_files: StoredFiles) -> None:
    """One script against both, so that tests of projects prove something."""
    seen = []
    for files, upload_id in (
        (gateway.Gateway(), stored(alice)),
        (stored_files, stored_files.add(alice, MANUAL).id),
    ):
        unknown = "01a21f8b-2d0e-7c6f-a151-6bd2ab1b1a8f"
        steps: list[Any] = [list(files.read([upload_id, unknown])) == [upload_id]]
        steps += [codes_of(files.claim({upload_id: by})) for by in ("a", "a", "b")]
        steps.append(codes_of(files.claim({unknown: "a"})))
        steps.append(files.read([upload_id])[upload_id].claimed_by)
        steps += [
            (result.state, result.error and result.error.code)
            for result in files.trash([upload_id, unknown], MANUAL)
        ]
        info = files.read([upload_id])[upload_id]
        steps.append((info.state, info.trashed_by, info.field, info.owner, info.file_name[-4:]))
        steps.append(files.heads([unknown]))
        seen.append(steps)
    assert seen[0] == seen[1]
