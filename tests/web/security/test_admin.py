"""No page of the admin opens without its permission."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.web.security.routes import ADMIN

# Pages that need no AWS need static files too.
pytestmark = pytest.mark.usefixtures("_static_files")

#: Pages that all staff can see.
FOR_ALL_STAFF = {
    "index", "login", "logout", "sign_out_of_admin", "password_change", "password_change_done",
    "jsi18n", "view_on_site",
}  # fmt: skip


@pytest.mark.parametrize("is_staff", [False, True])
def test_no_page_of_the_admin_opens_without_its_permission(alice: User, is_staff: bool) -> None:
    alice.is_staff = is_staff
    alice.save()
    client = Client(headers={"Accept": "text/html"})
    client.force_login(alice)
    opened = {
        (method, path)
        for path, name in ADMIN
        if name not in FOR_ALL_STAFF
        for method in ("get", "post")
        if (response := getattr(client, method)(path)).status_code not in {403, 404, 405}
        and not (response.status_code == 302 and response["Location"].startswith("/admin/login/"))
        # Django redirects from addresses without a row before it checks permissions.
        and response.get("Location") not in {"/admin/", f"{path}change/"}
    }
    assert opened == set()


@pytest.mark.django_db
def test_every_page_of_the_admin_redirects_anonymous_users_to_the_login_page() -> None:
    client = Client(headers={"Accept": "text/html"})
    opened = [
        path
        for path, name in ADMIN
        if name not in {"login", "logout", "jsi18n"}
        and (response := client.get(path)).status_code not in {404, 405}
        and not (response.status_code == 302 and "/login/" in response["Location"])
    ]
    assert opened == []
