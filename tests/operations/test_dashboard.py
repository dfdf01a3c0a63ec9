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

from tests.support.files import store, upload
from tests.support.users import staff
from tests.support.wire import Wire
from uploads.admin.site import DashboardSite
from uploads.aws import clients, sqs
from uploads.aws.sqs import Depth
from uploads.core import keys, policy
from uploads.core.conf import conf
from uploads.files.record import FileInfo, StoredFile, info_of
from uploads.files.usage import Usage
from uploads.ingest import confirm
from uploads.models import File
from uploads.operations import dashboard
from uploads.operations.dashboard import Queues, Rejected, flow_of, percentile
from uploads.templatetags.figures import duration, grouped

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
    found = flow(*[info(float(n)) for n in range(1, 21)], info(None, ago=timedelta(seconds=1)))
    assert (found.files, found.median, found.slowest, found.without_event) == (21, 10.0, 19.0, 0)
    assert found.state == "fine"


def test_clock_skew_gives_no_negative_duration() -> None:
    assert flow(info(-3)).median == 0


def test_more_than_a_few_slow_files_need_attention() -> None:
    assert flow(info(61.0)).state == "look"
    assert flow(*[info(1.0)] * 19, info(3_600.0)).state == "fine"
    assert flow(*[info(1.0)] * 18, *[info(3_600.0)] * 2).state == "look"


def test_a_file_without_an_event_needs_attention() -> None:
    found = flow(info(None, ago=timedelta(minutes=6)), info(1.0))
    assert (found.without_event, found.state) == (1, "look")


def test_without_files_there_is_no_verdict() -> None:
    assert (flow().median, flow().state) == (None, "unknown")


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (Queues(Depth(0, 0, 0), Depth(9, 9, 0), 0, 0), "fine"),
        (Queues(Depth(0, 0, 0), Depth(0, 0, 0), 1, 0), "look"),
        (Queues(Depth(0, 0, 0), Depth(0, 0, 0), 0, 1), "look"),
        (Queues(Depth(1_000, 5_000, 0), Depth(0, 0, 0), 0, 0), "fine"),
        (Queues(Depth(1_001, 0, 0), Depth(0, 0, 0), 0, 0), "look"),
        (Queues(Depth(0, 0, 0), Depth(1_001, 0, 0), 0, 0), "look"),
        (Rejected(0, 0), "fine"),
        (Rejected(1, 0), "look"),
        (Rejected(0, 1), "look"),
    ],
)
def test_what_needs_attention(found: Queues | Rejected, state: str) -> None:
    assert found.state == state


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
    event = datetime.now(UTC) - timedelta(seconds=after)
    assert confirm.confirm(upload_id, f"{number:064X}", event.isoformat()) == "stored"
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
                    name_key=policy.search_key("a"),
                )
            )


@pytest.mark.usefixtures("aws")
def test_processing_time_is_measured_for_stored_files() -> None:
    for number, seconds in enumerate((100, 2000, 4000), 1):
        confirmed(number, after=seconds)
    found = dashboard.collect().flow
    assert found is not None
    assert found.files == 3
    assert found.median == pytest.approx(2000, abs=500)
    assert found.slowest == pytest.approx(4000, abs=500)
    assert found.last_at is not None
    assert datetime.now(UTC) - found.last_at < timedelta(minutes=1)


@pytest.mark.usefixtures("aws")
def test_older_uploads_count_only_for_the_latest_time() -> None:
    seed(2, timedelta(hours=3))
    found = dashboard.collect().flow
    assert found is not None
    assert (found.files, found.median, found.state) == (0, None, "unknown")
    assert found.last_at is not None
    assert datetime.now(UTC) - found.last_at > timedelta(hours=2)


@pytest.mark.usefixtures("aws")
def test_only_the_newest_of_many_files_are_examined(monkeypatch: pytest.MonkeyPatch) -> None:
    seed(5, timedelta(minutes=1))
    monkeypatch.setattr(dashboard, "NEWEST", 5)
    found = dashboard.collect().flow
    assert found is not None
    assert (found.files, found.is_cut) == (5, False)
    monkeypatch.setattr(dashboard, "NEWEST", 4)
    found = dashboard.collect().flow
    assert found is not None
    assert (found.files, found.is_cut) == (4, True)


@pytest.mark.usefixtures("own_queues")
def test_queues_and_dead_letters_are_counted() -> None:
    events, tasks = conf().events_queue, conf().tasks_queue
    sqs.send_to_dead_letter_queue(events, "?", "no event")
    for _ in range(3):
        sqs.send_to_dead_letter_queue(tasks, "?", "failed")
    for _ in range(2):
        clients.sqs().send_message(QueueUrl=sqs.url(tasks), MessageBody="?")
    clients.sqs().receive_message(QueueUrl=sqs.url(tasks), VisibilityTimeout=60)
    assert dashboard.collect().queues == Queues(Depth(0, 0, 0), Depth(1, 1, 0), 1, 3)


@pytest.mark.usefixtures("aws", "one_day")
def test_stored_and_rejected_counts_match_the_uploads(settings: Settings) -> None:
    store("7", "a.txt", b"12345")
    store("8", "b.txt", b"123")
    refused = [upload("7"), upload("8")]
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ("image/*",)}
    assert {confirm.confirm(upload_id) for upload_id in refused} == {"rejected"}
    found = dashboard.collect()
    assert (found.stored, found.rejected) == (Usage(2, 8), Rejected(2, 0))


@pytest.mark.parametrize("files", [3, 700])
@pytest.mark.usefixtures("aws")
def test_the_cost_does_not_depend_on_the_number_of_files(files: int, wire: Wire) -> None:
    seed(files, timedelta(minutes=1))
    dashboard.collect()  # the addresses of the queues are requested once
    wire.counts()
    dashboard.collect()
    # 16 shards of the newest files, two calls for the groups and one for two days; four queues.
    assert wire.counts() == {"dynamodb": 19, "sqs": 4}


@pytest.mark.usefixtures("aws")
def test_a_quiet_hour_costs_one_more_query(wire: Wire) -> None:
    dashboard.collect()
    wire.counts()
    dashboard.collect()
    assert wire.counts() == {"dynamodb": 19 + 16, "sqs": 4}


# --- The page -----------------------------------------------------------------------------------


def tiles(client: Client) -> dict[str, tuple[str, str]]:
    """The tiles of the dashboard: their state and text."""
    answer = client.get("/admin/")
    assert answer.status_code == 200
    found = re.findall(
        r'<li class="tile" data-tile="(\w+)" data-state="(\w+)">(.*?)</li>',
        answer.content.decode(),
        re.DOTALL,
    )
    return {
        name: (state, " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split()))
        for name, state, text in found
    }


@pytest.mark.usefixtures("aws")
def test_the_dashboard_shows_the_state(admin: Client) -> None:
    confirmed(1, after=2)
    sqs.send_to_dead_letter_queue(conf().events_queue, "?", "no event")
    found = tiles(admin)
    assert {name: state for name, (state, _) in found.items()} == {
        "flow": "fine",
        "queues": "look",
        "rejected": "fine",
        "stored": "fine",
    }
    assert "1 file within the last hour." in found["flow"][1]
    assert "Dead letters Look here 1 " in found["queues"][1]
    assert "Fine 0 today; 0 yesterday (UTC)." in found["rejected"][1]
    assert "Fine 5 bytes in 1 file" in found["stored"][1]


@pytest.mark.usefixtures("aws")
def test_a_quiet_hour_is_reported_neutrally(admin: Client) -> None:
    state, text = tiles(admin)["flow"]
    assert state == "unknown"
    assert "No file came within the last hour. None has been recorded yet." in text
    seed(1, timedelta(hours=2))
    assert "The last one was recorded 2 hours ago." in tiles(admin)["flow"][1]


@pytest.mark.parametrize(
    ("service", "silent"),
    [("dynamodb", {"flow", "rejected", "stored"}), ("sqs", {"queues"}), ("s3", set())],
)
@pytest.mark.usefixtures("aws", "no_pauses")
def test_an_outage_affects_only_the_tiles_of_that_service(
    admin: Client,
    wire: Wire,
    service: str,
    silent: set[str],
) -> None:
    confirmed(1, after=2)
    wire.cut.add(service)
    found = tiles(admin)
    assert len(found) == 4
    assert {name for name, (state, _) in found.items() if state == "unknown"} == silent
    for name in silent:
        assert "Cannot tell" in found[name][1]
        assert "just now" in found[name][1]


@pytest.mark.usefixtures("aws")
def test_without_permission_the_plain_page_makes_no_request_to_aws(
    alice: User,
    wire: Wire,
) -> None:
    client = staff(alice)
    assert tiles(client) == {}
    assert wire.counts() == {}
    alice.user_permissions.add(Permission.objects.get(codename="view_file"))
    page = client.get("/admin/").content.decode()
    assert len(tiles(client)) == 4
    assert "/admin/uploads/file/?state=rejected" in page
    assert "/admin/uploads/storagereport/" not in page


def test_there_is_no_link_to_a_missing_page(admin_user: User) -> None:
    request = RequestFactory().get("/")
    request.user = admin_user
    assert DashboardSite("elsewhere")._pages(request) == {}
    assert set(DashboardSite("admin")._pages(request)) >= {"file", "storagereport"}


def test_other_apps_still_register_with_djangos_default_site() -> None:
    assert isinstance(admin.site, DashboardSite)
    assert admin.site.is_registered(User)
    assert admin.site.is_registered(File)
    assert (admin.site.site_header, admin.site.name) == ("filehub", "admin")
