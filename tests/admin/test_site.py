"""The admin site with ordinary and with hostile addresses."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from tests.support.files import store
from tests.support.users import staff
from uploads.models import File

pytestmark = pytest.mark.usefixtures("aws")


def test_hostile_names_are_shown_as_text(admin: Client) -> None:
    store("7", "<script>alert(1)</script>.html")
    page = admin.get("/admin/uploads/file/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    "query", ["state=x", "cursor=x", "o=1", "p=2", "e=1", "q=x", "all=", "_popup=1", "size__gt=1"]
)
def test_strange_queries_do_no_harm(admin: Client, query: str) -> None:
    assert admin.get(f"/admin/uploads/file/?{query}").status_code in {200, 302, 400}


@pytest.mark.parametrize("path", ["x/change/", "add/", "x/delete/", "x/history/"])
def test_strange_addresses_do_no_harm(admin: Client, path: str) -> None:
    assert admin.get(f"/admin/uploads/file/{path}").status_code in {302, 403, 404}


def test_a_shortcut_to_a_row_without_a_table_is_a_404(admin: Client) -> None:
    kind = ContentType.objects.get_for_model(File)
    assert admin.get(f"/admin/r/{kind.pk}/x/").status_code == 404


def test_staff_without_the_permission_sees_nothing(alice: User) -> None:
    store("7", "secret.txt")
    client = staff(alice)
    assert client.get("/admin/uploads/file/").status_code == 403
    alice.user_permissions.add(Permission.objects.get(codename="view_file"))
    assert "secret.txt" in client.get("/admin/uploads/file/").content.decode()


def test_a_forged_selection_changes_nothing(admin: Client) -> None:
    forged = {"action": "delete_selected", "_selected_action": "zz"}
    for model in ("file", "apitoken"):
        assert admin.post(f"/admin/uploads/{model}/", forged).status_code in {200, 302, 403}
