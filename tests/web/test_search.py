"""Searching by a part of a name: on the page, in the API and in the admin."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.admin.files.helpers import LIST, ids_on
from tests.support.files import store
from tests.support.users import signed_in

SEARCHES: dict[str, Callable[[Client, str], list[str]]] = {
    "page": lambda client, term: re.findall(
        r'href="/files/([^/"]+)/download', client.get("/", {"q": term}).content.decode()
    ),
    "API": lambda client, term: [
        found["id"]
        for found in client.get(
            "/files", {"q": term}, headers={"Accept": "application/json"}
        ).json()
    ],
    "admin": lambda client, term: ids_on(client.get(LIST, {"q": term})),
}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("where", SEARCHES)
def test_names_and_terms_are_compared_in_the_same_form(root: User, where: str) -> None:
    client = signed_in(root)
    ids = {name: store(str(root.pk), name) for name in (" lead.txt", "Straße.txt", "cafe\u0301")}
    terms = {
        " lead": [" lead.txt"],
        " ": [" lead.txt"],
        "lead": [" lead.txt"],
        "EAD.T": [" lead.txt"],
        "  lead": [],
        " lead.txt ": [],
        "STRASSE": ["Straße.txt"],
        "straße.": ["Straße.txt"],
        "CAFÉ": ["cafe\u0301"],
        "afe": ["cafe\u0301"],
    }
    search = SEARCHES[where]
    found = {term: search(client, term) for term in terms}
    assert found == {term: [ids[name] for name in names] for term, names in terms.items()}


@pytest.mark.usefixtures("aws")
def test_the_admin_finds_an_id_that_was_pasted_with_spaces(root: User) -> None:
    client, upload_id = signed_in(root), store("7")
    for term in (f" {upload_id}\t", f"uploads/{upload_id[-1]}/{upload_id} "):
        assert SEARCHES["admin"](client, term) == [upload_id]
