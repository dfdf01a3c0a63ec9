"""The health checks: for any host name, with reasons for operators alone."""

from __future__ import annotations

import logging
import threading
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.aws_requests import AwsRequests
from tests.support.processes import ROOT
from tests.support.users import Api, signed_in
from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.operations import readiness
from uploads.web import health

TOKEN = "metrics-token-for-tests"
HOSTS = [
    "testserver", "10.0.1.23", "10.0.1.23:8000", "[2001:db8::1]", "evil.example", "a b", "[", "@",
    "", "testserver@evil.example", "ö", "localhost:99999",
]  # fmt: skip
PROBES = ["/healthz", "/readyz"]


@pytest.fixture(autouse=True)
def _nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = health.Readiness(readiness.check, health.READINESS_TTL)
    monkeypatch.setattr(health, "_readiness", fresh)
    # On a busy machine local AWS may take seconds. `test_waiting` measures the real limit.
    monkeypatch.setattr(readiness, "SECONDS", 20)


# Probes


def test_healthz_names_the_version_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert Client().get("/healthz").json() == {"status": "ok", "version": project["version"]}


@pytest.mark.parametrize("https", [False, True])
@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_for_every_host_name(
    aws: LocalAws, settings: Settings, caplog: pytest.LogCaptureFixture, path: str, https: bool
) -> None:
    settings.SECURE_SSL_REDIRECT = https
    for host in HOSTS:
        for method in ("get", "head"):
            response = getattr(Client(), method)(path, headers={"Host": host})
            assert (response.status_code, host) == (200, host), response.content
            assert response["X-Content-Type-Options"] == "nosniff"
            assert "no-cache" in response["Cache-Control"]
    assert not caplog.records


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
def test_probes_allow_only_get_and_head(method: str, host: str) -> None:
    for path in PROBES:
        response = getattr(Client(), method)(path, headers={"Host": host})
        assert response.status_code == 405
        assert response["Allow"] == "GET, HEAD"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    ["/", "/metrics", "/healthz/", "/healthz/x", "/readyz/", "//healthz", "/Healthz", "/healthz%20",
     "/x/healthz", "/accounts/login/", "/files", "/admin/", "/api/docs", "/none"],
)  # fmt: skip
def test_no_other_path_accepts_a_foreign_host(path: str) -> None:
    client = Client(raise_request_exception=False)
    assert client.get(path, headers={"Host": "10.0.1.23"}).status_code == 400


# Readiness


def _no_indexes(settings: Settings, _: AwsRequests) -> None:
    """A table as an earlier version created it, without one of the indexes."""
    dynamodb = boto3.client(
        "dynamodb", region_name=conf().region, endpoint_url=conf().endpoint("dynamodb")
    )
    dynamodb.create_table(
        TableName="without-indexes",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    settings.FILEHUB = settings.FILEHUB | {"TABLE": "without-indexes"}


def _wrong(key: str) -> Callable[[Settings, AwsRequests], None]:
    def change(settings: Settings, _: AwsRequests) -> None:
        settings.FILEHUB = settings.FILEHUB | {key: "there-is-none"}

    return change


def _cut(service: str) -> Callable[[Settings, AwsRequests], None]:
    return lambda _, requests: requests.cut.add(service)


def _refuse(service: str) -> Callable[[Settings, AwsRequests], None]:
    def refuse(_: Settings, requests: AwsRequests) -> None:
        requests.refusals[service] = (403, "AccessDenied")

    return refuse


INDEXES = {
    f"index {name}"
    for name in ("AllFeed", "FileNameIndex", "FolderFeed", "FolderNames", "OwnerFeed")
}
#: One fault of each kind, and in each service, is enough for `make test`.
MORE = pytest.mark.exhaustive
FAULTS = [
    (_wrong("BUCKET"), {"bucket"}),
    pytest.param(_cut("s3"), {"bucket"}, marks=MORE),
    pytest.param(_refuse("s3"), {"bucket"}, marks=MORE),
    pytest.param(_wrong("EVENTS_QUEUE"), {"events queue"}, marks=MORE),
    (_wrong("TASKS_QUEUE"), {"tasks queue"}),
    (_cut("sqs"), {"events queue", "tasks queue"}),
    pytest.param(_refuse("sqs"), {"events queue", "tasks queue"}, marks=MORE),
    pytest.param(_wrong("TABLE"), {"table", *INDEXES}, marks=MORE),
    pytest.param(_cut("dynamodb"), {"table", *INDEXES}, marks=MORE),
    (_refuse("dynamodb"), {"table", *INDEXES}),
    (_no_indexes, INDEXES),
]


@pytest.fixture
def no_urls_cached() -> Iterator[None]:
    sqs._url.cache_clear()
    yield
    sqs._url.cache_clear()


@pytest.mark.parametrize(("fault", "failed"), FAULTS)
def test_each_service_that_requests_need_is_checked(
    aws: LocalAws,
    settings: Settings,
    no_urls_cached: None,
    aws_requests: AwsRequests,
    caplog: pytest.LogCaptureFixture,
    fault: Callable[[Settings, AwsRequests], None],
    failed: set[str],
) -> None:
    fault(settings, aws_requests)
    response = Client().get("/readyz")
    body = response.json()
    assert (response.status_code, body["ready"]) == (503, False)
    assert {name for name, result in body["checks"].items() if result != "ok"} == failed
    # Visitors learn which check failed, not why.
    assert {body["checks"][name] for name in failed} == {"failed"}
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.message.startswith("not ready: ")
    assert all(f"{name}: " in record.message for name in failed)
    assert record.exc_info is None


def test_every_index_of_the_table_is_checked(aws: LocalAws) -> None:
    description = boto3.client(
        "dynamodb", region_name=conf().region, endpoint_url=conf().endpoint("dynamodb")
    ).describe_table(TableName=conf().table)["Table"]
    names = {f"index {index['IndexName']}" for index in description["GlobalSecondaryIndexes"]}
    # No request reads KeptUntil, but only the worker's task that expires files.
    assert names - {"index KeptUntil"} == INDEXES
    assert set(readiness.check()) > INDEXES


@pytest.mark.parametrize(
    ("who", "may_know"),
    [
        ("anonymous", False),
        ("user", False),
        ("staff", True),
        ("inactive staff", False),
        ("token", True),
        ("wrong token", False),
        ("api token", False),
        ("token, none configured", False),
        ("unknown session", False),
    ],
)
def test_only_operators_learn_the_reasons(
    aws: LocalAws,
    no_pauses: None,
    alice: User,
    settings: Settings,
    aws_requests: AwsRequests,
    who: str,
    may_know: bool,
) -> None:
    aws_requests.cut.add("s3")
    configured = "none configured" not in who
    settings.FILEHUB = settings.FILEHUB | {"METRICS_TOKEN": TOKEN if configured else None}
    client = signed_in(alice) if who in {"user", "staff", "inactive staff"} else Client()
    alice.is_staff, alice.is_active = "staff" in who, "inactive" not in who
    alice.save()
    headers = {"Host": "10.0.1.23"}
    if "token" in who:
        text = {"wrong token": TOKEN + "x", "api token": Api(alice).get("/files") and "x"}
        headers["Authorization"] = f"Bearer {text.get(who, TOKEN)}"
    if who == "unknown session":
        client.cookies[django_settings.SESSION_COOKIE_NAME] = "x" * 32
    body = client.get("/readyz", headers=headers).json()
    assert ("S3 could not reach the bucket." in body["checks"]["bucket"]) is may_know
    assert ("EndpointConnectionError" in body["checks"]["bucket"]) is may_know


# Running checks


def test_a_check_that_hangs_or_raises_is_only_its_own_failure() -> None:
    forever = threading.Event()

    def unavailable() -> None:
        raise BackendUnavailable("Not\nthere.")

    def broken() -> None:
        raise RuntimeError("a\nb")

    checks = {"a": lambda: None, "b": forever.wait, "c": unavailable, "d": broken}
    result = readiness.run(checks, seconds=0.2)
    forever.set()
    assert result == {
        "a": "ok",
        "b": "no response within 0.2 s",
        "c": "Not there. (None)",
        "d": r"RuntimeError('a\nb')",
    }


def test_probes_do_not_wait_for_a_check_of_another_probe() -> None:
    begun, go_on = threading.Event(), threading.Event()
    runs = []

    def check() -> dict[str, str]:
        runs.append(1)
        begun.set()
        assert go_on.wait(60)
        return {"a": "ok"}

    results = health.Readiness(check, seconds=600)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(results)
        assert begun.wait(60)
        # There is no earlier result, and an unknown state is not ready.
        assert set(results().values()) != {"ok"}
        go_on.set()
        assert first.result() == {"a": "ok"}
    assert results() == {"a": "ok"}
    assert len(runs) == 1


def test_a_check_that_fails_with_a_bug_can_run_again() -> None:
    answers = iter([RuntimeError(), {"a": "ok"}])

    def check() -> dict[str, str]:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    results = health.Readiness(check, seconds=600)
    with pytest.raises(RuntimeError):
        results()
    assert results() == {"a": "ok"}


def test_a_successful_check_is_not_logged(aws: LocalAws, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "uploads"):
        assert set(readiness.check().values()) == {"ok"}
    assert not caplog.records
