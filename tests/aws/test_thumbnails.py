"""The addresses of thumbnails: they stay the same for a while, and grant nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from pytest_django import Settings

from tests.support.http import send
from uploads.aws import clients, thumbnails
from uploads.core.conf import conf
from uploads.core.keys import thumbnail_key

ID = "0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d7"
OTHER = "0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d8"
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def signed(moment: datetime) -> str:
    with time_machine.travel(moment, tick=False):
        return thumbnails.sign(ID)


def expires_at(url: str) -> datetime:
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    begins = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return begins + timedelta(seconds=int(query["X-Amz-Expires"]))


@pytest.mark.parametrize("expiry", [1, 2, 3, 59, 900, 901, 86_400, 604_800])
def test_an_address_is_the_same_for_half_its_life_and_never_lasts_longer_than_others(
    settings: Settings, expiry: int
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"URL_EXPIRY": expiry}
    period = max(expiry // 2, 1)
    steps = [NOON + timedelta(seconds=step * period / 4) for step in range(9)]
    urls = [signed(moment) for moment in steps]
    # Two periods, and a part of another one.
    assert 2 <= len(set(urls)) <= 3
    for moment, url in zip(steps, urls, strict=True):
        left = expires_at(url) - moment
        assert timedelta(seconds=expiry / 2) <= left + timedelta(seconds=1)
        assert left <= timedelta(seconds=expiry)


def test_it_is_what_botocore_signs() -> None:
    client = clients.s3()
    with time_machine.travel(NOON, tick=False):
        theirs = client.generate_presigned_url(
            "get_object",
            Params={"Bucket": conf().bucket, "Key": thumbnail_key(ID)},
            ExpiresIn=conf().url_expiry,
        )
    ours = signed(NOON + timedelta(seconds=conf().url_expiry // 2 - 1))
    assert (urlsplit(ours).path, parse_qs(urlsplit(ours).query)) == (
        urlsplit(theirs).path,
        parse_qs(urlsplit(theirs).query),
    )


@pytest.mark.usefixtures("aws")
def test_it_opens_one_thumbnail_and_nothing_else() -> None:
    for upload_id in (ID, OTHER):
        thumbnails.store(upload_id, b"picture of " + upload_id.encode())
    url = thumbnails.sign(ID)
    assert send("GET", url).body == b"picture of " + ID.encode()
    assert send("GET", url.replace(ID, OTHER)).status == 403
    assert send("GET", url.partition("?")[0]).status == 403
    for method in ("PUT", "DELETE", "POST"):
        assert send(method, url, b"x").status == 403
    assert send("GET", url).body == b"picture of " + ID.encode()


@pytest.mark.usefixtures("aws")
def test_deleting_one_that_does_not_exist_succeeds() -> None:
    thumbnails.delete(ID)
