"""Files in the admin: the list by cursor, filters, search, actions, one file and its story."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode
from pynamodb.exceptions import UpdateError
from pytest_django import Settings

from tests.support.files import removal, store, upload
from tests.support.http import send
from tests.support.users import PASSWORD, signed_in, staff
from uploads.accounts import owners
from uploads.admin.files import pages as admin_files
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import env
from uploads.core.errors import BackendUnavailable
from uploads.files import actions, queries
from uploads.files.manifest import manifest
from uploads.files.record import FileInfo, StoredFile
from uploads.files.timeline import timeline
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent

pytestmark = pytest.mark.usefixtures("aws")

LIST = "/admin/uploads/file/"
HOSTILE = ("<script>alert(1)</script>.html", "=cmd|' /C calc'!A0.csv", "\u202etxt.exe", "a\"b'c&d")


def ids_on(page: Any) -> list[str]:
    return re.findall(r'name="_selected_action" value="([^"]+)"', page.content.decode())


def link(page: Any, rel: str) -> str | None:
    found = re.search(rf'<a href="(\?[^"]*)" rel="{rel}"', page.content.decode())
    return unescape(found[1]) if found else None


def text_of(page: Any) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page.content.decode()))


def act(client: Client, action: str, *ids: str, **answer: str) -> Any:
    """Choose files in the list and an action; with `confirmed` the question is answered too."""
    return client.post(
        LIST, {"action": action, "_selected_action": ids, **answer}, follow="confirmed" in answer
    )


def event(kind: str, upload_id: str, number: int) -> ObjectEvent:
    time = datetime.now(UTC).isoformat()
    return ObjectEvent(kind, upload_id, f"{number:018X}".ljust(64, "0"), time)  # type: ignore[arg-type]


def put_again(upload_id: str, owner: str, name: str) -> None:
    """An object of which no event tells."""
    s3.client().put_object(
        Bucket=env().filehub_bucket,
        Key=keys.object_key(upload_id),
        Body=b"hello",
        ContentType="text/plain",
        Metadata=s3.metadata(owner, name),
    )


# The list


def test_the_list_pages_forth_and_back_through_everything(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_files, "PAGE_SIZE", 3)
    wanted = sorted((store("7", f"{n}.txt") for n in range(8)), reverse=True)
    forth, url = [], LIST
    while True:
        page = admin.get(url)
        forth.append(ids_on(page))
        following = link(page, "next")
        if following is None:
            break
        url = LIST + following
    assert [len(ids) for ids in forth] == [3, 3, 2]
    assert [upload_id for ids in forth for upload_id in ids] == wanted
    back = [forth[-1]]
    while previous := link(page, "prev"):
        page = admin.get(LIST + previous)
        back.append(ids_on(page))
    assert back == forth[::-1]


@pytest.mark.usefixtures("one_day")
def test_the_list_shows_what_an_operator_looks_for(admin: Client, alice: User) -> None:
    store(str(alice.pk), "a.txt", b"x" * 2048)
    text = text_of(admin.get(LIST))
    for word in (
        "a.txt",
        "alice",
        "2.0\xa0KB",
        "text/plain",
        "stored",
        f"{datetime.now(UTC):%Y-%m-%d}",
    ):
        assert word in text


@pytest.mark.usefixtures("one_day")
def test_each_filter_leaves_what_fits(admin: Client, alice: User, settings: Settings) -> None:
    text = store(str(alice.pk), "report.txt")
    image = store("77", "picture.png")
    StoredFile(image).update(
        [StoredFile.content_type.set("image/png")], add_version_condition=False
    )
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


def test_a_filter_that_no_index_serves_says_how_much_it_looked_at(admin: Client) -> None:
    for number in range(3):
        store("7", f"{number}.txt")
    assert "3 files were searched" in text_of(admin.get(f"{LIST}?kind=text"))
    for query in ("", "owner=7", "q=0", "state=deleted", "from=2020-01-01"):
        assert "searched" not in text_of(admin.get(f"{LIST}?{query}")), query


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=2026-13-01", "from=9999-12-31", "to=0001-01-01"]
)
def test_a_date_that_is_none_is_said_so(admin: Client, query: str) -> None:
    upload_id = store("7")
    page = admin.get(f"{LIST}?{query}")
    assert "is not a date" in text_of(page)
    assert ids_on(page) == [upload_id]


def test_filters_keep_each_other_and_begin_at_the_first_page(admin: Client) -> None:
    cursor = store("7")
    page = admin.get(f"{LIST}?owner=7&kind=text&cursor={cursor}").content.decode()
    links = [unescape(found) for found in re.findall(r'<a href="(\?[^"]*)">', page)]
    assert "?kind=image&owner=7" in links
    assert not [found for found in links if "cursor" in found]
    form = page[page.index('id="filter-owner"') - 500 : page.index('id="filter-owner"')]
    assert 'name="kind" value="text"' in form
    assert "cursor" not in form


@pytest.mark.parametrize("name", [name for name in HOSTILE if "<" in name or "&" in name])
def test_a_hostile_name_is_text_wherever_it_is_shown(admin: Client, alice: User, name: str) -> None:
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


def test_a_list_that_cannot_be_read_is_a_page_and_no_traceback(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise BackendUnavailable

    monkeypatch.setattr(admin_files, "find", refuse)
    page = admin.get(LIST)
    assert page.status_code == 503
    assert "Traceback" not in page.content.decode()


# Who may


@pytest.mark.parametrize(
    ("action", "needed"),
    [
        ("delete_files", "delete_file"),
        ("check_again", "change_file"),
        ("change_owner", "change_file"),
    ],
)
def test_an_action_needs_its_permission(alice: User, bob: User, action: str, needed: str) -> None:
    upload_id = store(str(bob.pk))
    others = {"view_file", "change_file", "delete_file"} - {needed}
    client = staff(alice, *others)
    act(client, action, upload_id, confirmed="yes", answer="alice")
    assert s3.head(upload_id) is not None
    assert queries.any_stored_file(upload_id).owner == str(bob.pk)
    assert not LogEntry.objects.exists()
    client = staff(alice, "view_file", needed)
    act(client, action, upload_id, confirmed="yes", answer="alice")
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["", "{id}/change/", "{id}/download/", "{id}/delete/", "{id}/history/"]
)
def test_staff_without_view_sees_no_page_of_a_file(alice: User, path: str) -> None:
    client = staff(alice, "view_apitoken")
    assert client.get(LIST + path.format(id=store("7"))).status_code == 403


def test_the_buttons_are_those_that_work(alice: User) -> None:
    upload_id = store("7")
    page = staff(alice, "view_file").get(f"{LIST}{upload_id}/change/").content.decode()
    assert "check_again" not in page
    assert "delete" not in page[page.index("file-timeline") :]
    page = staff(alice, "view_file", "delete_file").get(f"{LIST}{upload_id}/change/")
    assert f"{LIST}{upload_id}/delete/" in page.content.decode()


# Actions


def test_deleting_asks_first_and_then_counts_and_names(admin: Client, root: User) -> None:
    first, second = store("7", "a.txt"), store("7", "b.txt")
    gone = store("7", "gone.txt")
    removal(gone, 9)
    question = act(admin, "delete_files", first, second, gone)
    assert "cannot be undone" in text_of(question)
    assert ids_on(question) == [first, second, gone]
    assert s3.head(first) is not None
    page = act(admin, "delete_files", first, second, gone, confirmed="yes")
    text = text_of(page)
    assert "2 files are being deleted" in text
    assert "“gone.txt”: It is not stored." in text
    assert s3.head(first) is s3.head(second) is None
    # The record follows S3's event, as everywhere.
    assert {entry.object_id for entry in LogEntry.objects.all()} == {first, second}
    info = queries.any_file(first)
    assert info is not None
    assert (info.state, info.deletion_asked_by) == ("stored", str(root.pk))


def test_checking_again_puts_right_what_is_wrong(admin: Client) -> None:
    right, ghost, orphan = store("7", "a.txt"), store("7", "b.txt"), store("7", "c.txt")
    s3.delete(ghost)
    removal(orphan, 9)
    put_again(orphan, "7", "c.txt")
    page = act(admin, "check_again", right, ghost, orphan, confirmed="yes")
    assert "3 files were checked. 2 records were changed." in text_of(page)
    states = {
        info.id: (info.state, info.reason) for info in queries.any_files([right, ghost, orphan])
    }
    assert states == {
        right: ("stored", ""), ghost: ("deleted", "object missing"), orphan: ("stored", ""),
    }  # fmt: skip


def test_a_file_that_is_given_away_is_in_the_other_list_and_stays_there(
    admin: Client, alice: User, bob: User
) -> None:
    upload_id = upload(str(alice.pk))
    confirm.apply_event(event("created", upload_id, 1))
    page = act(admin, "change_owner", upload_id, confirmed="yes", answer="bob")
    assert "1 file belongs to bob now." in text_of(page)
    assert [info.id for info in queries.files_of(str(bob.pk), limit=9).files] == [upload_id]
    assert queries.files_of(str(alice.pk), limit=9).files == []
    # Looking at the object again, which still names alice, does not take it back.
    confirm.apply_event(event("created", upload_id, 2))
    confirm.check(upload_id)
    mine = queries.files_of(str(bob.pk), limit=9, prefix="a").files
    assert [(info.id, info.owner, info.uploader) for info in mine] == [
        (upload_id, str(bob.pk), str(alice.pk))
    ]
    assert queries.files_of(str(alice.pk), limit=9).files == []
    with pytest.raises(Exception, match="File not found"):
        queries.stored_file(upload_id, str(alice.pk))


@pytest.mark.parametrize("answer", ["", "nobody", "  ", "x" * 300])
def test_a_new_owner_who_does_not_exist_is_asked_for_again(admin: Client, answer: str) -> None:
    upload_id = store("7")
    page = admin.post(
        LIST,
        {
            "action": "change_owner",
            "_selected_action": upload_id,
            "confirmed": "yes",
            "answer": answer,
        },
    )
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()
    assert queries.any_stored_file(upload_id).owner == "7"


def test_a_failure_is_named_and_does_not_stop_the_others(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = store("7", "a.txt"), store("7", "b.txt")
    delete = s3.delete

    def refuse_first(upload_id: str) -> None:
        if upload_id == first:
            raise BackendUnavailable("S3 could not delete the object.")
        delete(upload_id)

    monkeypatch.setattr(s3, "delete", refuse_first)
    text = text_of(act(admin, "delete_files", first, second, confirmed="yes"))
    assert "1 file is being deleted" in text
    assert "“a.txt”: S3 could not delete the object." in text
    assert s3.head(second) is None


@pytest.mark.parametrize("chosen", [["zz"], ["01900000-0000-7000-8000-000000000000"], ["x"] * 500])
@pytest.mark.parametrize(
    "action", ["delete_files", "check_again", "change_owner", "download_manifest"]
)
def test_a_made_up_selection_does_no_harm(admin: Client, action: str, chosen: list[str]) -> None:
    for extra in ({}, {"confirmed": "yes", "answer": "root"}, {"select_across": "1"}):
        page = admin.post(LIST, {"action": action, "_selected_action": chosen, **extra})
        assert page.status_code in {200, 302, 400}
    assert not LogEntry.objects.exists()


def test_all_of_them_across_pages_is_none_of_them(admin: Client) -> None:
    upload_id = store("7")
    admin.post(
        LIST,
        {
            "action": "delete_files",
            "_selected_action": "x",
            "select_across": "1",
            "confirmed": "yes",
        },
    )
    assert s3.head(upload_id) is not None


def test_an_action_needs_the_forms_token(root: User) -> None:
    upload_id = store("7")
    client = signed_in(root, checks_csrf=True)
    page = client.post(
        LIST, {"action": "delete_files", "_selected_action": upload_id, "confirmed": "yes"}
    )
    assert page.status_code == 403
    assert s3.head(upload_id) is not None


def test_a_manifest_lists_the_chosen_files_and_runs_nothing(admin: Client, alice: User) -> None:
    ids = [store(str(alice.pk), name) for name in HOSTILE]
    page = act(admin, "download_manifest", *ids)
    assert page["Content-Type"] == "text/csv; charset=utf-8"
    assert page["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(StringIO(page.content.decode(), newline="")))
    assert [row["id"] for row in rows] == ids
    assert [row["file_name"] for row in rows] == [
        f"'{name}" if name.startswith("=") else name for name in HOSTILE
    ]
    assert {(row["size"], row["owner"]) for row in rows} == {("5", "alice")}


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u00a0=1", "＝1", "\r=1", "\u200b=1"]
)
def test_a_cell_never_begins_like_a_formula(name: str) -> None:
    info = FileInfo(
        "id", name, "text/plain", 1, "", name, "stored", "", datetime.now(UTC), None,
        *("", ""), *(None, None, None), *("", ""), None, "", 0, (),
    )  # fmt: skip
    (row,) = csv.DictReader(StringIO(manifest([info], {}), newline=""))
    for cell in (row["file_name"], row["owner"]):
        assert cell.replace("'", "") == name
        assert re.match(r"[\s\u200b]*'", cell)


# One file


def test_a_file_shows_everything_about_it(admin: Client, alice: User) -> None:
    upload_id = store(str(alice.pk), "a.txt", b"x" * 5000)
    text = text_of(admin.get(f"{LIST}{upload_id}/change/"))
    info = queries.any_stored_file(upload_id)
    for word in ("a.txt", "alice", "5,000 bytes", "text/plain", upload_id, info.key, info.etag):
        assert word in text


def test_the_story_of_a_file_is_told_in_order(admin: Client, alice: User, bob: User) -> None:
    upload_id = upload(str(alice.pk))
    confirm.apply_event(event("created", upload_id, 1))
    actions.sign_download(queries.any_stored_file(upload_id), str(bob.pk))
    act(admin, "change_owner", upload_id, confirmed="yes", answer="bob")
    act(admin, "delete_files", upload_id, confirmed="yes")
    removal(upload_id, 9)
    info = queries.any_file(upload_id)
    assert info is not None
    assert [entry.what for entry in timeline(info)] == [
        "signed", "notified", "confirmed", "download", "given", "asked", "removed",
    ]  # fmt: skip
    page = admin.get(f"{LIST}{upload_id}/change/").content.decode()
    told = [unescape(t) for t in re.findall(r"</time> <span>(.*?)</span>", page)]
    assert told == [
        "Signed for alice",
        "S3 reported the object",
        "Looked at and stored",
        "Download signed for bob",
        "Given to bob by root",
        "Deletion asked by root",
        "Removed",
    ]


def test_a_rejection_tells_its_reason(admin: Client, settings: Settings) -> None:
    upload_id = upload("7")
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    confirm.apply_event(event("created", upload_id, 1))
    assert "Rejected: Files of type text/plain" in text_of(admin.get(f"{LIST}{upload_id}/change/"))


def test_the_story_stays_short_however_often_a_file_is_downloaded(alice: User) -> None:
    upload_id = store(str(alice.pk))
    for _ in range(actions.DOWNLOADS_KEPT + 3):
        actions.sign_download(queries.any_stored_file(upload_id), str(alice.pk))
    info = queries.any_stored_file(upload_id)
    assert info.downloads == actions.DOWNLOADS_KEPT + 3
    assert len(info.last_downloads) == actions.DOWNLOADS_KEPT
    assert [entry.detail for entry in timeline(info) if entry.what == "downloads"] == ["3"]


def test_a_download_that_cannot_be_noted_is_still_a_download(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = store("7", body=b"bytes")

    def refuse(*args: object) -> None:
        raise BackendUnavailable

    monkeypatch.setattr(actions, "_mark", refuse)
    page = admin.get(f"{LIST}{upload_id}/download/")
    assert page.status_code == 302
    assert send("GET", page["Location"]).body == b"bytes"


def test_a_download_in_the_admin_is_noted_with_who_it_was(admin: Client, root: User) -> None:
    upload_id = store("7", "ü.txt", b"bytes")
    answer = send("GET", admin.get(f"{LIST}{upload_id}/download/")["Location"])
    assert answer.body == b"bytes"
    assert "attachment" in answer.headers["Content-Disposition"]
    (download,) = queries.any_stored_file(upload_id).last_downloads
    assert download.by == str(root.pk)


def test_noting_a_download_makes_no_record(alice: User) -> None:
    upload_id = store(str(alice.pk))
    info = queries.any_stored_file(upload_id)
    StoredFile(upload_id).delete(add_version_condition=False)
    actions.sign_download(info, "1")
    actions.remove(upload_id, "1")
    assert queries.any_file(upload_id) is None


@pytest.mark.parametrize(
    ("type_", "element"),
    [
        ("image/png", "<img"),
        ("video/mp4", "<video"),
        ("audio/mpeg", "<audio"),
        ("application/pdf", '<iframe class="paper"'),
        ("text/plain", "<iframe"),
        ("text/html", "<iframe"),
        ("image/svg+xml", None),
        ("application/zip", None),
    ],
)
def test_a_preview_comes_from_s3_and_runs_nothing(
    admin: Client, type_: str, element: str | None
) -> None:
    # Sent as an image it would be rejected.
    body = b"<script>" if type_.startswith("text/") else b"hello"
    upload_id = upload("7", "a", body, type_)
    assert confirm.confirm(upload_id) == "stored"
    response = admin.get(f"{LIST}{upload_id}/change/")
    page = response.content.decode()
    if element is None:
        assert "file-preview" not in page
        return
    found = re.search(rf'{element}[^>]*src="([^"]+)"[^>]*>', page)
    assert found
    url = unescape(found[1])
    assert url.startswith(env().s3_bucket_url)
    shown = send("GET", url).headers
    assert "inline" in shown["Content-Disposition"]
    if type_.startswith("text/"):
        assert shown["Content-Type"] == "text/plain; charset=utf-8"
        assert " sandbox " in found[0]
    csp = response["Content-Security-Policy"]
    for directive in ("img-src", "media-src", "frame-src"):
        assert re.search(rf"{directive}[^;]*{re.escape(env().aws_endpoint_url or '')}", csp)
    assert "frame-src" not in admin.get(LIST)["Content-Security-Policy"]


def test_a_large_text_is_not_previewed(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PREVIEW_TEXT_SIZE", 4)
    upload_id = store("7", body=b"12345")
    assert "file-preview" not in admin.get(f"{LIST}{upload_id}/change/").content.decode()


@pytest.mark.parametrize("path", ["change/", "delete/", "download/", "history/"])
@pytest.mark.parametrize("id_", ["zz", "01900000-0000-7000-8000-000000000000"])
def test_a_file_that_does_not_exist_is_said_so(admin: Client, id_: str, path: str) -> None:
    assert admin.get(f"{LIST}{id_}/{path}").status_code in {302, 404}


def test_the_owner_leads_to_the_user_and_to_the_files(admin: Client) -> None:
    user = User.objects.create_user("a&b=c", password=PASSWORD)
    page = admin.get(f"{LIST}{store(str(user.pk))}/change/").content.decode()
    assert reverse("admin:auth_user_change", args=[user.pk]) in page
    (listed,) = re.findall(rf'href="({LIST}\?owner_id=[^"]+)"', page)
    assert len(ids_on(admin.get(unescape(listed)))) == 1


def test_a_user_with_a_number_for_a_name_is_not_taken_for_an_owner(admin: Client) -> None:
    gone = store("77", "of a user who is gone.txt")
    named = User.objects.create_user("77", password=PASSWORD)
    theirs = store(str(named.pk), "of the user 77.txt")
    assert ids_on(admin.get(f"{LIST}?owner=77")) == [theirs]
    page = admin.get(f"{LIST}{gone}/change/").content.decode()
    (listed,) = re.findall(rf'href="({LIST}\?owner_id=[^"]+)"', page)
    assert ids_on(admin.get(unescape(listed))) == [gone]
    # The field names whose files are shown.
    shown = admin.get(f"{LIST}?owner_id={named.pk}").content.decode()
    assert re.search(r'name="owner" id="filter-owner" value="77"', shown)


def test_checking_finds_what_it_should(settings: Settings, alice: User) -> None:
    checks: list[tuple[Callable[[], str], str]] = []
    unknown = keys.new_upload_id("7", "secret")
    checks.append((lambda: unknown, "unknown"))
    checks.append((lambda: upload("7"), "confirmed"))
    checks.append((lambda: store("7"), "right"))
    for make, expected in checks:
        assert confirm.check(make()) == expected
    rejected = upload("7")
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    assert confirm.check(rejected) == "rejected"
    assert s3.head(rejected) is None
    assert confirm.check(rejected) == "right"


def test_checking_corrects_what_is_said_of_another_object_and_judges_nothing_again(
    settings: Settings,
) -> None:
    upload_id = store("7", body=b"12345")
    s3.client().put_object(
        Bucket=env().filehub_bucket, Key=keys.object_key(upload_id), Body=b"123", ContentType="x/y"
    )
    settings.ENV = env().model_copy(update={"filehub_allowed_types": ("image/*",)})
    assert confirm.check(upload_id) == "corrected"
    info = queries.any_stored_file(upload_id)
    assert (info.size, info.content_type, info.owner, info.file_name) == (3, "x/y", "7", "a.txt")
    assert s3.head(upload_id) is not None
    assert confirm.check(upload_id) == "right"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "\n"])
def test_no_cell_is_a_formula_for_whoever_takes_another_separator(separator: str) -> None:
    name = f"x{separator}=1+1{separator} \u200b@SUM(A1){separator}y"
    info = FileInfo(
        "id", name, f"text/plain;+a{separator}=b", 1, "", "7", "stored", "", datetime.now(UTC),
        None, *("", ""), *(None, None, None), *("", ""), None, "", 0, (),
    )  # fmt: skip
    for line in manifest([info], {}).splitlines():
        for cell in re.split(r"[,;\t|]", line):
            visible = re.sub(r"^[\s\u200b\"]+", "", cell)
            assert not visible.startswith(("=", "+", "-", "@")), cell


@pytest.mark.parametrize("owner", ["9" * 40, "1_0", "٣", "-1", "x" * 300, "0", " 1"])
def test_an_owner_who_can_be_no_user_breaks_no_page(admin: Client, root: User, owner: str) -> None:
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


def test_chosen_files_that_do_not_exist_are_named(admin: Client) -> None:
    unknown = keys.new_upload_id("7", "secret")
    text = text_of(act(admin, "check_again", store("7"), unknown, "zz", confirmed="yes"))
    assert "1 file was checked." in text
    assert "2 chosen files do not exist." in text


def test_a_service_that_does_not_answer_is_not_asked_for_every_file(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(upload_id: str, **kwargs: object) -> None:
        asked.append(upload_id)
        raise BackendUnavailable

    monkeypatch.setattr(confirm, "check", refuse)
    ids = [store("7", f"{number}.txt") for number in range(6)]
    text = text_of(act(admin, "check_again", *ids, confirmed="yes"))
    assert len(asked) == 3
    assert text.count("Not tried, since the service does not answer.") == 3


def test_a_name_cannot_turn_around_what_is_read(admin: Client) -> None:
    upload_id = store("7", "report\u202egpj.exe")
    for path in (LIST, f"{LIST}{upload_id}/change/", f"{LIST}{upload_id}/delete/"):
        page = admin.get(path).content.decode()
        heading = re.sub(r'(alt|title|value)="[^"]*"', "", page)
        assert "report\ufffdgpj.exe" in heading


def test_deleting_waits_for_a_transaction_that_has_the_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload_id = store("7")
    update = StoredFile.update
    conflict = ClientError({"Error": {"Code": "TransactionConflictException"}}, "UpdateItem")
    conflicts = [conflict, conflict]

    def contended(self: StoredFile, *args: Any, **kwargs: Any) -> Any:
        if conflicts:
            raise UpdateError("busy", conflicts.pop())
        return update(self, *args, **kwargs)

    monkeypatch.setattr(StoredFile, "update", contended)
    actions.remove(upload_id, "1")
    assert s3.head(upload_id) is None
    assert queries.any_stored_file(upload_id).deletion_asked_by == "1"
