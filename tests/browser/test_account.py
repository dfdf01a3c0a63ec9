"""The account page and the menu that leads to it, by keyboard and by mouse, in each theme."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in, watch
from tests.support.accessibility import check_accessibility
from tests.support.installation import Installation

MENU = ".user-menu summary"


@pytest.fixture(scope="module")
def erin(installation: Installation) -> str:
    """A user without tokens: the test that creates one revokes it."""
    name = f"erin-{uuid.uuid4().hex[:8]}"
    installation.create_user(name)
    return name


@pytest.fixture
def page(chromium: Browser, installation: Installation, erin: str) -> Iterator[Page]:
    """The account page of this user."""
    with chromium.new_context(base_url=installation.url) as context:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        problems = watch(context)
        sign_in(context, erin)
        page = context.new_page()
        page.goto("/account/")
        yield page
    assert problems == []


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.exhaustive
def test_a_token_is_created_copied_used_and_revoked(page: Page, installation: Installation) -> None:
    check_accessibility(page)
    page.get_by_label("Name").fill("my laptop")
    page.get_by_label("Upload and organize files").uncheck()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("New API token")
    check_accessibility(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied")
    secret = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"filehub_[\w-]{43}", secret)
    headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
    assert page.request.get("/files", headers=headers).status == 200
    refused = page.request.get("/uploads?ids=a", headers=headers)
    assert (refused.status, refused.json()["code"]) == (403, "insufficient_scope")

    page.get_by_role("link", name="Back to the API tokens").click()
    page.get_by_role("link", name="Revoke my laptop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Revoke this token?")
    check_accessibility(page)
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_have_text("The token was revoked.")
    expect(page.get_by_text("You have no API tokens.")).to_be_visible()


@pytest.mark.exhaustive
def test_a_mistake_is_marked(page: Page) -> None:
    for name in ("Upload and organize files", "List and download files"):
        page.get_by_label(name).uncheck()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("group", name="Scopes")).to_have_accessible_description(
        re.compile("Choose at least one")
    )
    check_accessibility(page)


@pytest.mark.exhaustive
def test_the_menu_works_by_keyboard_and_closes_like_a_menu(page: Page) -> None:
    page.goto("/")
    menu, account = page.locator(MENU), page.get_by_role("link", name="Account")
    expect(account).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(account).to_be_visible()
    check_accessibility(page)
    page.keyboard.press("Escape")
    expect(account).to_be_hidden()
    expect(menu).to_be_focused()
    for close in (lambda: page.mouse.click(5, 400), lambda: page.locator("#search").focus()):
        menu.click()
        expect(account).to_be_visible()
        close()
        expect(account).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(account).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")


@pytest.mark.exhaustive
def test_the_theme_applies_at_once_everywhere_and_beats_the_system(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    light, body = background(page), page.locator("body")
    page.get_by_role("button", name="Dark").click()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-current", "true")
    dark = background(page)
    assert dark != light
    for path in ("/", "/accounts/password/", "/api/docs", "/no/such/page"):
        page.goto(path)
        expect(body).to_have_css("background-color", dark)
    page.goto("/account/")
    # The page is loaded again after each choice.
    page.get_by_role("button", name="Light").click()
    page.emulate_media(color_scheme="dark")
    expect(body).to_have_css("background-color", light)
    page.get_by_role("button", name="System").click()
    expect(body).to_have_css("background-color", dark)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "path",
    [
        "/admin/uploads/file/",
        "/admin/",
        "/admin/auth/user/1/change/",
    ],
)
def test_the_admin_has_the_colours_of_the_pages(
    chromium: Browser, installation: Installation, path: str
) -> None:
    with chromium.new_context(base_url=installation.url, color_scheme="light") as context:
        sign_in(context)
        page = context.new_page()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            surface = page.goto("/") and page.evaluate(
                "getComputedStyle(document.querySelector('.panel')).backgroundColor"
            )
            page.goto(path)
            assert background(page) == surface
        # It follows the choice rather than the system.
        context.add_cookies([{"name": "filehub_theme", "value": "light", "url": installation.url}])
        page.goto(path)
        assert background(page) != surface


@pytest.mark.exhaustive
def test_the_api_docs_lead_back(page: Page) -> None:
    page.goto("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    page.get_by_role("link", name="Back to your files").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Files")
