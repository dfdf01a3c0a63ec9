"""Every request to AWS verifies the server with the certificates that botocore uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import boto3
import httpx
import pycurl
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from kombu.asynchronous import Hub
from kombu.asynchronous.http.curl import CurlClient

from tests.support.certificates import create_certificate, server_context
from uploads.management import uploader
from uploads.operations.doctor import http
from uploads.worker import transport

#: Ways to configure the certificates.
SOURCES = ["AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "REQUESTS_CA_BUNDLE"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_certificate(tmp_path_factory.mktemp("tls") / "certificate.pem")


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # Clients that do not trust the certificate hang up.


@pytest.fixture(scope="module")
def url(certificate: Path) -> Iterator[str]:
    context = server_context(certificate)
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=certificate.parent)) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _unconfigured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in SOURCES:
        monkeypatch.delenv(name, raising=False)
    transport._ca_bundle.cache_clear()
    yield
    transport._ca_bundle.cache_clear()


# Each client returns whether it accepts the server.


def botocore_client(url: str) -> bool:
    config = Config(retries={"total_max_attempts": 1})
    try:
        boto3.Session().client("s3", endpoint_url=url, config=config).head_bucket(Bucket="any")
    except ClientError:
        return True  # The server has responded.
    except BotoCoreError:
        return False
    raise AssertionError("the server is no S3")


def doctor(url: str) -> bool:
    try:
        return http.send("GET", url).status == 200
    except http.NoResponse:
        return False


def upload_command(url: str) -> bool:
    try:
        with uploader.http_client() as http:
            return http.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def polls_of_the_worker(url: str) -> bool:
    client = CurlClient(Hub())
    connection = transport._HTTPConnection(http_client=client)
    connection.request("GET", url)
    curl = pycurl.Curl()
    client._setup_request(curl, connection.getrequest(), BytesIO(), [])
    try:
        curl.perform()
        return bool(curl.getinfo(pycurl.RESPONSE_CODE) == 200)
    except pycurl.error:
        return False
    finally:
        curl.close()
        client.close()


@pytest.mark.django_db
@pytest.mark.parametrize("source", [None, *SOURCES])
@pytest.mark.parametrize(
    "accepts",
    [botocore_client, doctor, upload_command, polls_of_the_worker],
    ids=lambda client: client.__name__,
)
def test_a_server_is_accepted_if_its_certificate_is_configured(
    accepts: Callable[[str], bool],
    source: str | None,
    url: str,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if source == "AWS_CONFIG_FILE":
        profile = tmp_path / "config"
        profile.write_text(f"[default]\nca_bundle = {certificate}\n")
        monkeypatch.setenv(source, str(profile))
    elif source:
        monkeypatch.setenv(source, str(certificate))
    assert accepts(url) is (source is not None)


def test_a_missing_file_of_certificates_is_no_crash_of_doctor(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(http.NoResponse, match="No such file"):
        http.send("GET", url)
