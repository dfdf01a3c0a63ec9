"""The audit log in the admin: who may read it, its filters and pages, and the download as CSV."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.files.helpers import HOSTILE, link, text_of
from tests.support.users import signed_in, staff
from uploads.accounts.audit import search
from uploads.admin.audit import export, pages
from uploads.core import keys
from uploads.models import AuditEntry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_static_files")]

LIST = "/admin/uploads/auditentry/"
EXPORT = f"{LIST}export/"
DAY = datetime(2026, 3, 14, tzinfo=UTC)


def add(**values: Any) -> AuditEntry:
    """An entry, by default a download of 14 March."""
    defaults = {"at": DAY, "action": "download_signed", "outcome": "ok", "user_name": "eve"}
    entry = AuditEntry(**{**defaults, **values})
    entry.save()
    return entry


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(StringIO(text)))


def shown(client: Client, query: str = "") -> list[int]:
    """The entries of a page of the list."""
    page = client.get(LIST + query)
    assert page.status_code == 200
    found = re.findall(r'href="/admin/uploads/auditentry/(\d+)/change/', page.content.decode())
    return [int(pk) for pk in found]


@pytest.mark.parametrize("path", ["", "export/", "{id}/change/", "{id}/history/"])
def test_only_the_permission_to_view_opens_it(alice: User, path: str) -> None:
    path = LIST + path.format(id=add().pk)
    assert Client().get(path).status_code == 302
    assert signed_in(alice).get(path).status_code in {302, 403}
    assert staff(alice, "view_file", "delete_file", "view_user").get(path).status_code == 403
    assert staff(alice, "view_auditentry").get(path).status_code == 200


@pytest.mark.parametrize("path", ["add/", "{id}/delete/", "{id}/change/"])
def test_not_even_a_superuser_can_change_it(admin: Client, path: str) -> None:
    entry = add()
    assert admin.post(LIST + path.format(id=entry.pk), {"action": "x"}).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"}
    admin.post(LIST, selected)
    assert AuditEntry.objects.get(pk=entry.pk).action == "download_signed"


def test_the_filters_select_entries(admin: Client, bob: User) -> None:
    upload_id = keys.new_upload_id("7", "secret")
    about = add(object_kind="file", object_id=upload_id)
    by_bob = add(user_key=str(bob.pk), user_name="bob", action="sign_in")
    gone = add(user_key="4711", user_name="gone")
    early, late = add(at=DAY - timedelta(days=3)), add(at=DAY + timedelta(days=3))
    queries = {
        f"?q={upload_id}": [about],
        f"?q=%20{upload_id.upper()}%20": [about],
        f"?q={keys.object_key(upload_id)}": [about],
        "?owner=bob": [by_bob],
        "?owner=4711": [gone],
        "?action=sign_in&to=2026-03-14": [by_bob],
        "?to=2026-03-13": [early],
        "?from=2026-03-15&to=2026-03-17": [late],
        "?from=2026-03-14&to=2026-03-14&action=sign_in": [by_bob],
        "?q=unknown": [],
    }
    for query, expected in queries.items():
        assert (query, shown(admin, query)) == (query, [entry.pk for entry in expected])


@pytest.mark.parametrize("cursor", ["x", "2026_5", "2026-01-01_99", "_", "2026-01-01T00:00Z_-1"])
def test_a_forged_cursor_is_an_error_for_people(admin: Client, cursor: str) -> None:
    assert admin.get(f"{LIST}?cursor={cursor}").status_code == 400


@pytest.mark.parametrize("query", ["?action=x", "?from=x&to=99999-01-01", "?q=%00", "?owner=%00"])
def test_other_nonsense_is_ignored(admin: Client, query: str) -> None:
    assert admin.get(LIST + query).status_code == 200


def test_pages_show_each_entry_once_newest_first(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    # Those of a batch have the same time.
    added = [add(at=DAY + timedelta(seconds=n // 3)).pk for n in range(7)]
    query, seen = "?action=download_signed", list[int]()
    while query:
        page = admin.get(LIST + query)
        found = re.findall(r"auditentry/(\d+)/change/", page.content.decode())
        seen += map(int, found)
        query = link(page, "next") or ""
    assert seen == added[::-1]


def test_a_page_costs_one_query_that_an_index_answers(admin: Client) -> None:
    after = "&cursor=2026-03-14T00:00:00%2B00:00_5"
    expected = {
        f"?{after}": "uploads_audit_at",
        "?from=2026-01-01&to=2026-02-01": "uploads_audit_at",
        f"?owner=4711{after}": "uploads_audit_user",
        "?owner=4711&from=2026-01-01": "uploads_audit_user",
        f"?q=4711{after}": "uploads_audit_object",
        f"?action=sign_in{after}": "uploads_audit_action",
    }
    for query, index in expected.items():
        with CaptureQueriesContext(connection) as captured:
            admin.get(LIST + query)
        (sql,) = [each["sql"] for each in captured if 'FROM "uploads_auditentry"' in each["sql"]]
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}".replace("%", "%%"), [])
            plan = " ".join(str(row[-1]) for row in cursor.fetchall())
        assert (query, index in plan, "TEMP B-TREE" in plan) == (query, True, False), plan
        assert " COUNT(" not in " ".join(each["sql"] for each in captured)


def test_hostile_text_is_shown_as_text(admin: Client) -> None:
    for text in HOSTILE:
        add(user_name=text, object_name=text, agent=text, detail=text)
    html = admin.get(LIST).content.decode()
    assert "<script>alert" not in html
    assert "\u202e" not in html
    assert unescape(html).count("a\"b'c&d") >= 3


# CSV


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\u200b=", "＝"])
def test_no_cell_is_a_formula(admin: Client, start: str) -> None:
    text = f"{start}1+1"
    add(user_name=text, object_name=text, agent=text, detail=text, address=text)
    row = next(row for row in rows_of(admin.get(EXPORT)) if row["action"] == "download_signed")
    for column in ("user_name", "object_name", "agent", "detail", "address"):
        assert "'" in row[column][: len(start) + 1], column
        assert row[column].replace("'", "") == text


def test_the_download_has_what_the_filters_select(admin: Client) -> None:
    entry = add(user_key="7", token_id=5, object_name="Straße, “x”.txt", request_id="abc")
    add(action="sign_in")
    response = admin.get(f"{EXPORT}?action=download_signed")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    (row,) = rows_of(response)
    assert row["at"] == "2026-03-14T00:00:00+00:00"
    assert (row["id"], row["token_id"]) == (str(entry.pk), "5")
    assert row["object_name"] == "Straße, “x”.txt"


def test_a_download_is_read_in_pieces_and_says_where_it_ends(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CHUNK", 2)
    added = [add().pk for _ in range(5)]
    for limit, cut in ((6, False), (5, False), (4, True)):
        lines = list(export.lines(search.Criteria(action="download_signed"), limit))
        assert (export.CUT_OFF in lines[-1]) == cut
        ids = [int(line.partition(",")[0]) for line in lines[1 : -1 if cut else None]]
        assert ids == added[::-1][:limit]


def test_the_page_says_how_long_entries_are_kept_and_whether_it_is_off(
    admin: Client, settings: Any
) -> None:
    assert "Entries are deleted after 365 days." in text_of(admin.get(LIST))
    settings.FILEHUB = settings.FILEHUB | {"AUDIT": "off"}
    assert "The audit log is off" in text_of(admin.get(LIST))


def test_the_newest_entry_is_first(admin: Client) -> None:
    old, new = add(), add(at=timezone.now() + timedelta(seconds=1))
    assert [pk for pk in shown(admin) if pk in {old.pk, new.pk}] == [new.pk, old.pk]
