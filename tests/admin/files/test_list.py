"""The list of files: paging, filters, search, hostile names and queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.http import urlencode
from pytest_django import Settings

from tests.admin.files.helpers import HOSTILE, LIST, act, ids_on, link, text_of
from tests.support.files import removal, store
from tests.support.records import tamper
from tests.support.users import PASSWORD
from uploads.accounts import owners
from uploads.admin.files import pages as admin_files
from uploads.core import keys
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, moves, queries
from uploads.files.batches import Actor
from uploads.files.record import StoredFile

pytestmark = pytest.mark.usefixtures("aws")


def test_the_list_pages_forwards_and_backwards(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_files, "PAGE_SIZE", 3)
    expected = sorted((store("7", f"{n}.txt") for n in range(8)), reverse=True)
    forwards, url = [], LIST
    while True:
        page = admin.get(url)
        forwards.append(ids_on(page))
        following = link(page, "next")
        if following is None:
            break
        url = LIST + following
    assert [len(ids) for ids in forwards] == [3, 3, 2]
    assert [upload_id for ids in forwards for upload_id in ids] == expected
    backwards = [forwards[-1]]
    while previous := link(page, "prev"):
        page = admin.get(LIST + previous)
        backwards.append(ids_on(page))
    assert backwards == forwards[::-1]


@pytest.mark.usefixtures("one_day")
def test_the_list_shows_name_owner_size_type_state_and_date(admin: Client, alice: User) -> None:
    store(str(alice.pk), "a.txt", b"x" * 2048)
    text = text_of(admin.get(LIST))
    for word in (
        "a.txt",
        "alice",
        "2\xa0kB",
        "text/plain",
        "stored",
        f"{datetime.now(UTC):%Y-%m-%d}",
    ):
        assert word in text


@pytest.mark.usefixtures("one_day")
def test_each_filter_shows_the_matching_files(
    admin: Client, alice: User, settings: Settings
) -> None:
    text = store(str(alice.pk), "report.txt")
    image = store("77", "picture.png")
    tamper(image, StoredFile.content_type.set("image/png"))
    gone = store("77", "gone.txt")
    removal(gone, 9)
    today = datetime.now(UTC).date()
    yesterday = (today - timedelta(days=1)).isoformat()
    for query, expected in (
        ("", [image, text]),
        ("state=deleted", [gone]),
        ("state=rejected", []),
        ("owner=alice", [text]),
        ("owner=77", [image]),
        ("owner=nobody", []),
        ("owner_id=77", [image]),
        ("owner_id=alice", []),
        ("kind=image", [image]),
        ("kind=image&owner=alice", []),
        ("kind=text&owner=alice", [text]),
        ("state=deleted&owner=77", [gone]),
        (f"from={today}&to={today}", [image, text]),
        (f"to={yesterday}", []),
        (f"from={today}&kind=text", [text]),
        ("q=REP", [text]),
        ("q=rep&owner=77", []),
        ("q=p&kind=image", [image]),
        (f"q={gone}", [gone]),
        (f"q={keys.object_key(text)}", [text]),
        ("q=gone&state=deleted", [gone]),
    ):
        assert ids_on(admin.get(f"{LIST}?{query}")) == expected, query


def test_a_filter_without_an_index_says_how_many_files_it_examined(admin: Client) -> None:
    for number in range(3):
        store("7", f"{number}.txt")
    for query in ("kind=text", "q=txt"):
        assert "3 files were searched" in text_of(admin.get(f"{LIST}?{query}")), query
    for query in ("", "owner=7", "state=deleted", "from=2020-01-01"):
        assert "searched" not in text_of(admin.get(f"{LIST}?{query}")), query


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-13-01", "from=9999-12-31", "to=0001-01-01"]
)
def test_an_invalid_date_is_reported(admin: Client, query: str) -> None:
    upload_id = store("7")
    page = admin.get(f"{LIST}?{query}")
    assert "is not a date" in text_of(page)
    assert ids_on(page) == [upload_id]


def test_filters_combine_and_return_to_the_first_page(admin: Client) -> None:
    cursor = store("7")
    page = admin.get(f"{LIST}?owner=7&kind=text&cursor={cursor}").content.decode()
    links = [unescape(url) for url in re.findall(r'<a href="(\?[^"]*)">', page)]
    assert "?kind=image&owner=7" in links
    assert not [url for url in links if "cursor" in url]
    form = page[page.index('id="filter-owner"') - 500 : page.index('id="filter-owner"')]
    assert 'name="kind" value="text"' in form
    assert "cursor" not in form


@pytest.mark.parametrize("name", [name for name in HOSTILE if "<" in name or "&" in name])
def test_a_hostile_name_is_escaped_on_every_page(admin: Client, alice: User, name: str) -> None:
    upload_id = store(str(alice.pk), name)
    actions.sign_download(queries.any_stored_file(upload_id), str(alice.pk))
    act(admin, "check_again", upload_id, confirmed="yes")
    for page in (
        admin.get(LIST),
        admin.get(f"{LIST}{upload_id}/change/"),
        admin.get(f"{LIST}{upload_id}/history/"),
        admin.get(f"{LIST}{upload_id}/delete/"),
        act(admin, "change_owner", upload_id),
        act(admin, "delete_files", upload_id, confirmed="yes"),
        admin.get("/admin/"),
    ):
        assert page.status_code == 200
        body = page.content.decode()
        assert name not in body
        assert "<script>alert" not in body


def test_no_page_scans_the_table(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    upload_id = store("7")
    monkeypatch.setattr(StoredFile, "scan", lambda *a, **k: pytest.fail("a scan"))
    for path in ("", "?kind=text", "?q=a", "?state=deleted&owner=7", f"{upload_id}/change/"):
        assert admin.get(LIST + path).status_code == 200


def test_an_outage_is_an_error_page_without_a_traceback(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise BackendUnavailable

    monkeypatch.setattr(admin_files, "find", refuse)
    page = admin.get(LIST)
    assert page.status_code == 503
    assert "Traceback" not in page.content.decode()


def test_a_numeric_user_name_is_not_mistaken_for_an_owner(admin: Client) -> None:
    gone = store("77", "of a user who is gone.txt")
    named = User.objects.create_user("77", password=PASSWORD)
    theirs = store(str(named.pk), "of the user 77.txt")
    assert ids_on(admin.get(f"{LIST}?owner=77")) == [theirs]
    page = admin.get(f"{LIST}{gone}/change/").content.decode()
    (listed,) = re.findall(rf'href="({LIST}\?owner_id=[^"]+)"', page)
    assert ids_on(admin.get(unescape(listed))) == [gone]
    # The form field shows the user name of the owner.
    shown = admin.get(f"{LIST}?owner_id={named.pk}").content.decode()
    assert re.search(r'name="owner" id="filter-owner" value="77"', shown)


@pytest.mark.parametrize("owner", ["9" * 40, "1_0", "٣", "-1", "x" * 300, "0", " 1"])
def test_every_page_works_for_an_owner_that_is_not_a_valid_user(
    admin: Client, root: User, owner: str
) -> None:
    upload_id = store(owner)
    for path in ("", f"{upload_id}/change/", f"{upload_id}/history/", f"{upload_id}/delete/"):
        page = admin.get(LIST + path)
        assert page.status_code == 200
    assert owners.user_of_owner(owner) is None
    assert admin.get("/admin/uploads/storagereport/").status_code == 200
    if owner == owner.strip()[:255]:
        assert ids_on(admin.get(f"{LIST}?{urlencode({'owner': owner})}")) == [upload_id]


@pytest.mark.parametrize(
    "query", ["owner=%00", "q=%00", "q=" + "x" * 5000, "owner=" + "x" * 5000, "owner_id=%00"]
)
def test_a_hostile_query_finds_nothing(admin: Client, query: str) -> None:
    store("7")
    page = admin.get(f"{LIST}?{query}")
    assert page.status_code == 200
    assert "x" * 5000 not in text_of(page) or ids_on(page) == []


def test_a_name_cannot_change_the_text_direction(admin: Client) -> None:
    upload_id = store("7", "report\u202egpj.exe")
    for path in (LIST, f"{LIST}{upload_id}/change/", f"{LIST}{upload_id}/delete/"):
        page = admin.get(path).content.decode()
        heading = re.sub(r'(alt|title|value)="[^"]*"', "", page)
        assert "report\ufffdgpj.exe" in heading


def test_files_are_filtered_by_tag_and_show_what_was_said_about_them(admin: Client) -> None:
    tagged, _other = store("7", "a.txt"), store("7", "b.txt")
    actor = Actor("7", "7")
    moves.update(tagged, actor, tags=["März", "<b>"], context={"order": "\u202e7"})
    for query in ({"tag": "März"}, {"tag": "Ma\u0308rz", "owner_id": "7"}, {"tag": " <b> "}):
        assert ids_on(admin.get(LIST, query)) == [tagged]
    page = admin.get(LIST, {"tag": "x" * 65})
    assert "is not a tag" in text_of(page)
    assert len(ids_on(page)) == 2
    text = text_of(admin.get(f"{LIST}{tagged}/change/"))
    assert "März, <b>" in text
    assert '{"order":"\N{REPLACEMENT CHARACTER}7"}' in text
