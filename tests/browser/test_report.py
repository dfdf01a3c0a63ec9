"""The dashboard and the storage report in a real browser, at every width and by keyboard."""

from __future__ import annotations

import re

import boto3
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_page import choose, row, unique
from tests.support.accessibility import VARIANTS, check_accessibility
from tests.support.installation import Installation
from uploads.core import keys

REPORT = "/admin/uploads/storagereport/"


def begin(installation: Installation, *parts: bytes) -> str:
    """Start a multipart upload; returns its id."""
    upload_id = keys.new_upload_id("1", "secret")
    bucket, key = installation.bucket, keys.object_key(upload_id)
    begun = bucket.Object(key).initiate_multipart_upload()
    for number, body in enumerate(parts, 1):
        begun.Part(number).upload(Body=body)
    return upload_id


def unfinished(installation: Installation) -> set[str]:
    """The keys of unfinished uploads in S3."""
    return {upload.object_key for upload in installation.bucket.multipart_uploads.all()}


@pytest.fixture
def report(page: Page, installation: Installation) -> Page:
    """The report of an installation with a file and two unfinished uploads."""
    installation.abort_unfinished()
    begin(installation, b"x" * 2048)
    begin(installation)
    name = unique("counted.txt")
    choose(page, (name, b"hello"))
    expect(row(page, name)).to_be_visible()
    page.goto(REPORT)
    return page


def fits(page: Page) -> bool:
    """Whether the page does not scroll sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.exhaustive
def test_the_report_is_accessible_with_and_without_its_numbers(report: Page) -> None:
    check_accessibility(report)
    report.get_by_text("Show the numbers").click()
    check_accessibility(report)


@pytest.mark.exhaustive
def test_the_dashboard_is_accessible_and_has_four_tiles(
    report: Page, installation: Installation
) -> None:
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{installation.aws_port}",
    )
    dead_letters = sqs.get_queue_url(QueueName="filehub-events-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=dead_letters, MessageBody="?")
    try:
        report.goto("/admin/")
        expect(report.locator(".tile")).to_have_count(4)
        expect(report.locator("[data-tile=flow]")).to_contain_text("in the last hour")
        expect(report.locator("[data-tile=queues]")).to_contain_text("Needs attention")
        expect(report.locator("[data-tile=stored]")).to_contain_text("OK")
        check_accessibility(report)
    finally:
        sqs.purge_queue(QueueUrl=dead_letters)


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", ["/admin/", REPORT])
def test_no_page_scrolls_sideways(report: Page, path: str) -> None:
    report.goto(path)
    for _, size in VARIANTS:
        report.set_viewport_size(size)  # type: ignore[arg-type]
        assert fits(report), size


@pytest.mark.exhaustive
def test_each_width_has_one_chart_with_readable_text(report: Page) -> None:
    for width, name in ((1280, "wide"), (360, "narrow")):
        report.set_viewport_size({"width": width, "height": 800})
        chart = report.get_by_role("img", name="Size of new files on each of the last 30 days")
        expect(chart).to_have_count(1)
        expect(report.locator(f".chart-{name}")).to_be_visible()
        scale = chart.evaluate(
            "chart => chart.getBoundingClientRect().width / chart.viewBox.baseVal.width"
        )
        assert scale > 0.9, f"the text of the chart shrinks at {width} px"


@pytest.mark.exhaustive
def test_the_chart_can_show_files_instead_of_bytes(report: Page) -> None:
    report.get_by_role("link", name="Files", exact=True).and_(
        report.locator(".chart-measure a")
    ).click()
    expect(report).to_have_url(re.compile("days=files"))
    expect(
        report.get_by_role("img", name="Number of new files on each of the last 30 days")
    ).to_be_visible()


@pytest.mark.exhaustive
def test_one_unfinished_upload_is_aborted_by_keyboard(
    report: Page, installation: Installation
) -> None:
    before = unfinished(installation)
    assert len(before) == 2
    button = report.get_by_role("button", name="Abort uploads/").first
    button.focus()
    report.keyboard.press("Enter")
    expect(report.get_by_role("heading", name="Abort unfinished uploads?")).to_be_visible()
    check_accessibility(report)
    assert unfinished(installation) == before
    report.get_by_role("button", name="Yes, abort").press("Enter")
    expect(report.get_by_text("1 unfinished upload was aborted")).to_be_visible()
    assert len(unfinished(installation)) == 1


@pytest.mark.exhaustive
def test_the_selected_uploads_are_ended_only_after_confirmation(
    report: Page, installation: Installation
) -> None:
    for box in report.get_by_role("checkbox", name="Select uploads/").all():
        box.check()
    report.get_by_role("button", name="Abort selected").click()
    report.get_by_role("link", name="No, take me back").click()
    expect(report).to_have_title("Storage report | filehub")
    report.wait_for_load_state()  # the title loads before the last checkbox
    assert len(unfinished(installation)) == 2
    for box in report.get_by_role("checkbox", name="Select uploads/").all():
        box.check()
    report.get_by_role("button", name="Abort selected").click()
    report.get_by_role("button", name="Yes, abort").click()
    expect(report.get_by_text("2 unfinished uploads were aborted")).to_be_visible()
    expect(report.get_by_text("No unfinished multipart uploads.")).to_be_visible()
    assert unfinished(installation) == set()
