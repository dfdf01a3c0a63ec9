"""Screenshots only; not part of the repository."""
from tests.browser.test_destinations import *  # noqa
del test_without_destinations_there_is_no_choice
def test_shots(member):
    page = member.new_page()
    for lang in ("en", "de"):
        page.set_extra_http_headers({"Accept-Language": lang})
        for scheme in ("light", "dark"):
            for width in (1280, 768, 360):
                page.set_viewport_size({"width": width, "height": 720})
                page.emulate_media(color_scheme=scheme)
                page.goto("/")
                page.locator("#destination").select_option("photos" if lang == "en" else "handover")
                page.wait_for_timeout(250)
                page.screenshot(path=f"/tmp/meta-shots/{lang}-{scheme}-{width}.png")
