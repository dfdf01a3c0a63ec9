"""API tokens and quotas in Django's admin, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.browser.test_page import unique
from tests.support.accessibility import check_accessibility
from tests.support.http import send
from tests.support.installation import Installation

TOKENS = "/admin/uploads/apitoken/"


@pytest.fixture
def page(tab: Page) -> Page:
    return tab


def files_with(installation: Installation, secret: str) -> int:
    """The status of an API call with this token."""
    headers = {"Authorization": f"Bearer {secret}"}
    return send("GET", f"{installation.url}/files", headers=headers).status


def create_token(page: Page, name: str) -> str:
    """Create a token for the user `demo`, found by autocompletion; returns the token."""
    page.goto(TOKENS)
    page.get_by_role("link", name="Add API token").click()
    page.locator(".select2-selection").click()
    page.locator(".select2-search__field").fill("dem")
    page.get_by_role("option", name="demo").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create token").click()
    return page.locator("#new-token").inner_text()


@pytest.mark.exhaustive
def test_a_token_is_created_shown_once_used_and_revoked(
    page: Page, installation: Installation
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    name = unique("backup")
    secret = create_token(page, name)
    expect(page.get_by_text("It will not be shown again.")).to_be_visible()
    assert secret not in page.url
    check_accessibility(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret

    page.get_by_role("link", name="Back to the API tokens").click()
    row = page.get_by_role("row").filter(has_text=name)
    last_used = row.locator(".field-last_used")
    expect(last_used).to_have_text("never")
    assert secret not in page.content()
    assert files_with(installation, secret) == 200
    page.reload()
    expect(last_used).not_to_have_text("never")
    check_accessibility(page)

    row.get_by_role("link").first.click()
    check_accessibility(page)
    page.get_by_role("link", name="Delete").click()
    check_accessibility(page)
    page.get_by_role("button", name=re.compile("Yes")).click()
    expect(row).to_have_count(0)
    assert files_with(installation, secret) == 401


@pytest.mark.exhaustive
def test_a_token_that_cannot_be_copied_is_selected(page: Page, context: BrowserContext) -> None:
    page.add_init_script("delete Navigator.prototype.clipboard")
    secret = create_token(page, unique("selected"))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_contain_text("by hand")
    assert page.evaluate("getSelection().toString().trim()") == secret


@pytest.mark.exhaustive
def test_several_tokens_are_revoked_at_once(page: Page, installation: Installation) -> None:
    name = unique("many")
    secrets = [create_token(page, f"{name}-{number}") for number in range(2)]
    page.goto(f"{TOKENS}?q={name}")
    page.locator("#action-toggle").check()
    page.get_by_label("Action:").select_option("delete_selected")
    page.get_by_role("button", name="Go").click()
    check_accessibility(page)
    page.get_by_role("button", name=re.compile("Yes")).click()
    expect(page.get_by_text("Successfully deleted 2 API tokens.")).to_be_visible()
    assert [files_with(installation, secret) for secret in secrets] == [401, 401]


@pytest.mark.exhaustive
def test_a_quota_is_set_shown_and_removed(
    page: Page, chromium: Browser, installation: Installation
) -> None:
    name = unique("saver").replace(" ", "-")
    installation.create_user(name)
    page.goto(f"/admin/auth/user/?q={name}")
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("no limit")
    row.get_by_role("link").first.click()
    limit = page.locator("#id_filehub_quota-0-limit")
    limit.fill("much")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Enter a size such as 10 GB or 500 MB")).to_be_visible()
    expect(limit).to_have_value("much")
    # The rest of the page is Django's own and has violations.
    check_accessibility(page, "#filehub_quota-group")
    limit.fill("2 MB")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(row).to_contain_text(re.compile(r"2.MB \(custom\)"))
    check_accessibility(page)
    with chromium.new_context(base_url=installation.url) as context:
        sign_in(context, name)
        home = context.new_page()
        home.goto("/")
        expect(home.locator("#quota")).to_have_text(re.compile(r"0.bytes of 2.MB used"))
        check_accessibility(home, "#drop-zone")
        body = b"x" * 700_000
        file = {"name": "counted.bin", "mimeType": "", "buffer": body}
        home.set_input_files("#file-input", file)
        expect(home.locator("#quota")).to_have_text(re.compile(r"700.kB of 2.MB used"))
        row.get_by_role("link").first.click()
        expect(limit).to_have_value("2 MB")
        page.locator("#id_filehub_quota-0-DELETE").check()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(row).to_contain_text("no limit")
        home.reload()
        expect(home.locator("#quota")).to_have_count(0)


@pytest.mark.exhaustive
def test_the_tokens_of_a_user_are_on_the_users_page(page: Page) -> None:
    name = unique("listed")
    create_token(page, name)
    page.goto("/admin/auth/user/")
    page.get_by_role("row").filter(has_text="demo").get_by_role("link").first.click()
    row = page.get_by_role("row").filter(has_text=name)
    # Django leaves the heading of its column with links empty.
    check_accessibility(page, "#filehub_api_tokens-group", but="empty-table-header")
    row.get_by_role("checkbox", name="Revoke token").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(TOKENS)
    expect(page.locator("#content")).not_to_contain_text(name)
