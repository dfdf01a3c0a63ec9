"""Signing in at a provider, which is another site and another process."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import MIB, make_file, sign_out, watch
from tests.browser.test_page import row, unique, upload_row
from tests.browser.test_session import begin_upload, dialog, end_session
from tests.support import sso
from tests.support.installation import Installation, with_small_parts

ADA = {"sub": "4711", "preferred_username": "ada", "groups": ["files-admins"]}


def sign_in(page: Page) -> None:
    """Choose the user at the provider."""
    page.get_by_role("button", name="4711").click()


@pytest.mark.exhaustive
def test_a_user_signs_in_at_the_provider_and_again_while_uploading_and_out(
    chromium: Browser, installation: Installation, tmp_path: Path
) -> None:
    with (
        sso.provider(tmp_path / "provider.log", ADA),
        chromium.new_context(base_url=installation.url) as context,
    ):
        problems = watch(context)
        page = context.new_page()
        page.goto("/account/")
        page.get_by_role("link", name="Sign in with Example").click()
        sign_in(page)
        expect(page).to_have_url(f"{installation.url}/account/")
        expect(page.locator("#content")).to_contain_text("Signed in as ada")
        page.goto("/")
        _upload_while_the_session_ends(page, context, installation, tmp_path)
        _sign_out(page)
    assert problems == []


def _upload_while_the_session_ends(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path
) -> None:
    file = make_file(tmp_path / unique("sso.bin"), 40 * MIB)
    begin_upload(page, installation, file)
    end_session(context)
    installation.s3.release()
    expect(dialog(page)).to_be_visible()
    expect(upload_row(page, file.name)).to_contain_text("Waiting until you sign in again.")
    with context.expect_page() as opened:
        dialog(page).get_by_role("link", name="Open the sign-in page").click()
    tab = opened.value
    sign_in(tab)
    expect(tab.get_by_role("heading")).to_have_text("You are signed in")
    tab.close()
    page.bring_to_front()
    expect(dialog(page)).to_be_hidden()
    expect(row(page, file.name)).to_be_visible()


def _sign_out(page: Page) -> None:
    page.locator(".user-menu summary").click()
    expect(page.get_by_role("link", name="Admin")).to_be_visible()
    page.keyboard.press("Escape")
    sign_out(page)
    # The provider asks whether to sign out there too, and leads back.
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("link", name="Sign in with Example")).to_be_visible()
    expect(page).to_have_url(re.compile(r"//localhost:\d+/accounts/login/"))


@pytest.mark.exhaustive
def test_a_certified_provider_accepts_the_requests_and_ends_its_own_session(
    chromium: Browser, tmp_path: Path
) -> None:
    """It requires PKCE and compares addresses, and signs in without asking until it is told not
    to. The installation is its own, because processes keep what they know of a provider.
    """
    with (
        with_small_parts(tmp_path / "installation", **sso.SETTINGS) as installation,
        sso.certified_provider(tmp_path / "provider.log", installation.url),
        chromium.new_context(base_url=installation.url) as context,
    ):
        problems = watch(context)
        page = context.new_page()
        page.goto("/account/")
        _enter(page, "grace")
        expect(page.locator("#content")).to_contain_text("Signed in as grace.lovelace")
        end_session(context)
        page.goto("/account/")
        page.get_by_role("link", name="Sign in with Example").click()
        # Without a question: the provider has a session of its own.
        expect(page.locator("#content")).to_contain_text("Signed in as grace.lovelace")
        sign_out(page)
        page.get_by_role("button", name="Yes, sign me out").click()
        expect(page).to_have_url(re.compile(r"//localhost:\d+/accounts/login/"))
        page.get_by_role("link", name="Sign in with Example").click()
        page.get_by_role("link", name="[ Cancel ]").click()
        expect(page.get_by_role("alert")).to_contain_text("sso_refused")
    assert problems == []


def _enter(page: Page, name: str) -> None:
    """Sign in at the provider, and consent."""
    page.get_by_role("link", name="Sign in with Example").click()
    page.get_by_placeholder("Enter any login").fill(name)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()
