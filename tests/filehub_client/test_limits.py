"""Rate limits of a real site, and what the log of a client shows."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest

from filehub_client import Client, NotFound, NotStoredInTime, RateLimited
from filehub_client.flow import Request, Response
from local.aws import LocalAws
from tests.filehub_client.conftest import QUICK
from tests.web.site import site


@pytest.mark.exhaustive
def test_a_rate_limit_ends_the_upload_of_what_exceeds_it_and_no_secret_is_logged(
    aws: LocalAws, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_bytes(b"x")
    caplog.set_level(logging.DEBUG)
    with site(tmp_path, FILEHUB_SIGN_RATE_USER="3/h") as running:
        token = running.api["Authorization"].removeprefix("Bearer ")
        with Client(running.url, token=token, retries=QUICK) as client:
            outcomes = client.upload_many(sorted(tmp_path.glob("*.txt")))
            errors = [outcome.error for outcome in outcomes if outcome.error]
            assert [type(error) for error in errors] == [RateLimited] * 2
            assert all(3600 >= (error.retry_after or 0) > QUICK.longest_wait for error in errors)
            # No worker runs beside this site, so nothing is stored.
            ids = [outcome.id for outcome in outcomes if outcome.id]
            states = client.wait(ids, timeout=0.1)
            assert [states[upload_id].state for upload_id in ids] == ["pending"] * 3
            with pytest.raises((RateLimited, NotStoredInTime)):
                client.upload(tmp_path / "0.txt", timeout=0.1)
            with pytest.raises(NotFound) as caught:
                client.download(ids[0], tmp_path)
        log = caplog.text + "".join(traceback.format_exception(caught.value))
        assert "X-Amz-Signature=***" in log
        assert "X-Amz-Credential=***" in log
        assert token not in log


def test_the_representation_of_a_request_shows_no_secret() -> None:
    request = Request("GET", "https://x/?token=s3cret", {"Authorization": "s3cret"}, b"s3cret")
    assert "s3cret" not in f"{request!r}{Response(200, {'a': 's3cret'}, b's3cret')!r}"
