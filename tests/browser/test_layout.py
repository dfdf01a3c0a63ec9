"""Every page fits: narrow and wide, in each language, with text of twice the size."""

from __future__ import annotations

import re
from itertools import product

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_page import TO_S3, choose, row, unique, upload_row
from tests.support.installation import Installation

#: What a person cannot see or reach: the page is wider than the window, an element is outside of
#: it, or text is cut off. Boxes and fields that scroll are fine, and so are names that are
#: shortened on purpose and have their full text in a title. Icons of Django have a text that is
#: never shown.
MEASURE = """() => {
    const width = document.documentElement.clientWidth;
    const problems = [];
    const name = (e) => e.tagName.toLowerCase() + (e.id && "#" + e.id) +
        [...e.classList].map((part) => "." + part).join("");
    const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
    const scroller = (e) => {
        for (let box = e.parentElement; box && box !== document.body; box = box.parentElement)
            if (scrolls(box)) return box;
        return null;
    };
    // Only for screen readers.
    const isClipped = (e) => {
        for (let box = e; box; box = box.parentElement)
            if (getComputedStyle(box).clipPath === "inset(50%)") return true;
        return false;
    };
    if (document.documentElement.scrollWidth > width)
        problems.push(`the page is ${document.documentElement.scrollWidth} wide`);
    for (const e of document.body.querySelectorAll("*")) {
        const box = e.getBoundingClientRect();
        const style = getComputedStyle(e);
        if (!box.width || !box.height || style.visibility === "hidden") continue;
        // What a closed menu contains has a box too.
        if (!e.checkVisibility()) continue;
        if (e.closest(".visually-hidden, .skip-link, svg, option") || isClipped(e)) continue;
        if (!scroller(e) && (box.right > width + 1 || box.left < -1))
            problems.push(`${name(e)} is at ${Math.round(box.left)} to ${Math.round(box.right)}`);
        const hides = ["hidden", "clip"].includes(style.overflowX);
        const shortened = ".name-head, [title], [title] *, .selector label, .selector button, " +
            "input:not([type=submit])";
        if (hides && e.scrollWidth > e.clientWidth + 1 && !e.matches(shortened))
            problems.push(`${name(e)} shows ${e.clientWidth} of ${e.scrollWidth}`);
    }
    return problems;
}"""

#: Rows outside of the window are rendered too, because this measures them.
RESIZE = """(percent) => {
    document.documentElement.style.fontSize = `${percent}%`;
    for (const row of document.querySelectorAll(".rows > li"))
        row.style.contentVisibility = "visible";
}"""

#: Width of the window in CSS pixels, and the size of text in percent. A window of 1280 that is
#: zoomed to 200 % has 640 of them.
SIZES = [(1280, 100), (1280, 200), (768, 100), (768, 200), (640, 100), (360, 100), (360, 200)]
LANGUAGES = ["en", "de"]
HARDEST = {("de", 768, 100), ("de", 360, 200)}

PAGES = [
    "/", "/?q=no file begins so", "/?view=trash", "/?view=rejected",
    "/account/", "/accounts/password/", "/no/such/page", "/api/docs",
    "/admin/",
    "/admin/uploads/file/", "/admin/uploads/file/?state=rejected", "/admin/uploads/queue/",
    "/admin/uploads/queue/events/", "/admin/uploads/queue/tasks/",
    "/admin/uploads/storagereport/", "/admin/uploads/apitoken/", "/admin/auth/user/",
    "/admin/auth/user/1/change/", "/admin/uploads/auditentry/",
]  # fmt: skip
USUAL = {"/", "/admin/uploads/file/"}

LONG = "Quartalsbericht_2024_Vertrieb_Nord_Entwurf_überarbeitet_und_geprüft_final"


def resize(page: Page, width: int, percent: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate(RESIZE, percent)


def check_fit(page: Page, where: str, sizes: list[tuple[int, int]]) -> None:
    misfits = {}
    for width, percent in sizes:
        resize(page, width, percent)
        if found := page.evaluate(MEASURE):
            misfits[f"{where} at {width} px, text {percent} %"] = found
    assert misfits == {}


@pytest.mark.parametrize(
    ("path", "language", "sizes"),
    [
        *((path, "de", [size[1:] for size in sorted(HARDEST)]) for path in PAGES if path in USUAL),
        *(
            pytest.param(path, language, SIZES, marks=pytest.mark.exhaustive)
            for path, language in product(PAGES, LANGUAGES)
        ),
    ],
)
def test_a_page_fits(tab: Page, path: str, language: str, sizes: list[tuple[int, int]]) -> None:
    tab.set_extra_http_headers({"Accept-Language": language})
    tab.goto(path)
    check_fit(tab, path, sizes)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_of_webhooks_fit(tab: Page, language: str) -> None:
    tab.set_extra_http_headers({"Accept-Language": language})
    tab.goto("/admin/uploads/webhookendpoint/add/")
    check_fit(tab, "adding an endpoint", SIZES)
    tab.fill("[name=name]", LONG)
    tab.fill("[name=url]", f"https://hooks.example.invalid/{'x' * 200}")
    with tab.expect_navigation():
        tab.click("[name=_continue]")
    check_fit(tab, "an endpoint", SIZES)
    with tab.expect_navigation():
        tab.click("button.object-tool")
    check_fit(tab, "deliveries", SIZES)
    tab.goto("/admin/uploads/webhookendpoint/")
    check_fit(tab, "endpoints", SIZES)


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_sign_in_page_fits(
    chromium: Browser, installation: Installation, language: str
) -> None:
    page = chromium.new_page(base_url=installation.url, locale=language)
    page.goto("/accounts/login/")
    check_fit(page, "sign in", SIZES)
    page.close()


def refuse(page: Page) -> None:
    headers = {"Access-Control-Allow-Origin": "*"}
    page.route(TO_S3, lambda route: route.fulfill(status=403, headers=headers, body="<Error/>"))


@pytest.mark.exhaustive
@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_of_uploads_fit_and_can_be_told_apart(page: Page, language: str) -> None:
    page.set_extra_http_headers({"Accept-Language": language})
    page.goto("/")
    expect(page.locator("#choose-files")).to_be_enabled()
    refuse(page)
    failed = unique(f"{LONG}_v1.xlsx")
    choose(page, (failed, b"1"))
    expect(upload_row(page, failed)).to_have_attribute("data-state", "failed")
    page.unroute(TO_S3)
    page.route(TO_S3, lambda route: None)  # S3 never responds
    names = [unique(f"{LONG}_v{number}.xlsx") for number in (2, 3)]
    choose(page, *[(name, b"x" * 1000) for name in names])
    for name in names:
        expect(upload_row(page, name)).to_have_attribute("data-state", "uploading")
    upload_row(page, names[0]).locator("[data-action=pause]").click()
    check_fit(page, "uploads", SIZES)
    for width, percent in SIZES:
        resize(page, width, percent)
        for name in [failed, *names]:
            tail = upload_row(page, name).locator(".name-tail")
            assert name.endswith(tail.inner_text())
            assert "_v" in tail.inner_text()
            assert tail.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
            # The whole name is there for a screen reader, for copying and as a tooltip.
            expect(upload_row(page, name).locator("[data-field=file]")).to_have_text(name)
            expect(upload_row(page, name).locator(".file-name")).to_have_attribute("title", name)
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.exhaustive
def test_controls_of_rows_are_icons_with_names_and_tooltips(page: Page) -> None:
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.goto("/")
    name = unique(f"{LONG}_v1.xlsx")
    choose(page, (name, b"x"))
    listed = row(page, name)
    expect(listed).to_be_visible()
    for width, visible in ((1280, 3), (768, 3), (360, 1)):
        resize(page, width, 100)
        controls = listed.locator(".file-actions :is(a, button)").filter(visible=True)
        expect(controls).to_have_count(visible)
        for control in controls.all():
            assert control.get_attribute("title")
            assert name in (control.get_attribute("aria-label") or "")
            box = control.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 36


@pytest.mark.exhaustive
def test_a_long_name_loses_its_middle_and_keeps_its_extension(page: Page) -> None:
    name = unique(f"{LONG}_v1.xlsx")
    choose(page, (name, b"x"))
    for width, percent in ((1280, 100), (768, 200), (360, 100), (360, 200)):
        resize(page, width, percent)
        shown = row(page, name).locator("[data-field=name]")
        expect(shown).to_have_text(name)
        expect(shown).to_have_attribute("title", name)
        tail = shown.locator(".name-tail")
        assert tail.inner_text().endswith(".xlsx")
        assert tail.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), (width, percent)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.exhaustive
@pytest.mark.parametrize("width", [768, 360])
def test_the_file_list_of_the_admin_can_be_read_and_used(page: Page, width: int) -> None:
    name = unique(f"{LONG}_v1.txt")
    choose(page, (name, b"x"))
    expect(row(page, name)).to_be_visible()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/admin/uploads/file/")
    listed = page.locator("#result_list tbody tr").filter(has_text=name)
    for field in ("name", "owner", "size_text", "content_type", "state_text", "created"):
        cell = listed.locator(f".field-{field}")
        box = cell.bounding_box()
        assert box, field
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width, field
    listed.locator("[name=_selected_action]").check()
    page.get_by_label("Action:").select_option("check_again")
    page.get_by_role("button", name=re.compile("Go|Run")).click()
    expect(page.locator("#content")).to_contain_text(name)
