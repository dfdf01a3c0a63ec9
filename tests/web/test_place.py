"""What an address of the page lists, and the first page of that list."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client

from tests.support.files import store
from tests.support.processes import ROOT
from tests.support.users import PASSWORD
from uploads.accounts import owners
from uploads.web.place import Place, parse

#: place.test.js reads the same addresses.
ADDRESSES = json.loads((ROOT / "tests/shared/places.json").read_text())["addresses"]


def place_of(fields: dict[str, Any]) -> Place:
    return Place(**{"kind" if name == "type" else name: value for name, value in fields.items()})


@pytest.mark.parametrize("case", ADDRESSES, ids=lambda case: case["query"] or "nothing")
def test_an_address_says_what_is_listed(case: dict[str, Any]) -> None:
    place = place_of(case["place"])
    assert parse(QueryDict(case["query"])) == place
    assert parse(QueryDict(place.address())) == place
    assert parse(QueryDict(case["address"])) == place


def get(user: User, query: dict[str, str]) -> tuple[Client, Any]:
    client = Client()
    assert client.login(username=user.username, password=PASSWORD)
    return client, client.get("/", query)


def first_page(response: Any) -> Any:
    """The data of the list in a page; None if scripts have to fetch it."""
    match = re.search(
        r'<script id="first-page" type="application/json">(.*?)</script>', response.content.decode()
    )
    assert match
    return json.loads(match[1])


def without_nulls(value: Any) -> Any:
    """JSON without the fields that are null, which some responses leave out."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    return value


def links(response: Any) -> list[str]:
    """The ids of the files that can be downloaded, in their order."""
    return re.findall(r'href="/files/([^/"]+)/download', response.content.decode())


@pytest.fixture
def files(aws: None, alice: User) -> dict[str, str]:
    """Names of alice's files -> their ids, in the order of their upload."""
    owner = owners.owner_of(alice)
    places = {"b.txt": "", "<i>.txt": "Photos", "a.txt": "Photos", "c.txt": "Photos/2024"}
    return {name: store(owner, name, folder=folder) for name, folder in places.items()}


#: What an address shows without scripts: the names of the files, and the folders that are linked.
LISTS: dict[str, tuple[dict[str, str], list[str], list[str]]] = {
    "the root": ({}, ["b.txt"], ["Photos"]),
    "a folder": ({"folder": "Photos"}, ["a.txt", "<i>.txt"], ["Photos/2024"]),
    "by name": ({"folder": "Photos", "sort": "-name"}, ["a.txt", "<i>.txt"], ["Photos/2024"]),
    "a type": ({"folder": "Photos", "type": "text"}, ["a.txt", "<i>.txt"], []),
    "another type": ({"folder": "Photos", "type": "image"}, [], []),
    "a search": ({"q": ".TXT"}, ["c.txt", "a.txt", "<i>.txt", "b.txt"], []),
    "a search in a folder": ({"q": "t", "folder": "Photos"}, ["c.txt", "a.txt", "<i>.txt"], []),
    "no match": ({"q": "nothing"}, [], []),
    "the trash": ({"view": "trash"}, [], []),
    "rejected uploads": ({"view": "rejected"}, [], []),
    "another spelling": ({"folder": "/Photos"}, [], []),
}


@pytest.mark.parametrize("case", LISTS)
def test_without_scripts_the_page_lists_the_same_as_the_api(
    alice: User, files: dict[str, str], case: str
) -> None:
    query, expected, folders = LISTS[case]
    client, response = get(alice, query)
    assert links(response) == [files[name] for name in expected]
    text = response.content.decode()
    shown = [
        f for f in ("Photos", "Photos/2024") if f'class="file-name" href="/?folder={f}"' in text
    ]
    assert shown == folders
    assert "<i>.txt" not in text
    data = first_page(response)
    if response.status_code == 404:
        assert data is None
        return
    place = parse(QueryDict(urlencode(query)))
    if place.is_folder:
        names = {"folder": place.folder, "sort": place.sort, "type": place.kind or ""}
        body = client.get("/folders", names).json()
        del data["examined"]
        assert without_nulls(data) == without_nulls(body)
    else:
        state = {"files": "stored", "trash": "trashed", "rejected": "rejected"}[place.view]
        names = {"state": state, "q": place.q, **({"folder": place.folder} if place.folder else {})}
        assert without_nulls(data["files"]) == client.get("/files", names).json()


def test_without_scripts_every_page_of_a_folder_can_be_reached(
    alice: User, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploads.web.pages.PAGE_SIZE", 1)
    address, found = "/?folder=Photos&sort=name", []
    client, _ = get(alice, {})
    while address:
        response = client.get(address)
        found += links(response)
        match = re.search(r'class="files-more"><a [^>]*href="([^"]+)"', response.content.decode())
        address = match[1].replace("&amp;", "&") if match else ""
        # The scripts cannot continue a list of which they do not know the beginning.
        assert (first_page(response) is None) == (
            "cursor=" in response.wsgi_request.get_full_path()
        )
    assert found == [files["<i>.txt"], files["a.txt"]]


@pytest.mark.parametrize("folder", ["Nowhere", "photos", "a//b", "/", "x" * 500, "a/../b", "\x00"])
def test_a_folder_that_does_not_exist_says_so(
    alice: User, files: dict[str, str], folder: str
) -> None:
    _, response = get(alice, {"folder": folder})
    assert response.status_code == 404
    assert b"This folder does not exist" in response.content
    assert links(response) == []


def test_an_invalid_cursor_shows_the_first_page(alice: User, files: dict[str, str]) -> None:
    for query in ({"cursor": "x"}, {"cursor": "x", "q": "b"}):
        _, response = get(alice, query)
        assert links(response) == [files["b.txt"]]


def test_the_page_lists_nothing_of_other_users(root: User, files: dict[str, str]) -> None:
    for query in ({}, {"q": ".txt"}, {"folder": "Photos"}):
        _, response = get(root, query)
        assert links(response) == []
        assert b"Photos/2024" not in response.content
