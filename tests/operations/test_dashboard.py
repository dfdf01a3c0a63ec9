"""The dashboard: its tiles show the state, and survive the outage of a service."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client, RequestFactory
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import store, upload
from tests.support.users import staff
from uploads.admin.site import DashboardSite
from uploads.aws import clients, sqs
from uploads.aws.sqs import Depth
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files.record import FileInfo, StoredFile, info_of
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.models import File
from uploads.operations import dashboard
from uploads.operations.dashboard import Queues, Rejected, flow_of, percentile
from uploads.templatetags.formatting import duration, grouped

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


# --- Mathematics --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, None),
        ([7.0], 50, 7.0),
        ([7.0], 95, 7.0),
        ([3.0, 1.0], 50, 1.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([4.0, 3.0, 1.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 21)], 95, 19.0),
        ([float(n) for n in range(1, 20)], 95, 19.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
        ([float(n) for n in range(1, 101)], 100, 100.0),
        ([2.0, 1.0], 0, 1.0),
    ],
)
def test_percentiles_are_nearest_ranks(
    values: list[float], percent: int, expected: float | None
) -> None:
    assert percentile(values, percent) == expected


def info(seconds: float | None, *, ago: timedelta = timedelta(minutes=10)) -> FileInfo:
    """A file recorded `ago`, `seconds` after its event (None: without an event)."""
    confirmed = NOW - ago
    upload_id = keys._make(int((confirmed.timestamp() - 600) * 1000), "7", "secret")
    record = StoredFile(
        upload_id,
        state="stored",
        created_at=keys.created_at(upload_id),
        confirmed_at=confirmed,
        notified_at=None if seconds is None else confirmed - timedelta(seconds=seconds),
    )
    return info_of(record)


def flow(*files: FileInfo) -> dashboard.Flow:
    return flow_of(files, NOW, is_cut=False, last=None)


def test_median_and_95th_percentile_cover_files_with_an_event() -> None:
    result = flow(*[info(float(n)) for n in range(1, 21)], info(None, ago=timedelta(seconds=1)))
    assert (result.files, result.median, result.slowest, result.without_event) == (
        21,
        10.0,
        19.0,
        0,
    )
    assert result.state == "ok"


def test_clock_skew_gives_no_negative_duration() -> None:
    assert flow(info(-3)).median == 0


def test_more_than_a_few_slow_files_need_attention() -> None:
    assert flow(info(61.0)).state == "attention"
    assert flow(*[info(1.0)] * 19, info(3_600.0)).state == "ok"
    assert flow(*[info(1.0)] * 18, *[info(3_600.0)] * 2).state == "attention"


def test_a_file_without_an_event_needs_attention() -> None:
    result = flow(info(None, ago=timedelta(minutes=6)), info(1.0))
    assert (result.without_event, result.state) == (1, "attention")


def test_without_files_the_state_is_unknown() -> None:
    assert (flow().median, flow().state) == (None, "unknown")


@pytest.mark.parametrize(
    ("measured", "state"),
    [
        (Queues(Depth(0, 0, 0), Depth(9, 9, 0), 0, 0), "ok"),
        (Queues(Depth(0, 0, 0), Depth(0, 0, 0), 1, 0), "attention"),
        (Queues(Depth(0, 0, 0), Depth(0, 0, 0), 0, 1), "attention"),
        (Queues(Depth(1_000, 5_000, 0), Depth(0, 0, 0), 0, 0), "ok"),
        (Queues(Depth(1_001, 0, 0), Depth(0, 0, 0), 0, 0), "attention"),
        (Queues(Depth(0, 0, 0), Depth(1_001, 0, 0), 0, 0), "attention"),
        (Queues(Depth(0, 0, 0), Depth(0, 0, 0), 0, 0, Depth(1_001, 0, 0)), "ok"),
        (Rejected(0, 0), "ok"),
        (Rejected(1, 0), "attention"),
        (Rejected(0, 1), "attention"),
    ],
)
def test_dead_letters_long_queues_and_rejections_need_attention(
    measured: Queues | Rejected, state: str
) -> None:
    assert measured.state == state


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (3_599.4, "59 min 59 s"),
        (3_660.0, "1 h 1 min"),
    ],
)
def test_durations_are_readable(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_large_numbers_are_in_groups() -> None:
    assert (grouped(999), grouped(1234567)) == ("999", "1,234,567")


# --- Queries ------------------------------------------------------------------------------------


def confirmed(number: int, *, after: float) -> str:
    """Store a file whose event came `seconds` ago and is applied now."""
    upload_id = upload("7")
    time = (datetime.now(UTC) - timedelta(seconds=after)).isoformat()
    event = ObjectEvent("created", upload_id, f"{number:064X}", time)
    assert confirm.apply_event(event) == "stored"
    return upload_id


def seed(count: int, ago: timedelta) -> None:
    """Write records as the worker does, signed this long ago."""
    with StoredFile.batch_write() as batch:
        for number in range(count):
            moment = datetime.now(UTC) - ago - timedelta(seconds=number)
            upload_id = keys._make(int(moment.timestamp() * 1000), "7", "secret")
            batch.save(
                StoredFile(
                    upload_id,
                    key=keys.object_key(upload_id),
                    state="stored",
                    feed=f"stored#{keys.shard(upload_id)}",
                    sequencer="0" * 64,
                    created_at=keys.created_at(upload_id),
                    notified_at=moment,
                    confirmed_at=moment,
                    file_name="a",
                    content_type="text/plain",
                    owner="7",
                    size=1,
                    owner_feed="7",
                    name_key="a",
                )
            )


@pytest.mark.usefixtures("aws")
def test_processing_time_is_measured_for_stored_files() -> None:
    for number, seconds in enumerate((100, 2000, 4000), 1):
        confirmed(number, after=seconds)
    result = dashboard.collect().flow
    assert result is not None
    assert result.files == 3
    assert result.median == pytest.approx(2000, abs=500)
    assert result.slowest == pytest.approx(4000, abs=500)
    assert result.last_at is not None
    assert datetime.now(UTC) - result.last_at < timedelta(minutes=1)


@pytest.mark.usefixtures("aws")
def test_older_uploads_count_only_for_the_latest_time() -> None:
    seed(2, timedelta(hours=3))
    result = dashboard.collect().flow
    assert result is not None
    assert (result.files, result.median, result.state) == (0, None, "unknown")
    assert result.last_at is not None
    assert datetime.now(UTC) - result.last_at > timedelta(hours=2)


@pytest.mark.usefixtures("aws")
def test_only_the_newest_of_many_files_are_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    seed(5, timedelta(minutes=1))
    monkeypatch.setattr(dashboard, "NEWEST", 5)
    result = dashboard.collect().flow
    assert result is not None
    assert (result.files, result.is_cut) == (5, False)
    monkeypatch.setattr(dashboard, "NEWEST", 4)
    result = dashboard.collect().flow
    assert result is not None
    assert (result.files, result.is_cut) == (4, True)


@pytest.mark.usefixtures("own_queues")
def test_queues_and_dead_letters_are_counted() -> None:
    events, tasks = conf().events_queue, conf().tasks_queue
    sqs.send_to_dead_letter_queue(events, "?", "no event")
    for _ in range(3):
        sqs.send_to_dead_letter_queue(tasks, "?", "failed")
    for _ in range(2):
        clients.sqs().send_message(QueueUrl=sqs.url(tasks), MessageBody="?")
    clients.sqs().receive_message(QueueUrl=sqs.url(tasks), VisibilityTimeout=60)
    clients.sqs().send_message(QueueUrl=sqs.url(conf().low_queue), MessageBody="?")
    expected = Queues(Depth(0, 0, 0), Depth(1, 1, 0), 1, 3, Depth(1, 0, 0))
    assert dashboard.collect().queues == expected


@pytest.mark.usefixtures("aws", "one_day")
def test_stored_and_rejected_counts_match_the_uploads(settings: Settings) -> None:
    store("7", "a.txt", b"12345")
    store("8", "b.txt", b"123")
    refused = [upload("7"), upload("8")]
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert {confirm.confirm(upload_id) for upload_id in refused} == {"rejected"}
    result = dashboard.collect()
    assert (result.stored, result.rejected) == (Usage(2, 8), Rejected(2, 0))


@pytest.mark.parametrize("files", [3, 700])
@pytest.mark.usefixtures("aws")
def test_the_cost_does_not_depend_on_the_number_of_files(
    files: int, aws_requests: AwsRequests
) -> None:
    seed(files, timedelta(minutes=1))
    dashboard.collect()  # the addresses of the queues are requested once
    aws_requests.counts()
    dashboard.collect()
    # 16 shards of the newest files, one call for the groups and one for two days; five queues.
    assert aws_requests.counts() == {"dynamodb": 18, "sqs": 5}


@pytest.mark.usefixtures("aws")
def test_a_quiet_hour_costs_one_more_query(aws_requests: AwsRequests) -> None:
    dashboard.collect()
    aws_requests.counts()
    dashboard.collect()
    assert aws_requests.counts() == {"dynamodb": 18 + 16, "sqs": 5}


# --- The page -----------------------------------------------------------------------------------


def tiles(client: Client) -> dict[str, tuple[str, str]]:
    """The tiles of the dashboard: their state and text."""
    response = client.get("/admin/")
    assert response.status_code == 200
    matches = re.findall(
        r'<li class="tile" data-tile="(\w+)" data-state="(\w+)">(.*?)</li>',
        response.content.decode(),
        re.DOTALL,
    )
    return {
        name: (state, " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split()))
        for name, state, text in matches
    }


@pytest.mark.usefixtures("aws")
def test_the_dashboard_shows_the_state(admin: Client) -> None:
    confirmed(1, after=2)
    sqs.send_to_dead_letter_queue(conf().events_queue, "?", "no event")
    shown = tiles(admin)
    assert {name: state for name, (state, _) in shown.items()} == {
        "flow": "ok",
        "queues": "attention",
        "rejected": "ok",
        "stored": "ok",
    }
    assert "1 file in the last hour." in shown["flow"][1]
    assert "Dead letters Needs attention 1 " in shown["queues"][1]
    assert "OK 0 rejected today; 0 yesterday (UTC)" in shown["rejected"][1]
    assert "OK 5 bytes in 1 file" in shown["stored"][1]


@pytest.mark.usefixtures("aws")
def test_a_quiet_hour_is_reported_neutrally(admin: Client) -> None:
    state, text = tiles(admin)["flow"]
    assert state == "unknown"
    assert "No files arrived in the last hour. No files have been recorded yet." in text
    seed(1, timedelta(hours=2))
    assert "The last file was recorded 2 hours ago." in tiles(admin)["flow"][1]


@pytest.mark.parametrize(
    ("service", "silent"),
    [("dynamodb", {"flow", "rejected", "stored"}), ("sqs", {"queues"}), ("s3", set())],
)
@pytest.mark.usefixtures("aws", "no_pauses")
def test_an_outage_affects_only_the_tiles_of_that_service(
    admin: Client,
    aws_requests: AwsRequests,
    service: str,
    silent: set[str],
) -> None:
    confirmed(1, after=2)
    aws_requests.cut.add(service)
    shown = tiles(admin)
    assert len(shown) == 4
    assert {name for name, (state, _) in shown.items() if state == "unknown"} == silent
    for name in silent:
        assert "Unknown" in shown[name][1]
        assert "at the moment." in shown[name][1]


@pytest.mark.usefixtures("aws")
def test_without_permission_the_plain_page_makes_no_request_to_aws(
    alice: User,
    aws_requests: AwsRequests,
) -> None:
    client = staff(alice)
    assert tiles(client) == {}
    assert aws_requests.counts() == {}
    alice.user_permissions.add(Permission.objects.get(codename="view_file"))
    page = client.get("/admin/").content.decode()
    assert len(tiles(client)) == 4
    assert "/admin/uploads/file/?state=rejected" in page
    assert "/admin/uploads/storagereport/" not in page


def test_there_is_no_link_to_a_missing_page(admin_user: User) -> None:
    request = RequestFactory().get("/")
    request.user = admin_user
    assert DashboardSite("elsewhere")._page_urls(request) == {}
    assert set(DashboardSite("admin")._page_urls(request)) >= {"file", "storagereport"}


def test_other_apps_still_register_with_djangos_default_site() -> None:
    assert isinstance(admin.site, DashboardSite)
    assert admin.site.is_registered(User)
    assert admin.site.is_registered(File)
    assert (admin.site.site_header, admin.site.name) == ("filehub", "admin")
