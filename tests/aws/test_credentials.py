"""Within a time limit, no request waits longer for credentials, wherever they come from."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore.credentials import CredentialProvider, Credentials
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    InfiniteLoopConfigError,
    NoCredentialsError,
)
from botocore.utils import ContainerMetadataFetcher

from tests.support.scripted import Connection, Scripted
from tests.support.waiting import wait_for
from uploads.aws import clients, credentials, s3, thumbnails, time_limit
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable

ID = "019c0000-0000-7000-8000-0123456789ab"
LIMIT = 0.4
#: Seconds that no request takes, even on a slow machine, unless the limit is not kept.
NEVER = 5.0

SetUp = Callable[[pytest.MonkeyPatch, Path, str], None]


def container(environment: pytest.MonkeyPatch, directory: Path, url: str) -> None:
    environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/credentials")


def machine(environment: pytest.MonkeyPatch, directory: Path, url: str) -> None:
    environment.setenv("AWS_EC2_METADATA_DISABLED", "false")
    environment.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)


def web_identity(environment: pytest.MonkeyPatch, directory: Path, url: str) -> None:
    (directory / "token").write_text("token")
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(directory / "token"))
    environment.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/web")
    environment.setenv("AWS_ENDPOINT_URL_STS", url)


def assumed_role(environment: pytest.MonkeyPatch, directory: Path, url: str) -> None:
    container(environment, directory, url)
    (directory / "config").write_text(
        "[default]\nrole_arn=arn:aws:iam::123456789012:role/web\ncredential_source=EcsContainer\n"
    )


def role_with_source_profile(environment: pytest.MonkeyPatch, directory: Path, url: str) -> None:
    container(environment, directory, url)
    environment.setenv("AWS_ENDPOINT_URL_STS", url)
    (directory / "config").write_text(
        "[default]\nrole_arn=arn:aws:iam::123456789012:role/web\nsource_profile=base\n"
        "[profile base]\nrole_arn=arn:aws:iam::123456789012:role/base\n"
        "credential_source=EcsContainer\n"
    )


def program(environment: pytest.MonkeyPatch, directory: Path, url: str) -> None:
    """One that waits until its connection to the server is closed."""
    host, port = url.removeprefix("http://").split(":")
    wait = f"exec 3<>/dev/tcp/{host}/{port}; cat <&3"
    (directory / "config").write_text(f"[default]\ncredential_process=bash -c '{wait}'\n")


SOURCES: dict[str, SetUp] = {
    "container": container,
    "machine": machine,
    "web identity": web_identity,
    "assumed role": assumed_role,
    "role with source_profile": role_with_source_profile,
    "program": program,
}
#: What a request uses credentials for.
USES: dict[str, Callable[[], object]] = {
    "signing": lambda: s3.sign_part(ID, "x", 1, size=5, sha256=None),
    "a request": lambda: s3.head(ID),
    "a client of another library": lambda: (
        botocore.session.get_session()
        .create_client("dynamodb", conf().region, endpoint_url=conf().endpoint("dynamodb"))
        .list_tables()
    ),
}


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Without credentials, and without clients that have some."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.delenv(name)
        environment.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        # Otherwise what tests leave behind goes on for seconds.
        environment.setattr(ContainerMetadataFetcher, "SLEEP_TIME", 0.01)
        _forget_clients()
        yield environment
        wait_for(lambda: all(each.name != "single_flight" for each in threading.enumerate()))
    _forget_clients()


def _forget_clients() -> None:
    clients.session.cache_clear()
    clients._make.cache_clear()


#: What STS responds to AssumeRole.
ASSUMED = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/web/x</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>assumed</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleResult></AssumeRoleResponse>"""


class Endpoint:
    """The credentials endpoint of a container, which can wait before it responds; also STS."""

    def __init__(self) -> None:
        #: To the container's endpoint.
        self.requests = 0
        self.fails = False
        #: What the next credentials are called, and when they expire.
        self.key = "first"
        self.expires_in = timedelta(hours=6)
        self.responds = threading.Event()

    def script(self, connection: Connection) -> None:
        request = connection.socket.recv(65536)
        if request.startswith(b"POST"):
            respond(connection, "200 OK", ASSUMED.encode())
            return
        self.requests += 1
        while not self.responds.is_set() and not connection.pause():
            pass
        expiration = datetime.now(UTC) + self.expires_in
        body = json.dumps({
            "AccessKeyId": self.key, "SecretAccessKey": "secret", "Token": "token",
            "AccountId": "123456789012", "Expiration": expiration.isoformat(),
        }).encode()  # fmt: skip
        respond(connection, "500 Internal Server Error" if self.fails else "200 OK", body)


def respond(connection: Connection, status: str, body: bytes) -> None:
    connection.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)


@pytest.fixture
def endpoint(environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with Scripted(endpoint.script) as server:
        container(environment, tmp_path, server.url)
        # As a web process does before its first request.
        clients.session(conf().region).get_credentials()
        yield endpoint


def signed_with(limit: float = 60) -> str:
    """Sign within this limit; return the name of the credentials."""
    with time_limit.limited(limit):
        url = s3.sign_part(ID, "x", 1, size=5, sha256=None).url
    return url.partition("X-Amz-Credential=")[2].partition("%2F")[0]


def silent(connection: Connection) -> None:
    connection.hang()


def dripping(connection: Connection) -> None:
    connection.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n" + b" " * 50_000)


@pytest.mark.parametrize(
    ("source", "use"),
    [
        (source, use)
        if (source, use) == ("container", "a request")
        else pytest.param(source, use, marks=pytest.mark.exhaustive)
        for source in SOURCES
        for use in USES
    ],
)
def test_a_source_that_does_not_respond_costs_no_more_than_the_limit(
    environment: pytest.MonkeyPatch, tmp_path: Path, source: str, use: str
) -> None:
    with Scripted(silent) as server:
        SOURCES[source](environment, tmp_path, server.url)
        ends_in_time(USES[use])


@pytest.mark.exhaustive
@pytest.mark.parametrize("source", [source for source in SOURCES if source != "program"])
def test_neither_does_a_source_that_drips(
    environment: pytest.MonkeyPatch, tmp_path: Path, source: str
) -> None:
    with Scripted(dripping) as server:
        SOURCES[source](environment, tmp_path, server.url)
        ends_in_time(USES["a request"])


def ends_in_time(use: Callable[[], object]) -> None:
    started_at = time.monotonic()
    with time_limit.limited(LIMIT), pytest.raises((BackendUnavailable, BotoCoreError)):
        use()
    # It has waited, rather than fail for another reason.
    assert 0.9 * LIMIT < time.monotonic() - started_at < NEVER


@pytest.mark.parametrize("expired", [False, True], ids=["never fetched", "expired"])
def test_requests_wait_at_the_same_time_and_send_one_request(
    endpoint: Endpoint, expired: bool
) -> None:
    if expired:
        endpoint.expires_in = timedelta(seconds=1)
        endpoint.responds.set()
        assert signed_with() == "first"
        endpoint.responds.clear()
        endpoint.requests = 0
    endpoint.key, endpoint.expires_in = "second", timedelta(hours=6)
    with ThreadPoolExecutor(12) as pool:
        for future in [pool.submit(ends_in_time, USES["signing"]) for _ in range(12)]:
            future.result()
    assert endpoint.requests == 1
    # What comes too late for them serves the next one.
    endpoint.responds.set()
    assert signed_with() == "second"
    assert endpoint.requests == 1


def test_credentials_that_are_still_valid_are_used_while_new_ones_are_fetched(
    endpoint: Endpoint,
) -> None:
    # botocore replaces them in their last 15 minutes, and must do so in the last ten.
    endpoint.expires_in = timedelta(minutes=12)
    endpoint.responds.set()
    assert signed_with() == "first"
    endpoint.responds.clear()
    endpoint.requests = 0
    endpoint.key, endpoint.expires_in = "second", timedelta(hours=6)
    assert [signed_with(LIMIT) for _ in range(3)] == ["first"] * 3
    endpoint.responds.set()
    wait_for(lambda: signed_with() == "second")
    assert endpoint.requests == 1


def test_missing_credentials_are_named_and_found_once_they_exist(
    aws: None, environment: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        signed_with()
    assert caught.value.code == "no_credentials"
    with time_limit.limited(60), pytest.raises(BackendUnavailable):
        s3.ping()
    environment.setenv("AWS_ACCESS_KEY_ID", "test")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
    # The same clients.
    assert signed_with() == "test"
    s3.ping()


#: What signs for a client, and errors that botocore raises when it gets credentials.
SIGNING: dict[str, Callable[[], object]] = {
    "an upload": lambda: s3.sign_put(
        ID, owner="7", file_name="a", content_type="a/b", size=None, sha256=None
    ),
    "a part": lambda: s3.sign_part(ID, "x", 1, size=5, sha256=None),
    "a thumbnail": lambda: thumbnails.sign(ID),
    "nothing yet": s3.credentials,
}
ERRORS: dict[str, Exception] = {
    "a source that fails": CredentialRetrievalError(provider="x", error_msg="x"),
    "a role that may not be assumed": ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "x"}}, "AssumeRole"
    ),
    "an invalid configuration": InfiniteLoopConfigError(source_profile="a", visited_profiles=[]),
    "no time": time_limit.TimeLimitExceeded(),
    "no slot": time_limit.TooManyWaiting(),
    "none": NoCredentialsError(),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("name", SIGNING)
def test_without_credentials_nothing_is_signed(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(credentials.SessionCredentials, "get_frozen_credentials", fail)
    with pytest.raises(BackendUnavailable) as caught:
        SIGNING[name]()
    assert caught.value.__cause__ is error


@pytest.fixture
def role(environment: pytest.MonkeyPatch, endpoint: Endpoint, tmp_path: Path) -> Iterator[Endpoint]:
    """A role whose source is another role. Its endpoint is that of the other's credentials."""
    with Scripted(endpoint.script) as server:
        role_with_source_profile(environment, tmp_path, server.url)
        _forget_clients()
        clients.session(conf().region).get_credentials()
        yield endpoint


def test_a_role_with_a_source_profile_is_loaded_again_after_a_failure(role: Endpoint) -> None:
    role.responds.set()
    role.fails = True
    for _ in range(2):
        with pytest.raises(BackendUnavailable) as caught:
            signed_with()
        assert not isinstance(caught.value.__cause__, InfiniteLoopConfigError)
    role.fails = False
    assert signed_with() == "assumed"


def test_a_role_with_a_source_profile_is_loaded_by_two_threads(role: Endpoint) -> None:
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(s3.credentials) for _ in range(2)]
        wait_for(lambda: role.requests == 2 or any(future.done() for future in futures))
        role.responds.set()
        assert {future.result().access_key for future in futures} == {"assumed"}


def test_other_code_can_change_where_credentials_are_looked_for(
    environment: pytest.MonkeyPatch,
) -> None:
    class Own(CredentialProvider):
        METHOD = "own"

        def load(self) -> Credentials:
            return Credentials("own", "s")

    environment.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "s")
    session = botocore.session.Session()
    resolver = session.get_component("credential_provider")
    assert resolver.get_provider("env") is resolver.providers[0]
    resolver.insert_before("env", Own())
    assert session.get_credentials().access_key == "own"
    resolver.remove("own")
    assert resolver.load_credentials().access_key == "of-the-environment"
    assert not hasattr(resolver, "anything_else")
    # Other sessions are not affected.
    assert boto3.Session().get_credentials().access_key == "of-the-environment"


def test_without_a_limit_botocore_waits_as_usual(endpoint: Endpoint) -> None:
    with ThreadPoolExecutor(1) as pool:
        signing = pool.submit(USES["signing"])
        wait_for(lambda: endpoint.requests == 1)
        assert not signing.done()
        endpoint.responds.set()
        signing.result()


def test_they_can_be_used_as_those_of_botocore(endpoint: Endpoint) -> None:
    """By botocore, for the endpoints of DynamoDB, and by other code of a project."""
    endpoint.responds.set()
    credentials = boto3.Session().get_credentials()
    assert isinstance(credentials, Credentials)
    assert credentials.method is None
    assert credentials.get_deferred_property("account_id")() == "123456789012"
    found = (credentials.access_key, credentials.secret_key, credentials.token)
    assert found == ("first", "secret", "token")
    assert credentials.method == "container-role"
    assert not hasattr(credentials, "anything_else")


def test_keys_and_profiles_of_other_sessions_are_kept(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text(
        "[other]\naws_access_key_id=of-a-profile\naws_secret_access_key=s\n"
    )
    environment.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "s")
    sessions = [
        boto3.Session(),
        boto3.Session(profile_name="other"),
        boto3.Session(aws_access_key_id="given", aws_secret_access_key="s"),
    ]
    keys = [session.get_credentials().access_key for session in sessions]
    assert keys == ["of-the-environment", "of-a-profile", "given"]
