"""What is read of an object is complete, and of one object, or it is an error."""

from __future__ import annotations

import http.client
import io
import socket
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.files import upload
from tests.support.proxy import Proxy, Request
from tests.support.scripted import Connection, Script, Scripted
from tests.thumbnails.helpers import put_object
from uploads.aws import ranges, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable

BODY = bytes(range(256)) * 4


def inspect(upload_id: str) -> object:
    return s3.inspect(upload_id, needs_content=lambda _: True)


def download(upload_id: str) -> object:
    return ranges.download(upload_id, etag_of(upload_id), len(BODY), io.BytesIO())


def read(upload_id: str) -> object:
    return s3.read(conf().bucket, keys.object_key(upload_id))


READS: dict[str, Callable[[str], object]] = {"inspect": inspect, "download": download, "read": read}


def etag_of(upload_id: str) -> str:
    stored = s3.head(upload_id)
    assert stored is not None
    return stored.etag


def cutting(port: int, passed: int) -> Script:
    """Pass requests to a server, and of its response to a GET only so many bytes of the body."""

    def script(connection: Connection) -> None:
        request = connection.socket.recv(65536)
        with socket.create_connection(("127.0.0.1", port)) as server:
            server.sendall(request)
            method = request.partition(b" ")[0].decode()
            response = http.client.HTTPResponse(server, method=method)
            response.begin()
            body = response.read()
        head = f"HTTP/1.1 {response.status} {response.reason}\r\n{response.headers}"
        connection.send(head.encode() + (body[:passed] if method == "GET" else body))

    return script


@pytest.mark.parametrize("passed", [0, 1, len(BODY) // 2, len(BODY) - 1])
@pytest.mark.parametrize("name", READS)
def test_a_response_that_is_cut_off_is_an_error(
    name: str, passed: int, aws: LocalAws, settings: Settings
) -> None:
    upload_id = upload("7", "a.bin", BODY, "application/octet-stream")
    with Scripted(cutting(aws.port, passed)) as server:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": server.url}
        with pytest.raises(BackendUnavailable):
            READS[name](upload_id)


@pytest.fixture
def proxy(aws: LocalAws, settings: Settings) -> Iterator[Proxy]:
    with Proxy(aws.port) as proxy:
        settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": proxy.url}
        yield proxy


def is_get(request: Request) -> bool:
    return request.method == "GET"


@pytest.mark.parametrize(("size", "requests"), [(1, 1), (99, 1), (100, 1), (101, 2), (350, 4)])
def test_an_object_is_downloaded_range_by_range(
    size: int, requests: int, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "DOWNLOAD_RANGE", 100)
    upload_id, target = upload("7", "a.bin", BODY[:size], "application/octet-stream"), io.BytesIO()
    assert ranges.download(upload_id, etag_of(upload_id), size, target)
    assert target.getvalue() == BODY[:size]
    assert len(proxy.requests(is_get)) == requests


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_a_download_ends_when_the_object_changes_between_two_ranges(
    change: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "DOWNLOAD_RANGE", 100)
    upload_id = upload("7", "a.bin", BODY, "application/octet-stream")

    class Changing(io.BytesIO):
        def write(self, content: object, /) -> int:
            if change == "replaced":
                put_object(upload_id, BODY[::-1], "application/octet-stream")
            else:
                s3.delete(upload_id)
            return len(BODY)

    assert not ranges.download(upload_id, etag_of(upload_id), len(BODY), Changing())
    assert len(proxy.requests(is_get)) == 2
