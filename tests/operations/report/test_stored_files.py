"""The storage report agrees with what was uploaded."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.operations.report.helpers import page, section
from tests.support.files import store, upload
from tests.support.users import staff
from uploads.accounts import owners
from uploads.files import trash
from uploads.files.batches import Actor
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.ingest.reconciliation import checkpoints
from uploads.ingest.reconciliation.checkpoints import Run
from uploads.operations import report
from uploads.operations.report import rank

pytestmark = pytest.mark.usefixtures("aws")


@pytest.mark.usefixtures("one_day")
def test_the_numbers_match_the_uploads(
    admin: Client, alice: User, bob: User, settings: Settings
) -> None:
    for body in (b"12345", b"123"):
        store(owners.owner_of(alice), "a.txt", body)
    picture = upload(owners.owner_of(bob), "b.png", b"1234567890", "image/png")
    assert confirm.confirm(picture) == "stored"
    refused = upload(owners.owner_of(bob))
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert confirm.confirm(refused) == "rejected"

    html = page(admin)
    assert "Images 1 10 bytes 56% Text 2 8 bytes 44%" in section(html, "kinds-title")
    assert "bob 1 10 bytes 56% alice 2 8 bytes 44%" in section(html, "owners-title")
    days = section(html, "days-title")
    assert "3 files arrived, 18 bytes. 1 was rejected." in days
    today = datetime.now(UTC).date()
    assert f"{today:%Y-%m-%d} 3 18 bytes 1" in days
    assert f"{today - timedelta(days=1):%Y-%m-%d} 0 0 bytes 0" in days
    assert f"{today - timedelta(days=29):%Y-%m-%d} 0 0 bytes 0" in days
    assert f"{today - timedelta(days=30):%Y-%m-%d}" not in days
    headline = re.findall(r"<li><strong>([^<]*)</strong> (\w+)", html)
    assert headline == [("18\xa0bytes", "stored"), ("3", "files"), ("2", "owners")]


def test_the_report_and_the_dashboard_say_how_much_is_in_the_trash(admin: Client) -> None:
    store("7", "a.txt", b"12345")
    assert "in the trash" not in page(admin)
    trash.move_to_trash([store("7", "b.txt", b"123")], Actor("7", "7"))
    headline = re.findall(r"<li><strong>([^<]*)</strong> ([^<]*)</li>", page(admin))
    assert headline[0] == ("8\xa0bytes", "stored")
    assert ("3\xa0bytes", "of that in the trash") in headline
    dashboard = admin.get("/admin/").content.decode()
    assert "including 3\xa0bytes in 1 file in the trash" in dashboard


def test_each_line_links_to_its_files(admin: Client, alice: User) -> None:
    alice.username = "al&ice +x@example.com"
    alice.save()
    store(owners.owner_of(alice))
    html = page(admin)
    assert 'href="/admin/uploads/file/?kind=text"' in html
    assert f'href="/admin/uploads/file/?owner_id={alice.pk}"' in html


def test_without_permission_to_view_files_there_are_no_links(alice: User) -> None:
    store(owners.owner_of(alice))
    html = page(staff(alice, "view_storagereport"))
    assert "alice 1 5 bytes" in section(html, "owners-title")
    assert "uploads/file/" not in html


def test_hostile_names_are_shown_as_text(admin: Client, alice: User) -> None:
    alice.username = '"><script>alert(1)</script>'
    alice.save()
    store(owners.owner_of(alice))
    store("<img src=x onerror=alert(2)>")
    html = page(admin)
    assert "<script>alert(1)" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "&lt;img src=x" in html


def test_files_of_a_deleted_user_keep_their_owner(admin: Client, alice: User) -> None:
    owner = owners.owner_of(alice)
    store(owner)
    alice.delete()
    assert f"{owner} (user deleted) 1 5 bytes 100%" in section(page(admin), "owners-title")


def test_the_largest_come_first_and_the_rest_are_summed() -> None:
    ranking = rank(
        [("small", Usage(9, 1)), ("gone", Usage(0, 0)), ("large", Usage(1, 7)), ("b", Usage(1, 3))],
        limit=5,
        named=2,
    )
    assert [owner for owner, _ in ranking.first] == ["large", "b"]
    assert (ranking.others, ranking.others_usage, ranking.count) == (1, Usage(9, 1), 3)
    assert not ranking.is_cut


def test_with_many_owners_the_report_says_how_many_were_examined(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "NAMED_OWNERS", 2)
    monkeypatch.setattr(report, "MAX_OWNERS", 5)
    for number in range(4):
        store(f"owner {number}", body=b"x" * (number + 1))
    text = section(page(admin), "owners-title")
    assert "owner 3 (user deleted) 1 4 bytes 40%" in text
    assert "and 2 more with 3 bytes" in text
    assert "were examined" not in text
    monkeypatch.setattr(report, "MAX_OWNERS", 4)
    assert "Only the first 4 owners were examined" in section(page(admin), "owners-title")


def test_all_names_are_read_with_one_query(
    admin: Client, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    store(owners.owner_of(alice))
    with django_assert_num_queries(3):  # session, user, names
        page(admin)
    store(owners.owner_of(bob))
    with django_assert_num_queries(3):
        page(admin)


def test_each_part_says_when_there_is_no_data(admin: Client) -> None:
    html = page(admin)
    assert "Nothing is stored." in section(html, "kinds-title")
    assert "No files are stored." in section(html, "owners-title")
    assert "Nothing arrived in the last 30 days." in section(html, "days-title")
    assert "No unfinished multipart uploads." in section(html, "unfinished")
    assert '<svg class="chart' not in html


def test_the_last_reconciliations_are_shown(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No runs have been recorded." in section(page(admin), "runs-title")
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    run = Run("multipart", moment, moment + timedelta(minutes=2), 15_000, 2, 3, 4, 5, 6)
    monkeypatch.setattr(checkpoints, "last_runs", lambda: [run])
    text = section(page(admin), "runs-title")
    assert "Multipart uploads 2026-03-01 12:02 UTC 15,000 2 3 4 5 6" in text
    assert "aborted" not in text


def test_a_run_that_was_stopped_is_shown(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    run = Run("all", moment, moment, 60, 0, 0, 0, 0, 0, withheld=1_051)
    monkeypatch.setattr(checkpoints, "last_runs", lambda: [run])
    text = section(page(admin), "runs-title")
    assert "The run “all files” was aborted: 1,051 records have no object" in text
