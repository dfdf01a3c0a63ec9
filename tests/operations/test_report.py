"""The storage report agrees with what was uploaded, and ends what nobody goes on with."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from tests.support.files import store, upload
from tests.support.users import Api, signed_in, staff
from tests.support.wire import Wire
from uploads.accounts import owners
from uploads.aws import multipart, s3
from uploads.aws.multipart import Cursor
from uploads.core import keys
from uploads.core.conf import env
from uploads.core.errors import InvalidRequest
from uploads.files import usage
from uploads.files.usage import Counter, Usage
from uploads.ingest import confirm
from uploads.ingest.reconciliation import checkpoints
from uploads.ingest.reconciliation.checkpoints import Run
from uploads.models import ApiToken
from uploads.operations import report
from uploads.operations.report import rank

pytestmark = pytest.mark.usefixtures("aws")

PATH = "/admin/uploads/storagereport/"
ABORT = f"{PATH}abort/"


def page(client: Client, query: str = "") -> str:
    answer = client.get(f"{PATH}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def section(html: str, title: str) -> str:
    """What a part of the report says: its text, in one line."""
    found = re.search(
        rf'<section class="module" aria-labelledby="{title}">(.*?)</section>', html, re.DOTALL
    )
    assert found, html
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found[1])).split())


def begin(*parts: bytes, upload_id: str | None = None) -> tuple[str, str]:
    """An unfinished upload with these parts: its id, and S3's name for it."""
    upload_id = upload_id or keys.new_upload_id("7", "secret")
    s3_id = multipart.create(
        upload_id, owner="7", file_name="big.bin", content_type="text/plain", checksums=False
    )
    for number, body in enumerate(parts, 1):
        s3.client().upload_part(
            Bucket=env().filehub_bucket,
            Key=keys.object_key(upload_id),
            UploadId=s3_id,
            PartNumber=number,
            Body=body,
        )
    return upload_id, s3_id


def choice(upload_id: str, s3_id: str) -> str:
    """How the form names an unfinished upload."""
    return f"{s3_id} {keys.object_key(upload_id)}"


def in_s3() -> set[str]:
    """S3's names of what is unfinished."""
    answer = s3.client().list_multipart_uploads(Bucket=env().filehub_bucket)
    return {each["UploadId"] for each in answer.get("Uploads", [])}


def said(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


# --- What is stored -----------------------------------------------------------------------------


@pytest.mark.usefixtures("one_day")
def test_the_numbers_are_those_of_the_uploads(
    admin: Client, alice: User, bob: User, settings: Settings
) -> None:
    for body in (b"12345", b"123"):
        store(owners.owner_of(alice), "a.txt", body)
    picture = upload(owners.owner_of(bob), "b.png", b"1234567890", "image/png")
    assert confirm.confirm(picture) == "stored"
    refused = upload(owners.owner_of(bob))
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
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


def test_each_line_leads_to_its_files(admin: Client, alice: User) -> None:
    alice.username = "al&ice +x@example.com"
    alice.save()
    store(owners.owner_of(alice))
    html = page(admin)
    assert 'href="/admin/uploads/file/?kind=text"' in html
    assert f'href="/admin/uploads/file/?owner_id={alice.pk}"' in html


def test_without_the_permission_to_see_files_nothing_leads_to_them(alice: User) -> None:
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


def test_files_of_a_deleted_user_are_still_somebodys(admin: Client, alice: User) -> None:
    owner = owners.owner_of(alice)
    store(owner)
    alice.delete()
    assert f"{owner} (user deleted) 1 5 bytes 100%" in section(page(admin), "owners-title")


def test_the_largest_come_first_and_the_others_together() -> None:
    found = rank(
        [("small", Usage(9, 1)), ("gone", Usage(0, 0)), ("large", Usage(1, 7)), ("b", Usage(1, 3))],
        limit=5,
        named=2,
    )
    assert [owner for owner, _ in found.first] == ["large", "b"]
    assert (found.others, found.others_usage, found.count) == (1, Usage(9, 1), 3)
    assert not found.is_cut


def test_of_very_many_owners_it_says_how_many_were_looked_at(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "NAMED_OWNERS", 2)
    monkeypatch.setattr(report, "MOST_OWNERS", 5)
    for number in range(4):
        store(f"owner {number}", body=b"x" * (number + 1))
    text = section(page(admin), "owners-title")
    assert "owner 3 (user deleted) 1 4 bytes 40%" in text
    assert "and 2 more with 3 bytes" in text
    assert "were checked" not in text
    monkeypatch.setattr(report, "MOST_OWNERS", 4)
    assert "Only 4 owners were checked" in section(page(admin), "owners-title")


def test_all_names_are_asked_for_at_once(
    admin: Client, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    store(owners.owner_of(alice))
    with django_assert_num_queries(3):  # session, user, names
        page(admin)
    store(owners.owner_of(bob))
    with django_assert_num_queries(3):
        page(admin)


def test_nothing_stored_is_said_in_each_part(admin: Client) -> None:
    html = page(admin)
    assert "Nothing is stored." in section(html, "kinds-title")
    assert "No files are stored." in section(html, "owners-title")
    assert "Nothing arrived in the last 30 days." in section(html, "days-title")
    assert "No unfinished multipart uploads." in section(html, "unfinished")
    assert "<svg class=" not in html


# --- The drawing --------------------------------------------------------------------------------


def count_days(*days: tuple[int, int, int, int]) -> None:
    """Counters of days: how many days ago, files, bytes, rejected."""
    for ago, files, size, rejected in days:
        name = usage._day_id(datetime.now(UTC).date() - timedelta(days=ago), "0")
        Counter(name, files=files, bytes=size, rejected=rejected).save()


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_drawing_has_no_script_and_no_style_and_only_whole_numbers(
    admin: Client, language: str
) -> None:
    count_days((0, 3, 5_000_000, 1), (1, 4_000, 10**12, 7), (20, 1, 1, 0))
    admin.cookies["django_language"] = language
    html = page(admin)
    drawings = re.findall(r'<svg class="chart .*?</svg>', html, re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        assert " style=" not in drawing
        assert "<script" not in drawing
        lengths = re.findall(r'\b(?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"', drawing)
        assert lengths
        assert [length for length in lengths if not length.isdigit()] == []
        assert drawing.count('class="chart-bar') == 3
        assert drawing.count('class="chart-rejected"') == 2
        assert 'role="img"' in drawing
        assert len(re.findall(r"<desc ", drawing)) == 1


@pytest.mark.usefixtures("one_day")
def test_the_bars_show_bytes_or_files(admin: Client) -> None:
    count_days((0, 3, 300, 0), (1, 1, 900, 0))
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert f"the highest is 900 bytes on {yesterday:%-d %b %Y}." in section(
        page(admin), "days-title"
    )
    assert "the highest is 3 on" in section(page(admin, "?days=files"), "days-title")
    assert "the highest is 900 bytes" in section(page(admin, "?days=nonsense"), "days-title")


# --- Unfinished uploads -------------------------------------------------------------------------


def test_unfinished_uploads_are_shown_with_what_s3_has_of_them(admin: Client) -> None:
    upload_id, _ = begin(b"x" * 1_000, b"y" * 24)
    begin()
    text = section(page(admin), "unfinished")
    made = keys.created_at(upload_id)
    assert f"{upload_id} signed {made:%Y-%m-%d %H:%M:%S} UTC" in text
    assert re.search(rf"{upload_id} signed [\d: -]+ UTC [\d: -]+ UTC 0 minutes ago 2 1.0 KB", text)
    assert "2 uploads on this page: 1.0 KB" in text


def test_a_key_that_filehub_did_not_make_is_shown_and_can_be_ended(admin: Client) -> None:
    key = "uploads/<b>not ours</b>"
    s3.client().create_multipart_upload(Bucket=env().filehub_bucket, Key=key)
    s3.client().create_multipart_upload(Bucket=env().filehub_bucket, Key="elsewhere/x")
    html = page(admin)
    assert "uploads/&lt;b&gt;not ours&lt;/b&gt;" in html
    assert "elsewhere" not in html
    (value,) = re.findall(r'name="only" value="([^"]*)"', html)
    admin.post(ABORT, {"upload": unescape(value), "confirmed": "yes"})
    assert len(in_s3()) == 1


def test_pages_show_each_unfinished_upload_once(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "UNFINISHED", 2)
    same = keys.new_upload_id("7", "secret")
    begun = [begin(upload_id=same) for _ in range(3)] + [begin() for _ in range(2)]
    seen: list[str] = []
    query = ""
    for _ in begun:
        html = page(admin, query)
        seen += re.findall(r'name="upload" value="(\S+) ', html)
        found = re.search(r'href="(\?[^"#]*)[^"]*" rel="next"', html)
        if found is None:
            break
        query = unescape(found[1])
    assert sorted(seen) == sorted(s3_id for _, s3_id in begun)


def test_of_very_many_parts_it_tells_that_there_are_at_least_so_many(
    admin: Client,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multipart, "MOST_PARTS", 2)
    begin(b"x" * 512, b"x" * 512)
    begin(b"x" * 512, b"x" * 512, b"x")
    wire.counts()
    text = section(page(admin), "unfinished")
    assert wire.counts()["s3"] == 3
    assert text.count(" 2 1.0 KB") == 1
    assert text.count("at least 2 at least 1.0 KB") == 1
    assert "2 uploads on this page: at least 2.0 KB" in text


def test_one_is_ended_after_a_question(admin: Client) -> None:
    upload_id, s3_id = begin(b"x" * 2048)
    _, other = begin(b"y")
    asked = admin.post(ABORT, {"only": choice(upload_id, s3_id), "upload": "ignored x"})
    assert upload_id in asked.content.decode()
    assert in_s3() == {s3_id, other}
    answer = admin.post(
        ABORT, {"upload": choice(upload_id, s3_id), "confirmed": "yes"}, follow=True
    )
    assert in_s3() == {other}
    assert said(answer) == ["1 unfinished upload was ended: 2.0\xa0KB are free."]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.user.get_username()) == (DELETION, "root")
    assert (entry.object_id, entry.object_repr) == (
        keys.object_key(upload_id),
        f"unfinished upload {upload_id}",
    )
    assert s3_id in entry.change_message
    assert f"unfinished upload {upload_id}" in admin.get("/admin/").content.decode()


def test_several_are_ended_at_once(admin: Client) -> None:
    begun = [begin(b"x" * 512) for _ in range(3)]
    form = {"upload": [choice(*each) for each in begun[:2]]}
    asked = admin.post(ABORT, form).content.decode()
    assert all(upload_id in asked for upload_id, _ in begun[:2])
    assert "Total: 1.0\xa0KB" in asked
    answer = admin.post(ABORT, {**form, "confirmed": "yes"}, follow=True)
    assert in_s3() == {begun[2][1]}
    assert said(answer) == ["2 unfinished uploads were ended: 1.0\xa0KB are free."]
    assert LogEntry.objects.count() == 2


def test_one_that_vanished_meanwhile_is_said_to_be_gone(admin: Client) -> None:
    gone, here = begin(b"x"), begin(b"y")
    multipart.abort(*gone)
    form = {"upload": [choice(*gone), choice(*here)]}
    assert "1 selected upload no longer exists." in admin.post(ABORT, form).content.decode()
    multipart.abort(*here)
    for step in ({}, {"confirmed": "yes"}):
        answer = admin.post(ABORT, {**form, **step}, follow=True)
        assert said(answer) == [
            "2 uploads were not there any more: they were completed or ended meanwhile."
        ]
    assert LogEntry.objects.count() == 0


def test_one_that_vanishes_at_the_last_moment_is_not_said_to_be_ended(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, s3_id = begin(b"x")
    find = multipart.find_unfinished

    def find_then_lose(*details: Any) -> Any:
        found = find(*details)
        multipart.abort(upload_id, s3_id)
        return found

    monkeypatch.setattr(multipart, "find_unfinished", find_then_lose)
    answer = admin.post(
        ABORT, {"upload": choice(upload_id, s3_id), "confirmed": "yes"}, follow=True
    )
    assert said(answer) == ["1 upload was not there any more: it was completed or ended meanwhile."]
    assert LogEntry.objects.count() == 0


@pytest.mark.usefixtures("no_pauses")
def test_s3_being_down_ends_nothing_and_is_said(admin: Client, wire: Wire) -> None:
    upload_id, s3_id = begin(b"x")
    wire.cut.add("s3")
    answer = admin.post(
        ABORT, {"upload": choice(upload_id, s3_id), "confirmed": "yes"}, follow=True
    )
    wire.cut.clear()
    assert said(answer) == ["S3 could not list the parts. Try again in a moment."]
    assert (in_s3(), LogEntry.objects.count()) == ({s3_id}, 0)


def test_choosing_nothing_asks_for_a_choice(admin: Client) -> None:
    assert said(admin.post(ABORT, follow=True)) == ["Choose at least one unfinished upload."]
    assert admin.get(ABORT).status_code == 302


@pytest.mark.parametrize(
    "values",
    [
        ["x"],
        ["x elsewhere/y"],
        [" uploads/0/y"],
        ["x uploads0/y"],
        [f"x uploads/{number}" for number in range(21)],
    ],
)
def test_a_made_up_choice_does_no_harm(admin: Client, values: list[str]) -> None:
    assert admin.post(ABORT, {"upload": values, "confirmed": "yes"}).status_code == 400


def test_only_what_is_under_the_prefix_can_be_ended_at_all() -> None:
    with pytest.raises(InvalidRequest):
        multipart.abort_key("elsewhere/x", "x")


@pytest.mark.parametrize(
    "query",
    ["?key=x&upload=y", "?key=uploads/&upload=", "?upload=y", "?key=uploads/%00&upload=%27%3Cx"],
)
@pytest.mark.usefixtures("no_pauses")
def test_strange_cursors_do_no_harm(admin: Client, query: str) -> None:
    page(admin, query)


# --- Reconciliation -----------------------------------------------------------------------------


def test_the_last_reconciliations_are_shown(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No runs have been recorded." in section(page(admin), "runs-title")
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    run = Run("multipart", moment, moment + timedelta(minutes=2), 15_000, 2, 3, 4, 5, 6)
    monkeypatch.setattr(checkpoints, "last_runs", lambda: [run])
    text = section(page(admin), "runs-title")
    assert "Uploads in parts 2026-03-01 12:02 UTC 15,000 2 3 4 5 6" in text
    assert "aborted" not in text


def test_a_run_that_was_stopped_is_shown(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    run = Run("all", moment, moment, 60, 0, 0, 0, 0, 0, held_back=1_051)
    monkeypatch.setattr(checkpoints, "last_runs", lambda: [run])
    text = section(page(admin), "runs-title")
    assert "The run “everything” was aborted: 1,051 records have no object" in text


# --- Permissions, cost, outages -----------------------------------------------------------------


def test_each_permission_opens_its_own_part(alice: User) -> None:
    upload_id, s3_id = begin()
    form = {"upload": choice(upload_id, s3_id), "confirmed": "yes"}
    for permissions, see, end in [
        ((), 403, 403),
        (("view_file", "delete_file"), 403, 403),
        (("view_storagereport",), 200, 403),
    ]:
        client = staff(User.objects.get(pk=alice.pk), *permissions)
        assert client.get(PATH).status_code == see, permissions
        assert client.post(ABORT, form).status_code == end, permissions
        assert in_s3() == {s3_id}
    assert 'name="only"' not in page(client)
    client = staff(User.objects.get(pk=alice.pk), "view_storagereport", "delete_storagereport")
    assert 'name="only"' in page(client)
    assert client.post(ABORT, form).status_code == 302
    assert in_s3() == set()


def test_an_api_token_opens_nothing_here(api: Api) -> None:
    assert ApiToken.objects.count() == 1
    assert api.get(PATH).status_code == 302


def test_a_form_from_elsewhere_ends_nothing(admin_user: User) -> None:
    upload_id, s3_id = begin()
    client = signed_in(admin_user, checks_csrf=True)
    form = {"upload": choice(upload_id, s3_id), "confirmed": "yes"}
    assert client.post(ABORT, form).status_code == 403
    assert in_s3() == {s3_id}


@pytest.mark.parametrize("owners", [2, 150])
def test_it_costs_as_much_however_much_there_is(
    admin: Client,
    wire: Wire,
    owners: int,
) -> None:
    with Counter.batch_write() as batch:
        for number in range(owners):
            batch.save(
                Counter(f"owner#{number}", owner=str(number), feed="owners", files=9, bytes=9)
            )
    for _ in range(3):
        begin()
    wire.counts()
    page(admin)
    # Two calls for the groups, five for 30 days in 16 parts, one for the owners, one for the last
    # runs; one for the unfinished uploads and one more for each of those on the page.
    assert wire.counts() == {"dynamodb": 9, "s3": 1 + 3}


def test_of_many_unfinished_uploads_only_those_of_the_page_are_asked_for(
    admin: Client,
    wire: Wire,
) -> None:
    for _ in range(report.UNFINISHED + 4):
        begin()
    wire.counts()
    page(admin)
    assert wire.counts()["s3"] == 1 + report.UNFINISHED


@pytest.mark.parametrize(
    ("service", "silent", "told"),
    [
        ("s3", {"unfinished"}, {"kinds-title", "owners-title", "days-title"}),
        ("dynamodb", {"kinds-title", "owners-title", "days-title"}, {"unfinished"}),
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_a_service_that_is_down_takes_nothing_but_its_own_parts(
    admin: Client,
    wire: Wire,
    service: str,
    silent: set[str],
    told: set[str],
) -> None:
    store("7")
    begin(b"x")
    wire.cut.add(service)
    html = page(admin)
    for title in silent:
        assert "not available at the moment" in section(html, title)
    for title in told:
        assert "not available" not in section(html, title)
        assert re.search(r"\d", section(html, title))


def test_a_cursor_is_where_a_list_goes_on() -> None:
    begun = sorted((keys.object_key(a), b) for a, b in (begin(), begin(), begin()))
    found = multipart.unfinished(2)
    assert found.next_cursor == Cursor(*begun[1])
    rest = multipart.unfinished(2, found.next_cursor)
    assert [(each.key, each.s3_upload_id) for each in rest.uploads] == begun[2:]
    assert rest.next_cursor is None
