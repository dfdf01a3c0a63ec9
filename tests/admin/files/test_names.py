"""Hostile names on every page that shows a file: no character changes the order of the others."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.files.helpers import LIST, act
from tests.support.files import store
from tests.support.users import signed_in

pytestmark = pytest.mark.usefixtures("aws")

NAME = "Rechnung_\u202excod \u202a \u2066 \u2069 \u200e \u200f \u061c \u2028 \u206a.exe"
DECEPTIVE = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")


def shown(page: Any) -> str:
    """What a page shows: not the data of its scripts, nor the term in its own field."""
    assert page.status_code == 200
    html = re.sub(r'<script id="first-page"[^>]*>[^<]*</script>', "", page.content.decode())
    return unescape(re.sub(r'<input class="input" id="search"[^>]*>', "", html))


def test_no_page_shows_a_deceptive_character(root: User, admin: Client) -> None:
    upload_id = store(str(root.pk), NAME)
    detail = f"{LIST}{upload_id}"
    pages = {
        "the user's list": signed_in(root).get("/"),
        "a search without a match": signed_in(root).get("/", {"q": f"no {NAME}"}),
        "the list": admin.get(LIST),
        "the details": admin.get(f"{detail}/change/"),
        "the deletion": admin.get(f"{detail}/delete/"),
        "a confirmation": act(admin, "change_owner", upload_id),
        "a message about a failure": act(
            admin, "change_owner", upload_id, confirmed="yes", answer="root"
        ),
        "a message about a success": act(admin, "delete_files", upload_id, confirmed="yes"),
        "the history": admin.get(f"{detail}/history/"),
        "the recent actions": admin.get("/admin/"),
    }
    assert [where for where, page in pages.items() if DECEPTIVE.search(shown(page))] == []
    named = {where for where, page in pages.items() if "\ufffd" in shown(page)}
    assert named == set(pages)
