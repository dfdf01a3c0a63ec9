"""Forms and the admin: what they show, keep and save."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.forms import formset_factory
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from tests.attachments.files import MANUAL, send, stored
from tests.attachments.shop import Application, Product, ProductForm, site
from tests.support.users import signed_in
from uploads.accounts.owners import owner_of
from uploads.attachments.widgets import ELEMENT, STYLES
from uploads.core import keys
from uploads.core.conf import conf
from uploads.transfers import field_tokens

pytestmark = pytest.mark.usefixtures("aws", "shop")

LETTERS = "tests.attachments.shop.Application.letters"


def two_forms(request: HttpRequest) -> HttpResponse:
    """A page with two forms of the same kind."""
    forms = [Application(None, user=request.user, prefix=prefix) for prefix in "ab"]
    return HttpResponse("".join(map(str, forms)))


urlpatterns = [
    path("shop/", site.urls),
    path("two/", two_forms),
    path("", include("filehub.urls")),
]


@pytest.fixture
def _pages(installed: None, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def ids(html: Any) -> list[str]:
    return [text.partition('"')[0] for text in str(html).split('data-id="')[1:]]


def test_the_widget_has_what_the_element_needs(alice: User, settings: Settings) -> None:
    form = ProductForm(user=alice)
    html = str(form["manual"])
    for part in (
        '<filehub-upload name="manual"', 'data-api="/"', 'data-types="text/*"',
        'data-max-size="10"', 'data-csrf-header="X-CSRFTOKEN"', 'data-csrf-cookie="csrftoken"',
        ' required', 'id="id_manual"', "<noscript>Choosing a file needs JavaScript.",
    ):  # fmt: skip
        assert part in html
    assert " multiple" not in html
    assert f'data-user="{alice.pk}"' in html
    assert "data-max-size" not in str(ProductForm(user=alice)["photo"])
    # Without limits of its own, the field has those of the site.
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": "application/zip", "MAX_SIZE": 7}
    photo = str(ProductForm(user=alice)["photo"])
    assert 'data-types="application/zip"' in photo
    assert "application/x-zip-compressed" in photo.partition("data-accepted-types=")[2]
    assert 'data-max-size="7"' in photo
    token = html.partition('data-field="')[2].partition('"')[0]
    field = field_tokens.read(token, owner_of(alice))
    assert (field.key, field.types, field.max_size) == (MANUAL, ("text/*",), 10)
    assert " multiple" in str(Application(user=alice)["letters"])
    assert 'data-field=""' in str(ProductForm()["manual"])
    scripts = str(form.media)
    assert f'<script src="/static/{ELEMENT}" type="module"></script>' in scripts
    assert f'href="/static/{STYLES}"' in scripts
    assert 'src="/jsi18n/"' in scripts


def test_files_stay_chosen_while_another_field_is_invalid(alice: User, bob: User) -> None:
    name = '<b>"x".txt'
    good, late = stored(alice, LETTERS, name), send(alice, LETTERS)
    others = [stored(bob, LETTERS, "secret.txt"), stored(alice, MANUAL, "secret.txt"), "nonsense"]
    form = Application({"name": "", "letters": [good, late, *others]}, user=alice)
    assert not form.is_valid()
    html = str(form["letters"])
    assert ids(html) == [good, late]
    assert html.count('<input type="hidden" name="letters"') == 2
    assert "&lt;b&gt;&quot;x&quot;.txt</a>" in html
    assert "secret" not in html
    assert f'href="/files/{good}/download?redirect=1"' in html
    assert f'data-id="{good}" data-size="5"' in html
    # Inside a paragraph (`as_p`) any of these would end the element.
    assert not re.search(r"<(ul|ol|li|div|p|table)\b", html)


def test_a_disabled_field_keeps_what_it_has(alice: User) -> None:
    product = Product.objects.create(name="Lamp", manual=stored(alice))
    form = ProductForm({"name": "L", "manual": "x"}, instance=product, user=alice)
    form.fields["manual"].disabled = True
    assert form.is_valid()
    assert 'data-field=""' in str(form["manual"])
    assert form.save().manual == product.manual


def test_a_file_can_be_replaced_and_an_optional_one_cleared(alice: User) -> None:
    first, second = stored(alice), stored(alice)
    photo = stored(alice, "attachments.product.photo")
    product = Product.objects.create(name="Lamp", manual=first, photo=photo)
    form = ProductForm({"name": "Lamp", "manual": second}, instance=product, user=alice)
    assert form.changed_data == ["manual", "photo"]
    assert form.is_valid(), form.errors
    form.save()
    product.refresh_from_db()
    assert (product.manual, product.photo) == (second, None)
    form = ProductForm({"name": "Lamp"}, instance=product, user=alice)
    assert form.errors.as_data()["manual"][0].code == "required"


def test_each_form_of_a_formset_has_the_user(alice: User) -> None:
    formset = formset_factory(Application)(
        {
            "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "0",
            "form-0-name": "A",
            "form-0-letters": stored(alice, LETTERS),
        },
        form_kwargs={"user": alice},
    )
    assert formset.is_valid(), formset.errors


@pytest.mark.usefixtures("_pages")
def test_several_fields_on_a_page_have_names_and_ids_of_their_own(alice: User) -> None:
    html = signed_in(alice).get("/two/").content.decode()
    assert html.count("<filehub-upload ") == 2
    for part in ('name="a-letters"', 'name="b-letters"', 'id="id_a-letters"', 'id="id_b-letters"'):
        assert html.count(part) >= 1


@pytest.mark.usefixtures("_pages")
def test_the_admin_adds_and_changes_a_row(root: User, admin: Client, alice: User) -> None:
    page = admin.get("/shop/attachments/product/add/")
    html = page.content.decode()
    assert html.count("<filehub-upload ") == 2
    assert html.count(ELEMENT) == 1
    assert conf().s3_origin in page["Content-Security-Policy"]
    theirs = stored(alice)
    form = {"name": "Lamp", "manual": theirs}
    answer = admin.post("/shop/attachments/product/add/", form)
    assert "does not exist, or it is not yours" in answer.content.decode()
    mine = stored(root, name="mine.txt")
    answer = admin.post("/shop/attachments/product/add/", form | {"manual": mine})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    product = Product.objects.get()
    assert product.manual == mine
    # What another member of the staff has chosen stays, and can be opened.
    Product.objects.filter(pk=product.pk).update(manual=theirs)
    address = f"/shop/attachments/product/{product.pk}/change/"
    html = admin.get(address).content.decode()
    assert ids(html) == [theirs]
    assert f'<a href="{conf().s3_origin}' in html
    answer = admin.post(address, form | {"name": "Lamps"})
    assert answer.status_code == 302, answer.content.decode()[:3000]
    product.refresh_from_db()
    assert (product.name, product.manual) == ("Lamps", theirs)


def test_the_key_of_a_form_without_a_model(alice: User) -> None:
    def make() -> Any:
        class Inner(Application):
            pass

        return Inner(user=alice)

    field = make()["letters"].field
    assert field.key == (
        "tests.attachments.test_forms.test_the_key_of_a_form_without_a_model.-locals-."
        "make.-locals-.Inner.letters"
    )[-100:].lstrip(".-")
    assert keys.parse_upload_id(field.key) is None
