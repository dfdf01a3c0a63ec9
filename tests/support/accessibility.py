"""axe-core on a page in Chromium."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: Waits for every animation that ends; an animation that is removed has ended too.
SETTLE = """() => Promise.all(document.getAnimations()
    .filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity)
    .map((animation) => animation.finished.catch(() => {})))"""
#: Most checks use only the first unless `thorough`, since each costs a second of processor time.
VARIANTS = [
    ("dark", {"width": 360, "height": 780}),
    ("light", {"width": 1280, "height": 800}),
]
#: Set for `make test-all`.
thorough = False


def violations(page: Page, within: str | None = None, but: str | None = None) -> list[str]:
    """The violations that axe-core finds, one line each.

    `within` is a selector, `but` the id of a rule to skip.
    """
    options: dict[str, Any] = {
        # Fetching style sheets that import others violates the Content-Security-Policy. Only a rule
        # that is off by default needs it.
        "preload": False,
        "rules": {but: {"enabled": False}} if but else {},
    }
    rules = Axe().run(page, within, options).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} at {node['target']}"
        for rule in rules
        for node in rule["nodes"]
    ]


def check_accessibility(
    page: Page, within: str | None = None, but: str | None = None, *, every_variant: bool = False
) -> None:
    """Check the page in its current state: dark and narrow, or in every variant."""
    # After a click on a link, the new page may not have loaded yet.
    page.wait_for_load_state()
    for scheme, size in VARIANTS if every_variant or thorough else VARIANTS[:1]:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        # Colours in transition from one scheme to the other would be reported.
        page.evaluate(SETTLE)
        found = violations(page, within, but)
        assert found == [], f"{scheme}, {size['width']} px wide: {found}"
    page.set_viewport_size(VARIANTS[1][1])  # type: ignore[arg-type]
