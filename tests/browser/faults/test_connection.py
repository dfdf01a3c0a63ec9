"""Whatever goes wrong on the way to S3, the file arrives whole and once."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import MIB, make_file, visitor
from tests.browser.faults.helpers import (
    EXPIRY,
    IN_ONE_REQUEST,
    arrived,
    assert_stored,
    choose,
    stop_after,
)
from tests.browser.test_page import unique
from tests.support.installation import SMALL_PART, Installation
from tests.support.proxy import Request, parts
from tests.support.waiting import wait_for


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["the browser knows", "the browser does not know"])
def test_an_upload_survives_ten_seconds_offline(
    page: Page, context: BrowserContext, installation: Installation, tmp_path: Path, kind: str
) -> None:
    file = make_file(tmp_path / unique("offline.bin"), 60 * MIB)
    installation.s3.bandwidth = 20 * MIB
    stop_after(installation, 20 * MIB)
    choose(page, file)
    wait_for(lambda: arrived(installation) >= 20 * MIB)
    knows = kind == "the browser knows"
    if knows:
        context.set_offline(True)
    else:
        installation.s3.refuse()
    installation.s3.release()
    page.wait_for_timeout(10_000)
    assert arrived(installation) < 60 * MIB
    if knows:
        context.set_offline(False)
    else:
        installation.s3.accept()
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
def test_an_upload_survives_errors_broken_connections_and_expired_signatures(
    chromium: Browser, short_lived: Installation, tmp_path: Path
) -> None:
    s3 = short_lived.s3
    file = make_file(tmp_path / unique("trouble.bin"), 100 * MIB)
    with visitor(chromium, short_lived) as context:
        page = context.new_page()
        page.goto("/")
        s3.bandwidth = 40 * MIB
        s3.fail_every(5, 503, parts)
        s3.cut_every(7, parts)
        held = stop_after(short_lived, 40 * MIB)
        choose(page, file)
        wait_for(lambda: held.struck)
        # Only time makes a signature expire.
        page.wait_for_timeout((EXPIRY + 1) * 1000)
        s3.release()
        assert_stored(page, short_lived, file)
    seen = s3.requests(parts)
    assert {request.status for request in seen} == {200, 403, 503, None}
    assert {"fail", "cut", "hold"} <= {request.fault for request in seen}


@pytest.mark.parametrize("size", [IN_ONE_REQUEST, pytest.param(10 * MIB, id="parts")])
def test_an_upload_survives_connections_that_break_repeatedly(
    page: Page, installation: Installation, tmp_path: Path, size: int
) -> None:
    # Chromium itself retries requests that break on a reused connection, once per connection.
    # Only with this many breaks in a row does the page see an error.
    cuts = installation.s3.cut_every(1, parts, times=6)
    file = make_file(tmp_path / unique("cut.bin"), size)
    choose(page, file)
    assert_stored(page, installation, file)
    assert cuts.struck == 6


@pytest.mark.exhaustive
def test_an_upload_survives_errors_of_the_site(
    page: Page, installation: Installation, tmp_path: Path
) -> None:
    def of_uploads(request: Request) -> bool:
        return request.path.startswith("/uploads")

    file = make_file(tmp_path / unique("server.bin"), 30 * MIB)
    installation.web.fail_every(3, 503, of_uploads)
    installation.web.cut_every(5, of_uploads)
    choose(page, file)
    assert_stored(page, installation, file)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("status", "code", "size"),
    [
        (400, "ExpiredToken", MIB),
        (400, "ExpiredToken", 20 * MIB),
        (403, "ExpiredToken", 20 * MIB),
        (400, "InvalidToken", 20 * MIB),
        (400, "TokenRefreshRequired", 20 * MIB),
        (403, "InvalidAccessKeyId", 20 * MIB),
        (403, "RequestExpired", MIB),
    ],
)
def test_requests_are_signed_again_when_credentials_have_been_replaced(
    page: Page, installation: Installation, tmp_path: Path, status: int, code: str, size: int
) -> None:
    refused: set[str] = set()

    def is_first(request: Request) -> bool:
        """Whether it is the first request of its part, or of the file."""
        number = parse_qs(request.query).get("partNumber", ["whole"])[0]
        is_first = parts(request) and number not in refused
        if is_first:
            refused.add(number)
        return is_first

    installation.s3.fail_every(1, status, is_first, code=code)
    file = make_file(tmp_path / unique("replaced.bin"), size)
    choose(page, file)
    assert_stored(page, installation, file)
    assert len(installation.s3.requests(parts)) == 2 * len(refused)
    # A part is signed just before each attempt anyway.
    begun = [r for r in installation.web.requests() if (r.method, r.path) == ("POST", "/uploads")]
    assert len(begun) == (2 if refused == {"whole"} else 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [IN_ONE_REQUEST, pytest.param(20 * MIB, id="parts")])
def test_a_part_with_a_flipped_byte_is_refused_and_sent_again(
    page: Page, installation: Installation, tmp_path: Path, size: int
) -> None:
    file = make_file(tmp_path / unique("flip.bin"), size)
    installation.s3.flip_every(1, parts, times=1)
    choose(page, file)
    assert_stored(page, installation, file)
    seen = installation.s3.requests(parts)
    assert [request.status for request in seen if request.fault == "flip"] == [400]
    assert {request.status for request in seen if not request.fault} == {200}
    resent = min(size, SMALL_PART)
    assert installation.s3.sent() == size + resent


@pytest.mark.exhaustive
@pytest.mark.parametrize("size", [IN_ONE_REQUEST, pytest.param(20 * MIB, id="parts")])
def test_lost_responses_do_not_create_a_second_file(
    page: Page, installation: Installation, tmp_path: Path, size: int
) -> None:
    file = make_file(tmp_path / unique("lost.bin"), size)
    installation.s3.lose_every(1, parts, times=1)
    installation.web.lose_every(1, lambda r: r.path.endswith("/complete"), times=1)
    choose(page, file)
    assert_stored(page, installation, file)
