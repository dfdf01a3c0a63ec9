"""S3 accepts exactly what was signed and refuses everything else."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.http import put, send, sha256
from tests.support.waiting import wait_for
from uploads.aws import downloads, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.names import content_disposition
from uploads.files.record import StoredFile
from uploads.transfers import begin
from uploads.transfers.begin import StartedUpload

BODY = b"hello, world"
UPLOAD_ID = "01928c5e-7d1a-7000-8000-000000000000"


@pytest.fixture
def begun(aws: LocalAws) -> StartedUpload:
    return begin.begin_put(
        "7", file_name="a.txt", content_type="text/plain", size=len(BODY), sha256=sha256(BODY)
    )


def test_exactly_what_was_signed_is_accepted(begun: StartedUpload) -> None:
    assert put(begun.request, BODY).status == 200
    s3_object = s3.head(begun.id)
    assert s3_object is not None
    assert (s3_object.size, s3_object.content_type) == (len(BODY), "text/plain")
    assert (s3_object.owner, s3_object.file_name) == ("7", "a.txt")
    assert s3_object.checksum == sha256(BODY)


def test_signing_writes_nothing_anywhere(begun: StartedUpload) -> None:
    assert list(StoredFile.scan()) == []
    assert s3.head(begun.id) is None


@pytest.mark.parametrize(
    "change",
    [
        {"Content_Type": "text/html"},
        {"x_amz_meta_owner": "8"},
        {"x_amz_meta_filename": "b.txt"},
        {"If_None_Match": "something"},
        {"x_amz_checksum_sha256": sha256(b"other bytes!")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_header_is_refused(begun: StartedUpload, change: dict[str, str]) -> None:
    assert put(begun.request, BODY, **change).status == 403
    assert s3.head(begun.id) is None


def test_a_missing_header_is_refused(begun: StartedUpload) -> None:
    headers = {k: v for k, v in begun.request.headers.items() if k != "If-None-Match"}
    assert put(replace(begun.request, headers=headers), BODY).status == 403


@pytest.mark.parametrize("body", [BODY + b"!", BODY[:-1]], ids=["one byte more", "one byte less"])
def test_another_length_is_refused(begun: StartedUpload, body: bytes) -> None:
    assert put(begun.request, body).status == 403
    assert s3.head(begun.id) is None


def test_other_bytes_of_the_same_length_are_refused(begun: StartedUpload) -> None:
    assert put(begun.request, BODY[::-1]).status == 400
    assert s3.head(begun.id) is None


def test_another_key_is_refused(begun: StartedUpload) -> None:
    other = keys.new_upload_id("7", "another")
    url = begun.request.url.replace(keys.object_key(begun.id), keys.object_key(other))
    assert put(replace(begun.request, url=url), BODY).status == 403
    assert s3.head(other) is None


def test_a_longer_expiry_is_refused(begun: StartedUpload) -> None:
    url = begun.request.url.replace("X-Amz-Expires=900", "X-Amz-Expires=9000")
    assert url != begun.request.url
    assert put(replace(begun.request, url=url), BODY).status == 403


def test_an_expired_request_is_refused(aws: LocalAws, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"URL_EXPIRY": 1}
    begun = begin.begin_put("7", file_name="a.txt", size=len(BODY), sha256=sha256(BODY))
    # The wrong checksum is refused with 400 until the request itself has expired (403).
    wait_for(lambda: put(begun.request, BODY[::-1]).status == 403)
    assert put(begun.request, BODY).status == 403
    assert s3.head(begun.id) is None


def test_a_second_put_with_the_same_request_is_refused(begun: StartedUpload) -> None:
    assert put(begun.request, BODY).status == 200
    assert put(begun.request, BODY).status == 412


def test_an_unsigned_read_is_refused(begun: StartedUpload) -> None:
    put(begun.request, BODY)
    assert send("GET", begun.request.url.partition("?")[0]).status == 403


def test_an_empty_file_can_be_uploaded(aws: LocalAws) -> None:
    begun = begin.begin_put("7", file_name="empty", size=0, sha256=sha256(b""))
    assert put(begun.request, b"").status == 200


def test_a_form_content_type_is_signed_too(aws: LocalAws) -> None:
    begun = begin.begin_put(
        "7",
        file_name="form",
        content_type="application/x-www-form-urlencoded; charset=utf-8",
        size=len(BODY),
    )
    assert put(begun.request, BODY, Content_Type="text/html").status == 403


@pytest.mark.parametrize(
    "name", ["a.txt", "report%202024.txt", "日本 1.txt", 'a"b\\c;d.txt', "語" * 85]
)
def test_a_download_carries_the_name(begun: StartedUpload, name: str) -> None:
    put(begun.request, BODY)
    url, _ = downloads.sign(begun.id, file_name=name)
    response = send("GET", url)
    assert response.body == BODY
    assert response.headers["Content-Disposition"] == content_disposition(name)


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize("bucket", ["filehub-uploads", "files.example.com"])
def test_downloads_come_from_the_origin_that_pages_allow(
    settings: Settings, region: str, bucket: str
) -> None:
    """On AWS itself, where no endpoint is set."""
    settings.FILEHUB = {"REGION": region, "BUCKET": bucket}
    url, _ = downloads.sign(UPLOAD_ID, file_name="a.txt")
    assert url.startswith(f"{conf().s3_bucket_url}/{keys.object_key(UPLOAD_ID)}?")


def test_the_settings_of_a_projects_own_storage_change_no_download(settings: Settings) -> None:
    settings.AWS_STORAGE_BUCKET_NAME = settings.AWS_LOCATION = "theirs"
    settings.AWS_S3_CUSTOM_DOMAIN = "cdn.example.com"
    settings.AWS_QUERYSTRING_AUTH = False
    settings.AWS_S3_ACCESS_KEY_ID = settings.AWS_S3_SECRET_ACCESS_KEY = "theirs"
    settings.AWS_S3_SIGNATURE_VERSION = "s3"
    settings.AWS_S3_ENDPOINT_URL = "https://theirs.example.com"
    downloads._storage.cache_clear()
    url, _ = downloads.sign(UPLOAD_ID, file_name="a.txt")
    downloads._storage.cache_clear()
    parts = urlsplit(url)
    assert url.startswith(f"{conf().s3_bucket_url}/{keys.object_key(UPLOAD_ID)}?")
    (credential,) = parse_qs(parts.query)["X-Amz-Credential"]
    assert credential.partition("/")[0] == s3.credentials().access_key
