"""Unfinished uploads are listed and aborted."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.test import Client

from tests.operations.report.helpers import (
    ABORT,
    begin,
    choice,
    messages_of,
    page,
    section,
    unfinished_in_s3,
)
from tests.support.aws_requests import AwsRequests
from uploads.aws import clients, multipart
from uploads.aws.multipart import Cursor
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import InvalidRequest
from uploads.operations import report

pytestmark = pytest.mark.usefixtures("aws")


def test_unfinished_uploads_are_shown_with_their_parts(admin: Client) -> None:
    upload_id, _ = begin(b"x" * 1_000, b"y" * 24)
    begin()
    text = section(page(admin), "unfinished")
    made = keys.created_at(upload_id)
    assert f"{upload_id} signed {made:%Y-%m-%d %H:%M:%S} UTC" in text
    assert re.search(rf"{upload_id} signed [\d: -]+ UTC [\d: -]+ UTC 0 minutes ago 2 1 kB", text)
    assert "2 uploads on this page: 1 kB" in text
    assert "S3 removes the parts 8 days after the upload started." in text


def test_a_foreign_key_is_shown_and_can_be_aborted(admin: Client) -> None:
    key = "uploads/<b>not ours</b>"
    clients.s3().create_multipart_upload(Bucket=conf().bucket, Key=key)
    clients.s3().create_multipart_upload(Bucket=conf().bucket, Key="elsewhere/x")
    html = page(admin)
    assert "uploads/&lt;b&gt;not ours&lt;/b&gt;" in html
    assert "elsewhere" not in html
    (value,) = re.findall(r'name="only" value="([^"]*)"', html)
    admin.post(ABORT, {"upload": unescape(value), "confirmed": "yes"})
    assert len(unfinished_in_s3()) == 1


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
        link = re.search(r'href="(\?[^"#]*)[^"]*" rel="next"', html)
        if link is None:
            break
        query = unescape(link[1])
    assert sorted(seen) == sorted(s3_id for _, s3_id in begun)


def test_a_very_long_list_of_parts_shows_a_lower_bound(
    admin: Client,
    aws_requests: AwsRequests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multipart, "MAX_COUNTED_PARTS", 2)
    begin(b"x" * 512, b"x" * 512)
    begin(b"x" * 512, b"x" * 512, b"x")
    aws_requests.counts()
    text = section(page(admin), "unfinished")
    assert aws_requests.counts()["s3"] == 3
    assert text.count(" 2 1 kB") == 1
    assert text.count("at least 2 at least 1 kB") == 1
    assert "2 uploads on this page: at least 2 kB" in text


def test_one_upload_is_aborted_after_a_confirmation(admin: Client) -> None:
    upload_id, s3_id = begin(b"x" * 2048)
    _, other = begin(b"y")
    confirmation = admin.post(ABORT, {"only": choice(upload_id, s3_id), "upload": "ignored x"})
    assert upload_id in confirmation.content.decode()
    assert unfinished_in_s3() == {s3_id, other}
    response = admin.post(
        ABORT, {"upload": choice(upload_id, s3_id), "confirmed": "yes"}, follow=True
    )
    assert unfinished_in_s3() == {other}
    assert messages_of(response) == ["1 unfinished upload was aborted, which freed 2\xa0kB."]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.user.get_username()) == (DELETION, "root")
    assert (entry.object_id, entry.object_repr) == (
        keys.object_key(upload_id),
        f"unfinished upload {upload_id}",
    )
    assert s3_id in entry.change_message
    assert f"unfinished upload {upload_id}" in admin.get("/admin/").content.decode()


def test_several_uploads_are_aborted_at_once(admin: Client) -> None:
    begun = [begin(b"x" * 512) for _ in range(3)]
    form = {"upload": [choice(*upload) for upload in begun[:2]]}
    confirmation = admin.post(ABORT, form).content.decode()
    assert all(upload_id in confirmation for upload_id, _ in begun[:2])
    assert "Total: 1\xa0kB" in confirmation
    response = admin.post(ABORT, {**form, "confirmed": "yes"}, follow=True)
    assert unfinished_in_s3() == {begun[2][1]}
    assert messages_of(response) == ["2 unfinished uploads were aborted, which freed 1\xa0kB."]
    assert LogEntry.objects.count() == 2


def test_an_upload_that_has_vanished_is_reported_as_gone(admin: Client) -> None:
    gone, here = begin(b"x"), begin(b"y")
    multipart.abort(*gone)
    form = {"upload": [choice(*gone), choice(*here)]}
    assert "1 selected upload no longer exists." in admin.post(ABORT, form).content.decode()
    multipart.abort(*here)
    for step in ({}, {"confirmed": "yes"}):
        response = admin.post(ABORT, {**form, **step}, follow=True)
        assert messages_of(response) == [
            "2 uploads no longer exist: they were completed or aborted in the meantime."
        ]
    assert LogEntry.objects.count() == 0


def test_an_upload_that_vanishes_at_the_last_moment_is_not_reported_as_aborted(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id, s3_id = begin(b"x")
    find = multipart.find_unfinished

    def find_then_lose(*details: Any) -> Any:
        uploads = find(*details)
        multipart.abort(upload_id, s3_id)
        return uploads

    monkeypatch.setattr(multipart, "find_unfinished", find_then_lose)
    response = admin.post(
        ABORT, {"upload": choice(upload_id, s3_id), "confirmed": "yes"}, follow=True
    )
    assert messages_of(response) == [
        "1 upload no longer exists: it was completed or aborted in the meantime."
    ]
    assert LogEntry.objects.count() == 0


@pytest.mark.usefixtures("no_pauses")
def test_an_outage_of_s3_aborts_nothing_and_is_reported(
    admin: Client, aws_requests: AwsRequests, caplog: pytest.LogCaptureFixture
) -> None:
    upload_id, s3_id = begin(b"x")
    aws_requests.cut.add("s3")
    response = admin.post(
        ABORT, {"upload": choice(upload_id, s3_id), "confirmed": "yes"}, follow=True
    )
    aws_requests.cut.clear()
    assert messages_of(response) == ["Storage is not responding. Try again in a moment."]
    assert "Cannot abort uploads: " in caplog.text
    assert (unfinished_in_s3(), LogEntry.objects.count()) == ({s3_id}, 0)


def test_an_empty_selection_asks_for_a_choice(admin: Client) -> None:
    assert messages_of(admin.post(ABORT, follow=True)) == ["Select at least one unfinished upload."]
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
def test_a_forged_choice_is_refused(admin: Client, values: list[str]) -> None:
    assert admin.post(ABORT, {"upload": values, "confirmed": "yes"}).status_code == 400


def test_only_uploads_under_the_prefix_can_be_aborted() -> None:
    with pytest.raises(InvalidRequest):
        multipart.abort_key("elsewhere/x", "x")


@pytest.mark.parametrize(
    "query",
    ["?key=x&upload=y", "?key=uploads/&upload=", "?upload=y", "?key=uploads/%00&upload=%27%3Cx"],
)
@pytest.mark.usefixtures("no_pauses")
def test_strange_cursors_do_no_harm(admin: Client, query: str) -> None:
    page(admin, query)


def test_a_cursor_continues_the_list() -> None:
    begun = sorted((keys.object_key(a), b) for a, b in (begin(), begin(), begin()))
    first = multipart.list_unfinished(2)
    assert first.next_cursor == Cursor(*begun[1])
    rest = multipart.list_unfinished(2, first.next_cursor)
    assert [(upload.key, upload.s3_upload_id) for upload in rest.uploads] == begun[2:]
    assert rest.next_cursor is None
