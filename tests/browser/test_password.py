"""Users change their password by keyboard, and guessing is answered with a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_out, watch
from tests.support.accessibility import check_accessibility
from tests.support.installation import Installation
from tests.support.users import PASSWORD

NEW_PASSWORD = "another-demo-password"
#: One for each test: failures are counted until the hour ends.
CAROL, DAVE = "carol", "dave"


@pytest.fixture
def page(chromium: Browser, installation: Installation) -> Iterator[Page]:
    """The sign-in page. CAROL and DAVE exist, and are no staff."""
    code = f"""
from django.contrib.auth.models import User
User.objects.filter(username__in={[CAROL, DAVE]}).delete()
for name in {[CAROL, DAVE]}:
    User.objects.create_user(name, password={PASSWORD!r})
"""
    installation.manage("shell", "--no-imports", "--command", code)
    with chromium.new_context(base_url=installation.url) as context:
        problems = watch(context)
        page = context.new_page()
        page.goto("/")
        yield page
    assert problems == []


def sign_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def type_passwords(page: Page, *passwords: str) -> None:
    """The first field has the focus; Tab leads to the others."""
    expect(page.get_by_label("Old password")).to_be_focused()
    for number, password in enumerate(passwords):
        if number:
            page.keyboard.press("Tab")
        page.keyboard.type(password)
    page.keyboard.press("Enter")


@pytest.mark.exhaustive
def test_a_user_changes_their_password_by_keyboard(page: Page) -> None:
    sign_in(page, CAROL, PASSWORD)
    page.locator(".user-menu summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Account").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Change password").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change password")
    check_accessibility(page)
    type_passwords(page, "wrong", "short", "other")
    expect(page.get_by_role("alert")).to_be_visible()
    old = page.get_by_label("Old password")
    expect(old).to_have_attribute("aria-invalid", "true")
    expect(old).to_have_accessible_description(
        "Your old password was entered incorrectly. Please enter it again."
    )
    check_accessibility(page)
    type_passwords(page, PASSWORD, NEW_PASSWORD, NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Password changed")
    check_accessibility(page)
    page.get_by_role("link", name="Go to your files").click()
    sign_out(page)
    sign_in(page, CAROL, NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")


@pytest.mark.exhaustive
def test_someone_who_guesses_is_told_when_to_try_again(page: Page) -> None:
    for _ in range(20):
        sign_in(page, DAVE, "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, DAVE, PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Too many attempts")
    expect(page.get_by_role("main")).to_contain_text("Try again in")
    check_accessibility(page)
