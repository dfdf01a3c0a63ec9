"""/metrics: access, correctness and constant cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from tests.operations.test_dashboard import seed
from tests.support.aws_requests import AwsRequests
from tests.support.files import store, upload
from tests.support.users import Api
from uploads.aws import sqs
from uploads.core.conf import Conf, conf
from uploads.core.errors import BackendUnavailable
from uploads.files import trash, usage
from uploads.files.batches import Actor
from uploads.ingest import confirm
from uploads.ingest.reconciliation import checkpoints
from uploads.ingest.reconciliation.checkpoints import Run
from uploads.web import health

TOKEN = "a-token-for-prometheus"

Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(autouse=True)
def _with_token(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Cached values stay until a test clears them, however long the test takes.
    monkeypatch.setattr(health, "METRICS_TTL", 3600)
    settings.FILEHUB = settings.FILEHUB | {"METRICS_TOKEN": TOKEN}
    cache.clear()
    yield
    cache.clear()


def scrape(token: str = TOKEN) -> Samples:
    response = Client().get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 200, response.content
    assert response["Content-Type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


@pytest.mark.usefixtures("aws")
def test_the_trash_is_part_of_what_is_stored_and_has_figures_of_its_own() -> None:
    store("7", "a.txt", b"12345")
    trash.move_to_trash([store("8", "b.txt", b"123")], Actor("8", "8"))
    metrics = scrape()
    names = ("stored_files", "stored_bytes", "trashed_files", "trashed_bytes")
    figures = [metrics[f"filehub_{name}", ("text",)] for name in names]
    assert figures == [2, 8, 1, 3]


@pytest.mark.usefixtures("aws", "one_day")
def test_the_metrics_match_the_installation(settings: Settings) -> None:
    empty = scrape()
    assert empty["filehub_stored_files", ("text",)] == 0
    assert ("filehub_flow_seconds", ("0.5",)) not in empty
    store("7", "a.txt", b"12345")
    store("8", "b.txt", b"123")
    refused = upload("7")
    allowed = conf().allowed_types
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert confirm.confirm(refused) == "rejected"
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": allowed}
    sqs.send_to_dead_letter_queue(conf().tasks_queue, "?", "failed")
    now = datetime.now(UTC)
    checkpoints.save_last_run(Run("recent", now, now, 60, 1, 2, 3, 4, 5, withheld=51))
    assert scrape() == empty
    cache.clear()
    metrics = scrape()
    expected = {
        ("filehub_stored_files", ("text",)): 2,
        ("filehub_stored_bytes", ("text",)): 8,
        ("filehub_stored_files", ("image",)): 0,
        ("filehub_arrived_files_total", ()): 2,
        ("filehub_arrived_bytes_total", ()): 8,
        ("filehub_rejected_files_total", ()): 1,
        ("filehub_flow_files", ()): 2,
        ("filehub_flow_without_event", ()): 0,
        ("filehub_queue_messages", ("tasks", "visible")): 0,
        ("filehub_queue_messages", ("tasks-low", "visible")): 0,
        ("filehub_dead_letters", ("tasks",)): 1,
        ("filehub_dead_letters", ("events",)): 0,
        ("filehub_reconciliation_found", ("recent", "ghosts")): 2,
        ("filehub_reconciliation_found", ("recent", "held_back")): 51,
    }
    assert {name: metrics[name] for name in expected} == expected
    ended = metrics["filehub_reconciliation_end_timestamp_seconds", ("recent",)]
    assert ended == pytest.approx(now.timestamp(), abs=1)


@pytest.mark.usefixtures("aws")
def test_without_the_queue_of_tasks_that_may_wait_all_else_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Conf, "low_queue", "there-is-none")
    metrics = scrape()
    assert metrics["filehub_queue_messages", ("tasks", "visible")] == 0
    assert not any("tasks-low" in labels for _, labels in metrics)


@pytest.mark.exhaustive
@pytest.mark.parametrize("files", [3, 700])
@pytest.mark.usefixtures("aws")
def test_the_cost_does_not_depend_on_the_number_of_files(
    files: int, aws_requests: AwsRequests
) -> None:
    seed(files, timedelta(minutes=1))
    scrape()  # looks up the addresses of the queues, once
    cache.clear()
    aws_requests.counts()
    scrape()
    counts = aws_requests.counts()
    assert counts["dynamodb"] <= 25
    assert {name: count for name, count in counts.items() if name != "dynamodb"} == {
        "monitoring": 1,
        "sqs": 5,
    }
    scrape()
    assert aws_requests.counts() == {}


@pytest.mark.usefixtures("aws")
def test_without_a_backend_the_metrics_are_unavailable(
    aws_requests: AwsRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BackendUnavailable

    aws_requests.cut.add("sqs")
    unavailable("the queues")
    aws_requests.cut.clear()
    with monkeypatch.context() as patch:
        patch.setattr(usage, "by_kind", fail)
        unavailable("the storage counters")
    scrape()


def unavailable(what: str) -> None:
    response = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    error = response.json()["error"]
    assert error == f"Metrics are unavailable: {what} cannot be read at the moment."
    assert response["Retry-After"] == "5"


@pytest.mark.usefixtures("aws")
def test_without_cloudwatch_only_the_queue_ages_are_missing(aws_requests: AwsRequests) -> None:
    aws_requests.cut.add("monitoring")
    metrics = scrape()
    assert ("filehub_dead_letters", ("events",)) in metrics
    assert not any(name == "filehub_queue_oldest_seconds" for name, _ in metrics)


# Permissions


def refused(client: Client, **headers: str) -> None:
    response = client.get("/metrics", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")
    assert response["WWW-Authenticate"] == "Bearer"
    assert b"filehub_stored" not in response.content


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer None",
        "Bearer ä",
    ],
)
def test_without_the_token_access_is_denied(given: str, db: None) -> None:
    refused(Client(), **({"Authorization": given} if given else {}))


@pytest.mark.parametrize("token", [None, ""])
def test_without_the_setting_no_token_gives_access(
    token: str | None, settings: Settings, db: None
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"METRICS_TOKEN": token and TOKEN}
    for given in ("Bearer None", "Bearer ", f"Bearer {TOKEN}"):
        refused(Client(), Authorization=given)


def test_an_api_token_gives_no_access(api: Api, admin_user: User) -> None:
    response = api.get("/metrics")
    assert response.status_code == 401


@pytest.mark.usefixtures("aws")
def test_staff_who_may_view_the_report_have_access(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    refused(client)
    alice.user_permissions.add(Permission.objects.get(codename="view_storagereport"))
    refused(client)
    alice.is_staff = True
    alice.save()
    assert client.get("/metrics").status_code == 200
    # A request with a token never falls back to the session.
    refused(client, Authorization="Bearer wrong")
    assert client.post("/metrics").status_code in {403, 405}
