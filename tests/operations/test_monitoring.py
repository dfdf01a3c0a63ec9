"""The alert rules and the dashboard fit filehub's metrics and its runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from django.core.cache import cache
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from tests.support.processes import ROOT
from tests.support.prometheus import (
    MONITORING,
    RULES,
    alerts,
    firing,
    programs,
    prometheus,
    promtool,
    query,
    serving,
)
from tests.support.waiting import wait_for
from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.ingest.reconciliation import checkpoints
from uploads.ingest.reconciliation.checkpoints import Run
from uploads.models import WebhookEndpoint
from uploads.operations import readiness
from uploads.web import health, request_metrics

TOKEN = "a-token-for-prometheus"
METRIC = re.compile(r"\bfilehub_\w+")
OPERATIONS = (ROOT / "docs/operations.md").read_text()
NAMES = [rule["alert"] for rule in alerts()]
#: For the longest "for", and for those of rates.
FLAT = "x60"


@pytest.fixture(autouse=True)
def _with_token(settings: Settings) -> Iterator[None]:
    settings.FILEHUB = settings.FILEHUB | {"METRICS_TOKEN": TOKEN}
    cache.clear()
    yield
    cache.clear()


def scrape() -> bytes:
    cache.clear()
    response = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    return bytes(response.content)


def expressions() -> list[str]:
    """Of all rules and panels."""
    board = json.loads((MONITORING / "dashboard.json").read_text())
    panels = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [rule["expr"] for rule in alerts()] + panels


@pytest.mark.usefixtures("aws")
def test_rules_and_dashboard_use_metrics_that_exist(settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"SCAN": "clamd", "CLAMD": "tcp://127.0.0.1:1"}
    Client().get("/there/is/no/such/page")
    exported = {
        name
        for family in text_string_to_metric_families(scrape().decode())
        for name in (family.name, *(sample.name for sample in family.samples))
    }
    exported |= {f"{name}_total" for name in exported}
    used = {name for text in expressions() for name in METRIC.findall(text)}
    assert used - exported == set()
    assert len(used) > 15


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_has_an_entry_in_the_runbook(name: str) -> None:
    (rule,) = [rule for rule in alerts() if rule["alert"] == name]
    assert f"\n#### {name}\n" in OPERATIONS
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_the_runbook_has_no_other_entries() -> None:
    assert re.findall(r"\n#### (Filehub\w+)", OPERATIONS) == NAMES


#: Alert -> series that cause it, and minutes after which it fires and does not fire yet. One value
#: per minute.
CAUSES: dict[str, tuple[dict[str, str], int, int | None]] = {
    "FilehubDeadLetters": ({'filehub_dead_letters{queue="tasks"}': "0 0 3"}, 2, 1),
    "FilehubEventsWaiting": (
        {'filehub_queue_oldest_seconds{queue="events"}': f"301{FLAT}"}, 3, 1,
    ),
    "FilehubTasksWaiting": (
        {'filehub_queue_oldest_seconds{queue="tasks"}': f"3601{FLAT}"}, 3, 1,
    ),
    "FilehubLowPriorityTasksWaiting": (
        {'filehub_queue_oldest_seconds{queue="tasks-low"}': f"21601{FLAT}"}, 3, 1,
    ),
    "FilehubScanningSlow": ({"filehub_scanning_oldest_seconds": f"601{FLAT}"}, 3, 1),
    "FilehubConfirmationsSlow": (
        {'filehub_flow_seconds{quantile="0.95"}': f"61{FLAT}"}, 11, 9,
    ),
    "FilehubEventsMissing": ({"filehub_flow_without_event": f"1{FLAT}"}, 11, 9),
    "FilehubReconciliationStopped": (
        {'filehub_reconciliation_end_timestamp_seconds{kind="recent"}': f"0{FLAT}"}, 42, 39,
    ),
    "FilehubReconciliationAborted": (
        {'filehub_reconciliation_found{kind="recent",what="held_back"}': "0 0 51"}, 2, 1,
    ),
    "FilehubReconciliationFailing": (
        {'filehub_reconciliation_found{kind="recent",what="failed"}': f"1{FLAT}"}, 31, 29,
    ),
    "FilehubWebhooksFailing": ({"filehub_webhooks_failed": "0 0 1"}, 2, 1),
    "FilehubRequestsFailing": (
        {
            'filehub_http_request_duration_seconds_count{route="/files",status="200"}': "0+91x60",
            'filehub_http_request_duration_seconds_count{route="/files",status="503"}': "0+9x60",
        }, 8, 4,
    ),
    "FilehubMetricsMissing": ({"up": f"0{FLAT}"}, 11, 9),
}  # fmt: skip
#: The same metrics at values that are fine for an hour.
FINE = {
    'filehub_dead_letters{queue="tasks"}': f"0{FLAT}",
    'filehub_queue_oldest_seconds{queue="events"}': f"299{FLAT}",
    'filehub_queue_oldest_seconds{queue="tasks"}': f"3599{FLAT}",
    'filehub_queue_oldest_seconds{queue="tasks-low"}': f"21599{FLAT}",
    # A dead letter is old, which is no reason for a second alert.
    'filehub_queue_oldest_seconds{queue="tasks-dlq"}': f"99999{FLAT}",
    'filehub_flow_seconds{quantile="0.95"}': f"59{FLAT}",
    "filehub_flow_files": f"0{FLAT}",
    "filehub_flow_without_event": f"0{FLAT}",
    'filehub_reconciliation_end_timestamp_seconds{kind="recent"}': "0+60x60",
    'filehub_reconciliation_end_timestamp_seconds{kind="multipart"}': f"0{FLAT}",
    'filehub_reconciliation_found{kind="recent",what="held_back"}': f"0{FLAT}",
    'filehub_reconciliation_found{kind="recent",what="failed"}': f"0{FLAT}",
    'filehub_reconciliation_found{kind="recent",what="orphans"}': f"9{FLAT}",
    "filehub_webhooks_failed": f"0{FLAT}",
    "filehub_webhooks_pending": f"9{FLAT}",
    "filehub_webhook_endpoints_disabled": f"0{FLAT}",
    'filehub_http_request_duration_seconds_count{route="/files",status="200"}': "0+99x60",
    'filehub_http_request_duration_seconds_count{route="/files",status="404"}': "0+99x60",
    'filehub_http_request_duration_seconds_count{route="/files",status="503"}': "0+1x60",
}


def unit_test(series: dict[str, str], expected: dict[int, str | None]) -> dict[str, object]:
    """A test of promtool: which alert fires after how many minutes, and no other."""
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{minute}m",
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1}] if name else [],
            }
            for minute, name in expected.items()
        ],
    }


def test_each_alert_has_a_cause() -> None:
    assert list(CAUSES) == NAMES


@pytest.mark.exhaustive
def test_each_alert_fires_for_its_cause_alone(tmp_path: Path) -> None:
    tests = [unit_test(FINE, dict.fromkeys((1, 15, 45, 59)))]
    for name, (series, fires_at, quiet_at) in CAUSES.items():
        others = {} if name == "FilehubMetricsMissing" else FINE
        expected = {fires_at: name} | ({} if quiet_at is None else {quiet_at: None})
        tests.append(unit_test({**others, **series}, expected))
    # Beat has never run.
    never = {name: values for name, values in FINE.items() if "end_timestamp" not in name}
    tests.append(unit_test(never, {11: "FilehubReconciliationStopped", 9: None}))
    file = tmp_path / "test.yaml"
    content = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}
    file.write_text(yaml.safe_dump(content))
    folder = programs(tmp_path)
    assert f"{len(NAMES)} rules found" in promtool(folder, "check", "rules", str(RULES))
    promtool(folder, "test", "rules", str(file))


def cause_what_can_be_caused() -> set[str]:
    """Break this installation; return the alerts that have to fire."""
    sqs.send_to_dead_letter_queue(conf().tasks_queue, "?", "failed")
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    checkpoints.save_last_run(Run("recent", long_ago, long_ago, 60, 1, 2, 3, 4, 5, withheld=51))
    WebhookEndpoint.objects.create(
        name="gone", url="https://example.com/", is_enabled=False, disabled_reason="gone"
    )
    return {
        "FilehubDeadLetters",
        "FilehubReconciliationStopped",
        "FilehubReconciliationAborted",
        "FilehubReconciliationFailing",
        "FilehubWebhooksFailing",
    }


@pytest.mark.exhaustive
@pytest.mark.usefixtures("aws")
def test_prometheus_alerts_about_a_broken_installation(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_readiness", health.Readiness(readiness.check, 0))

    def fail() -> None:
        """Lose the bucket for a request."""
        working = settings.FILEHUB
        settings.FILEHUB = working | {"BUCKET": "there-is-none"}
        assert Client().get("/readyz").status_code == 503
        settings.FILEHUB = working

    # The first value of a series is no increase.
    fail()
    current = [scrape()]
    with (
        serving(lambda: current[0]) as target,
        prometheus(programs(tmp_path), tmp_path, target) as url,
    ):
        # There has been no reconciliation.
        wait_for(lambda: firing(url) == {"FilehubReconciliationStopped"})
        now = datetime.now(UTC)
        checkpoints.save_last_run(Run("recent", now, now, 60, 0, 0, 0, 0, 0, withheld=0))
        current[0] = scrape()
        wait_for(lambda: firing(url) == set())
        expected = cause_what_can_be_caused()
        fail()
        current[0] = scrape()
        wait_for(lambda: firing(url) == expected | {"FilehubRequestsFailing"})
        for expression in expressions():
            query(url, f"query?query={quote(expression)}")
        # As if the web answered 503, or not at all.
        current[0] = b""
        wait_for(lambda: "FilehubMetricsMissing" in firing(url))


def test_requests_are_counted_by_route_and_status(client: Client) -> None:
    def count(method: str, route: str, status: int) -> float:
        labels = {"method": method, "route": route, "status": str(status)}
        name = "filehub_http_request_duration_seconds_count"
        return request_metrics._registry.get_sample_value(name, labels) or 0

    cases = [
        ("GET", "/files/0195d5a1-7f3c-7c4e-8a51-5f0e5f0a1b2c", "/files/<file_id>", 401),
        ("GET", "/there/is/no/such/page", "none", 404),
        ("BREW", "/there/is/no/such/page", "none", 404),
        ("GET", "/healthz", "/healthz", 200),
    ]
    for method, path, route, status in cases:
        labels = ("other" if method == "BREW" else method, route, status)
        before = count(*labels)
        response = client.generic(method, path)
        assert response.status_code == status
        assert count(*labels) - before == (0 if path == "/healthz" else 1), path
