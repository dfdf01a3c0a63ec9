"""A run that is repeated, interrupted, throttled, or beside another one."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.chaos.crash_points import ChildRunner, CrashPoint
from tests.operations.adoption.helpers import PART, adopt, content, copies, put, unfinished
from tests.support.files import removal
from tests.support.local_aws import empty_the_bucket
from tests.support.proxy import Proxy, Request
from uploads.accounts import owners
from uploads.aws import foreign, multipart
from uploads.aws.foreign import PartRange
from uploads.files import actions, moves, trash
from uploads.files.batches import Actor
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.operations.adoption import adopt as adoption
from uploads.operations.adoption import copying
from uploads.operations.adoption.adopt import Plan
from uploads.operations.adoption.identity import upload_ids

pytestmark = pytest.mark.usefixtures("aws")

OBJECTS = {"a": b"a", "b": b"", "large": b"x" * (3 * PART + 1), "z/y": b"z"}


def put_all(bucket: str) -> None:
    for key, body in OBJECTS.items():
        put(bucket, key, body)


def is_copy(request: Request) -> bool:
    return "x-amz-copy-source" in request.headers and not is_part(request)


def is_part(request: Request) -> bool:
    return "x-amz-copy-source-range" in request.headers


def confirm_all() -> None:
    """What the worker does when the events arrive."""
    for upload_id in copies():
        assert confirm.confirm(upload_id) in {"stored", "unchanged"}


def assert_adopted_once(bucket: str) -> None:
    """Each object has one copy, and another run has nothing to do when all are recorded."""
    assert sorted(map(content, copies())) == sorted(OBJECTS.values())
    assert unfinished() == []
    confirm_all()
    again = adopt(f"s3://{bucket}")
    assert (again.error, again.states) == ("", {})
    assert "4 adopted before" in again.summary


@pytest.mark.exhaustive
def test_late_events_are_waited_for_and_nothing_is_copied_again(bucket: str, proxy: Proxy) -> None:
    put_all(bucket)
    first = adopt(f"s3://{bucket}", "--timeout", "0")
    assert set(first.states.values()) == {"pending"}
    assert "4 copies were not recorded within 0 s" in first.error
    assert len(proxy.requests(is_copy)) == 3
    second = adopt(f"s3://{bucket}", "--timeout", "0")
    assert second.states == first.states
    assert second.ids == first.ids
    assert len(proxy.requests(is_copy)) == 3
    assert len(proxy.requests(is_part)) == 4
    assert_adopted_once(bucket)


def test_a_copy_names_the_listed_original_and_asks_for_a_checksum(
    bucket: str, proxy: Proxy
) -> None:
    put(bucket, "a b/ü?")
    adopt(f"s3://{bucket}", "--timeout", "0")
    (request,) = proxy.requests(is_copy)
    sent = {name: request.headers[name] for name in sorted(request.headers) if name in HEADERS}
    assert sent == {**HEADERS, "x-amz-copy-source": f"{bucket}/a%20b/%C3%BC%3F"}


HEADERS = {
    "if-none-match": "*",
    "x-amz-checksum-algorithm": "SHA256",
    "x-amz-copy-source": "",
    "x-amz-copy-source-if-match": '"5d41402abc4b2a76b9719d911017c592"',
    "x-amz-metadata-directive": "REPLACE",
    "x-amz-object-annotation-directive": "EXCLUDE",
    "x-amz-storage-class": "STANDARD",
    "x-amz-tagging-directive": "REPLACE",
}


@pytest.mark.exhaustive
@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (503, "ServiceUnavailable"), (200, "InternalError")]
)
def test_throttled_copies_are_retried(bucket: str, proxy: Proxy, status: int, code: str) -> None:
    put_all(bucket)
    fault = proxy.fail_every(2, status, lambda r: is_copy(r) or is_part(r), code=code)
    report = adopt(f"s3://{bucket}", "--timeout", "0")
    assert set(report.states.values()) == {"pending"}
    assert fault.struck >= 3
    assert_adopted_once(bucket)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("no_pauses")
def test_an_outage_fails_one_object_and_the_next_run_copies_it(bucket: str, proxy: Proxy) -> None:
    put_all(bucket)
    second = "bytes=5242880-10485759"
    proxy.fail_every(1, 503, lambda r: r.headers.get("x-amz-copy-source-range") == second)
    report = adopt(f"s3://{bucket}", "--timeout", "0")
    assert report.states == {"a": "pending", "b": "pending", "large": "failed", "z/y": "pending"}
    assert "SlowDown" in report.by_key["large"]
    assert report.error == "1 of 4 objects were not adopted."
    proxy.reset()
    again = adopt(f"s3://{bucket}", "--timeout", "0")
    assert again.states["large"] == "pending"
    # Those that had been copied are used. The first error may have kept some from being sent.
    assert 1 <= len(proxy.requests(is_part)) < 4
    assert proxy.requests(is_copy) == []
    assert_adopted_once(bucket)


@pytest.mark.exhaustive
@pytest.mark.usefixtures("no_pauses")
def test_a_listing_that_fails_ends_the_run_with_advice(bucket: str, proxy: Proxy) -> None:
    put_all(bucket)
    proxy.fail_every(1, 503, lambda r: "list-type=2" in r.query)
    assert "Run the command again to continue" in adopt(f"s3://{bucket}").error


def plan_for(bucket: str, user: User) -> Plan:
    return Plan(owners.owner_of(user), bucket, "")


def run(plan: Plan) -> None:
    for _ in adoption.adopt(plan):
        pass


#: The modules that send requests, or decide which.
MODULES = {"adopt.py", "lookup.py", "copying.py", "foreign.py", "multipart.py"}
#: Lines that are tried. Each costs three runs.
SAMPLE = 40


@pytest.mark.exhaustive
def test_a_run_may_be_killed_at_any_line_and_is_resumed(bucket: str, alice: User) -> None:
    """Each child dies before another line. The next run copies what is missing, and only that."""
    put_all(bucket)
    plan = plan_for(bucket, alice)
    run(plan)  # This creates the clients.
    runner = ChildRunner()
    empty_the_bucket()
    lines = runner.run(lambda: run(plan)).lines
    chosen = [line for line in dict.fromkeys(lines) if line.split(":")[0] in MODULES]
    assert len(chosen) > 50
    for line in chosen[:: len(chosen) // SAMPLE]:
        empty_the_bucket()
        result = runner.run(lambda: run(plan), crash_at=CrashPoint(line, 1))
        assert result.killed, line
        run(plan)
        assert sorted(map(content, copies())) == sorted(OBJECTS.values()), line
        assert unfinished() == [], line


def test_parts_of_an_interrupted_copy_are_used(
    bucket: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(bucket)
    monkeypatch.setattr(copying, "CONCURRENCY", 1)
    original = foreign.copy_part

    def interrupted(source: Any, upload_id: str, s3_upload_id: str, part: PartRange) -> None:
        if part.number == 3:
            raise KeyboardInterrupt
        original(source, upload_id, s3_upload_id, part)

    monkeypatch.setattr(foreign, "copy_part", interrupted)
    report = adopt(f"s3://{bucket}")
    assert report.error.startswith("Interrupted. What was copied stays.")
    (unfinished_upload,) = multipart.list_unfinished(2).uploads
    assert unfinished_upload.parts in {2, 3}
    monkeypatch.setattr(foreign, "copy_part", original)
    proxy.reset()
    adopt(f"s3://{bucket}", "--timeout", "0")
    sent = [dict(parse_qsl(request.query))["partNumber"] for request in proxy.requests(is_part)]
    # The last one may have been on its way when the third was interrupted.
    assert sent == (["3", "4"] if unfinished_upload.parts == 2 else ["3"])
    assert proxy.requests(is_copy) == []
    assert_adopted_once(bucket)


@pytest.mark.exhaustive
def test_parts_of_another_size_are_copied_again(
    bucket: str, alice: User, settings: Settings
) -> None:
    put_all(bucket)
    plan = plan_for(bucket, alice)
    (source,) = [s for page in foreign.list_objects(bucket, "large") for s in page]
    (upload_id,) = upload_ids(source, plan.owner, [settings.SECRET_KEY])
    s3_upload_id = multipart.create(
        upload_id, owner=plan.owner, file_name="large", content_type="text/plain", checksums=True
    )
    foreign.copy_part(source, upload_id, s3_upload_id, PartRange(1, 0, PART + 7))
    foreign.copy_part(source, upload_id, s3_upload_id, PartRange(9, 0, PART))
    run(plan)
    assert_adopted_once(bucket)


@pytest.mark.exhaustive
def test_the_progress_counts_each_copied_byte_once(bucket: str, alice: User) -> None:
    put_all(bucket)
    copied: list[int] = []
    plan = replace(plan_for(bucket, alice), progress=copied.append)
    run(replace(plan, dry_run=True))
    assert copied == []
    run(plan)
    assert sum(copied) == sum(map(len, OBJECTS.values()))
    assert len(copied) == len(OBJECTS) + 3
    run(plan)
    assert len(copied) == len(OBJECTS) + 3


@pytest.mark.exhaustive
def test_two_runs_at_the_same_time_adopt_everything_once(bucket: str, alice: User) -> None:
    put_all(bucket)
    plan = plan_for(bucket, alice)
    threads = [threading.Thread(target=run, args=(plan,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    adopt(f"s3://{bucket}", "--timeout", "0")
    assert_adopted_once(bucket)


@pytest.mark.exhaustive
def test_a_changed_secret_key_changes_nothing(bucket: str, settings: Settings) -> None:
    put_all(bucket)
    old = settings.SECRET_KEY
    adopt(f"s3://{bucket}", "--timeout", "0")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new-" * 10, [old]
    assert set(adopt(f"s3://{bucket}", "--timeout", "0").states.values()) == {"pending"}
    assert_adopted_once(bucket)


@pytest.mark.exhaustive
def test_what_became_of_a_file_since_is_respected(bucket: str, alice: User, bob: User) -> None:
    put_all(bucket)
    ids = adopt(f"s3://{bucket}", "--timeout", "0").ids
    confirm_all()
    removal(ids["a"], 9)
    actor = Actor(owners.owner_of(alice), owners.owner_of(alice))
    trash.move_to_trash([ids["b"]], actor)
    actions.change_owner(ids["large"], owners.owner_of(bob), by=alice.username)
    moves.move([ids["z/y"]], "elsewhere", actor)
    before = copies()
    again = adopt(f"s3://{bucket}")
    assert (again.error, again.states, copies()) == ("", {}, before)


@pytest.mark.exhaustive
def test_a_replaced_original_is_another_file(bucket: str) -> None:
    put_all(bucket)
    adopt(f"s3://{bucket}", "--timeout", "0")
    confirm_all()
    put(bucket, "a", b"new")
    report = adopt(f"s3://{bucket}", "--timeout", "0")
    assert report.states == {"a": "pending"}
    assert len(copies()) == 5


@pytest.mark.exhaustive
def test_each_owner_gets_copies_of_their_own(bucket: str, bob: User) -> None:
    put_all(bucket)
    adopt(f"s3://{bucket}", "--timeout", "0")
    adopt(f"s3://{bucket}", "--timeout", "0", "--owner", "bob")
    assert len(copies()) == 8


@pytest.mark.exhaustive
def test_a_rejected_file_is_copied_again_once_the_rules_allow_it(
    bucket: str, settings: Settings, alice: User
) -> None:
    put_all(bucket)
    rules = settings.FILEHUB
    ids = adopt(f"s3://{bucket}", "--timeout", "0").ids
    settings.FILEHUB = rules | {"MAX_SIZE": PART}
    for upload_id in ids.values():
        event = ObjectEvent("created", upload_id, "1".ljust(64, "0"))
        confirm.apply_event(event)
    assert len(copies()) == 3
    assert adopt(f"s3://{bucket}").states == {"large": "refused"}
    settings.FILEHUB = rules
    report = adopt(f"s3://{bucket}", "--timeout", "0")
    assert report.ids == {"large": ids["large"]}
    event = ObjectEvent("created", ids["large"], "2".ljust(64, "0"))
    assert confirm.apply_event(event) == "stored"
    assert_adopted_once(bucket)
