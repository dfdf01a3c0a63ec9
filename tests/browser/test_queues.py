"""The pages about dead letters in the admin, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_page import unique
from tests.support.accessibility import check_accessibility
from tests.support.installation import Installation
from tests.support.waiting import wait_for

OVERVIEW = "/admin/uploads/queue/"
EVENTS = "/admin/uploads/queue/events/"
TASKS = "/admin/uploads/queue/tasks/"

AddDeadLetter = Callable[..., None]


@pytest.fixture
def sqs(installation: Installation) -> Any:
    return boto3.client(
        "sqs", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{installation.aws_port}"
    )


@pytest.fixture
def add_dead_letter(sqs: Any) -> AddDeadLetter:
    """A function that adds an event dead letter to the queue, which is empty at first."""
    url = sqs.get_queue_url(QueueName="filehub-events-dlq")["QueueUrl"]
    sqs.purge_queue(QueueUrl=url)

    def add_dead_letter(body: str, error: str) -> None:
        sqs.send_message(
            QueueUrl=url,
            MessageBody=body,
            MessageAttributes={"error": {"DataType": "String", "StringValue": error}},
        )

    return add_dead_letter


def event(key: str, sequencer: str = "0055AED6DCD90281E5") -> str:
    record = {
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": "filehub-uploads"},
            "object": {"key": key, "sequencer": sequencer},
        },
    }
    return json.dumps({"Records": [record]})


@pytest.fixture
def page(tab: Page) -> Page:
    return tab


def boxes(page: Page) -> Any:
    return page.locator("input[name=ids]")


@pytest.mark.exhaustive
def test_a_missing_file_is_listed_after_its_event_was_replayed(
    page: Page, add_dead_letter: AddDeadLetter, installation: Installation
) -> None:
    """The object was uploaded while nothing consumed its event, so there is no record."""
    name = unique("lost.txt")
    begun = installation.api("/uploads", "POST", {"file_name": name, "size": 1})
    id_ = begun["id"]
    key = f"uploads/{id_[-1]}/{id_}"
    notifications = installation.bucket.meta.client
    configuration = notifications.get_bucket_notification_configuration(Bucket="filehub-uploads")
    configuration.pop("ResponseMetadata")
    notifications.put_bucket_notification_configuration(
        Bucket="filehub-uploads", NotificationConfiguration={}
    )
    try:
        owner = begun["headers"]["x-amz-meta-owner"]
        installation.bucket.put_object(
            Key=key, Body=b"x", Metadata={"owner": owner, "filename": name}
        )
    finally:
        notifications.put_bucket_notification_configuration(
            Bucket="filehub-uploads", NotificationConfiguration=configuration
        )
    add_dead_letter(event(key), "The task queue was away.")
    add_dead_letter("not JSON", "It is not JSON.")
    assert installation.files(name) == []

    page.goto(OVERVIEW)
    page.get_by_role("link", name="Event dead letters").click()
    letter = page.get_by_role("listitem").filter(has_text=key).first
    letter.get_by_label("ObjectCreated:Put").check()
    page.get_by_role("button", name="Replay selected").click()
    expect(page.get_by_role("heading", name="Replay 1 dead letter?")).to_be_visible()
    expect(page.get_by_text(key)).to_be_visible()
    page.get_by_role("button", name="Yes, replay").click()

    expect(page.get_by_text("1 dead letter was replayed.")).to_be_visible()
    expect(page.get_by_label("Unreadable message")).to_be_visible()
    expect(page.get_by_text(key)).to_have_count(0)
    wait_for(lambda: [file["id"] for file in installation.files(name)] == [id_])


@pytest.mark.exhaustive
def test_one_checkbox_selects_all_and_reflects_the_selection(
    page: Page, add_dead_letter: AddDeadLetter
) -> None:
    for number in range(3):
        add_dead_letter(event(f"uploads/{number}"), "x")
    page.goto(EVENTS)
    all_ = page.get_by_label("Select all")
    all_.check()
    for box in boxes(page).all():
        expect(box).to_be_checked()
    boxes(page).first.uncheck()
    assert all_.evaluate("box => [box.checked, box.indeterminate]") == [False, True]
    boxes(page).first.check()
    expect(all_).to_be_checked()
    all_.uncheck()
    for box in boxes(page).all():
        expect(box).not_to_be_checked()


@pytest.mark.exhaustive
def test_going_back_changes_nothing(page: Page, add_dead_letter: AddDeadLetter) -> None:
    add_dead_letter("x", "It is not JSON.")
    page.goto(EVENTS)
    page.get_by_role("button", name="Discard all").click()
    page.get_by_role("link", name="No, take me back").click()
    expect(boxes(page)).to_have_count(1)


@pytest.mark.exhaustive
def test_the_pages_are_accessible(page: Page, add_dead_letter: AddDeadLetter) -> None:
    page.goto(EVENTS)
    expect(page.get_by_text("No dead letters.")).to_be_visible()
    check_accessibility(page)
    for number in range(3):
        add_dead_letter(
            event("uploads/" + f"{number}" * 200), "A sentence about what went wrong. " * 5
        )
    add_dead_letter("[" * 9000, "It is not JSON.")
    page.goto(OVERVIEW)
    check_accessibility(page)
    page.goto(EVENTS)
    page.get_by_text("Content", exact=True).first.click()
    check_accessibility(page)
    page.get_by_role("button", name="Discard all").click()
    check_accessibility(page)


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", [OVERVIEW, EVENTS, TASKS])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_window(
    page: Page, add_dead_letter: AddDeadLetter, path: str, width: int
) -> None:
    add_dead_letter(event("uploads/" + "k" * 900), "e" * 500)
    page.set_viewport_size({"width": width, "height": 780})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
