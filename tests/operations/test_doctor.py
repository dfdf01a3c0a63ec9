"""`manage.py doctor`: each fault is really made on local AWS, and mended by what doctor says."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import Settings

from filehub.env import Env
from local.aws import LocalAws, complete
from tests.project.test_permissions import client, user_with
from tests.project.test_provision import template
from tests.support.files import store, upload
from tests.support.local_aws import TEMPLATE
from tests.support.processes import ROOT, consumer, worker
from tests.support.waiting import wait_for
from uploads.aws import s3, sqs
from uploads.aws.cloudformation import deploy
from uploads.core import keys, limits
from uploads.core.conf import env
from uploads.ingest import confirm
from uploads.ingest.consumer import Consumer
from uploads.operations import doctor
from uploads.operations.doctor import (
    access,
    bucket,
    django_checks,
    expected,
    notifications,
    queues,
    roundtrip,
    table,
)
from uploads.operations.doctor.finding import Finding

#: Makes a fault.
Break = Callable[[], None]


def names() -> dict[str, str]:
    suffix = uuid.uuid4().hex[:8]
    return {
        "filehub_bucket": f"doctor-{suffix}",
        "filehub_events_queue": f"doctor-events-{suffix}",
        "filehub_tasks_queue": f"doctor-tasks-{suffix}",
        "filehub_table": f"doctor-{suffix}",
    }


def deploy_all(values: dict[str, str], settings: Any) -> Env:
    """A stack with these names, with all that the template wants."""
    settings.ENV = env().model_copy(update=values)
    deploy(values["filehub_bucket"], TEMPLATE.read_text())
    complete(
        str(env().aws_endpoint_url), env().aws_region, env().filehub_bucket, env().filehub_table
    )
    return env()


@pytest.fixture(scope="module")
def deployed(_aws: LocalAws) -> Env:
    """One installation for the faults of this module; each test mends what it breaks."""
    before = django_settings.ENV
    try:
        return deploy_all(names(), django_settings)
    finally:
        django_settings.ENV = before


@pytest.fixture
def installed(deployed: Env, aws: LocalAws, settings: Settings, db: None) -> Env:
    settings.ENV = deployed
    return deployed


def findings() -> list[Finding]:
    return list(doctor.examine())


def bad(found: list[Finding]) -> list[Finding]:
    return [each for each in found if each.level != "ok"]


def still_bad(subject: str) -> list[Finding]:
    """What is not ok any more after mending it: that part is looked at again, and only that."""
    if subject.startswith("queue"):
        return bad(list(queues.Queues().inspect()))
    return bad([*bucket.inspect(), *notifications.inspect(arn(events()))])


def one(found: list[Finding]) -> Finding:
    (finding,) = bad(found)
    return finding


def run(*options: str) -> tuple[int, str]:
    """The command's exit status and what it prints."""
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out, stderr=StringIO())
    except CommandError as exc:
        return exc.returncode, f"{out.getvalue()}{exc}"
    return 0, out.getvalue()


def carry_out(mend: str) -> None:
    """Do what the command of the AWS command line in this sentence does."""
    found = re.search(r"aws (s3api|sqs|dynamodb) [^(]*", mend)
    assert found, mend
    words = shlex.split(found[0].partition(" (provision")[0])
    service = {"s3api": "s3"}.get(words[1], words[1])
    values: dict[str, Any] = {}
    for option, text in zip(words[3::2], words[4::2], strict=False):
        name = "".join(part.capitalize() for part in option[2:].split("-"))
        name = {"CorsConfiguration": "CORSConfiguration"}.get(name, name)
        values[name] = json.loads(text) if text.startswith("{") else text
    getattr(client(service), words[2].replace("-", "_"))(**values)


def queue_url(name: str) -> str:
    return str(client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def set_queue(name: str, **attributes: str) -> None:
    client("sqs").set_queue_attributes(QueueUrl=queue_url(name), Attributes=attributes)


def notify(queue: str | None, *events: str, prefix: str = "uploads/", **more: Any) -> None:
    """Replace the bucket's notifications, as another stack does."""
    configuration: dict[str, Any] = dict(more)
    if queue:
        attributes = client("sqs").get_queue_attributes(
            QueueUrl=queue_url(queue), AttributeNames=["QueueArn"]
        )["Attributes"]
        configuration["QueueConfigurations"] = [
            {
                "QueueArn": attributes["QueueArn"],
                "Events": list(events),
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
            }
        ]
    client("s3").put_bucket_notification_configuration(
        Bucket=env().filehub_bucket,
        NotificationConfiguration=configuration,
        SkipDestinationValidation=True,
    )


def cors(**changes: Any) -> None:
    rule = {"AllowedOrigins": ["http://testserver"], "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["*"]} | changes  # fmt: skip
    client("s3").put_bucket_cors(
        Bucket=env().filehub_bucket, CORSConfiguration={"CORSRules": [rule]}
    )


def lifecycle(**rule: Any) -> None:
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=env().filehub_bucket,
        LifecycleConfiguration={"Rules": [{"ID": "own", "Status": "Enabled", **rule}]},
    )


def of_bucket(action: str) -> Break:
    return lambda: getattr(client("s3"), action)(Bucket=env().filehub_bucket)


def events() -> str:
    return env().filehub_events_queue


def tasks() -> str:
    return env().filehub_tasks_queue


ALL = tuple(expected.EVENTS)
PARTS = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 8}}

#: What is done -> the subject of the one line that tells, and a word of it.
FAULTS: dict[str, tuple[Break, str, str]] = {
    "no notification": (lambda: notify(None), "bucket, notifications", "s3:ObjectCreated:*"),
    "notification for others": (
        lambda: notify(tasks(), *ALL), "bucket, notifications", "replaced",
    ),
    "no event for parts": (
        lambda: notify(events(), "s3:ObjectCreated:Put", *ALL[1:]), "bucket, notifications",
        "s3:ObjectCreated:*",
    ),
    "removals not reported": (
        lambda: notify(events(), ALL[0], ALL[2]), "bucket, notifications", "s3:ObjectRemoved:*",
    ),
    "notification for one shard": (
        lambda: notify(events(), *ALL, prefix="uploads/0/"), "bucket, notifications", "uploads/",
    ),
    "public": (
        of_bucket("delete_public_access_block"), "bucket, public access", "BlockPublicAcls",
    ),
    "unfinished uploads stay": (
        of_bucket("delete_bucket_lifecycle"), "bucket, lifecycle", "for ever",
    ),
    "unfinished uploads end early": (
        lambda: lifecycle(Filter={"Prefix": ""}, AbortIncompleteMultipartUpload={
            "DaysAfterInitiation": 1}), "bucket, lifecycle", "after 1 days",
    ),
    "unfinished uploads of others end": (
        lambda: lifecycle(Filter={"Prefix": "tmp/"}, **PARTS), "bucket, lifecycle", "for ever",
    ),
    "tasks come again too soon": (
        lambda: set_queue(tasks(), VisibilityTimeout="30"), "queue {tasks}", "after 30 s",
    ),
    "events come again too soon": (
        lambda: set_queue(events(), VisibilityTimeout="5"), "queue {events}", "after 5 s",
    ),
    "no redrive of events": (
        lambda: set_queue(events(), RedrivePolicy=""), "queue {events}", "does not go to",
    ),
    "no redrive of tasks": (
        lambda: set_queue(tasks(), RedrivePolicy=""), "queue {tasks}", "does not go to",
    ),
    "small messages only": (
        lambda: set_queue(tasks(), MaximumMessageSize="1024"), "queue {tasks}", "1,024 bytes",
    ),
    "S3 may not send": (
        lambda: set_queue(events(), Policy=""), "queue {events}", "does not let S3 send",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "subject", "word"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_line_and_what_it_says_mends_it(
    installed: Env, fault: Break, subject: str, word: str
) -> None:
    fault()
    status, text = run("--no-upload")
    assert status == 1
    (line,) = [line for line in text.splitlines() if line.startswith("FAIL")]
    assert line.startswith(f"FAIL  {subject.format(events=events(), tasks=tasks())}: ")
    assert word in line
    carry_out(line)
    assert still_bad(subject) == []


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (of_bucket("delete_bucket_cors"), "no rule allows http://testserver"),
        (lambda: cors(AllowedOrigins=["https://other.example"]), "no rule allows"),
        (lambda: cors(AllowedMethods=["GET"]), "may not PUT"),
        (lambda: cors(AllowedHeaders=["content-type", "x-amz-*"]), "may not send if-none-match"),
    ],
    ids=["none", "another origin", "no PUT", "a header"],
)
def test_cors_is_compared_and_asked_for_as_a_browser_does(
    installed: Env, fault: Break, word: str
) -> None:
    fault()
    compared, asked = still_bad("bucket")
    assert (compared.level, compared.subject) == ("FAIL", "bucket, CORS")
    assert word in compared.text
    assert (asked.level, asked.subject) == ("FAIL", "bucket, CORS as a browser asks")
    carry_out(compared.mend)
    left = still_bad("bucket")
    assert [each.text for each in left if "https://other.example" not in each.text] == []
    for warning in left:
        carry_out(warning.mend)
    assert still_bad("bucket") == []


def lifecycle_rules(*rules: dict[str, Any]) -> None:
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=env().filehub_bucket, LifecycleConfiguration={"Rules": list(rules)}
    )


def test_what_mends_a_lifecycle_keeps_what_others_have_set(installed: Env) -> None:
    logs = {
        "ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"},
        "Expiration": {"Date": datetime(2100, 1, 1, tzinfo=UTC)}, **PARTS,
    }  # fmt: skip
    everything = {
        "ID": "abort-incomplete-multipart-uploads", "Status": "Enabled", "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    }  # fmt: skip
    lifecycle_rules(
        logs,
        {**everything, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"ID": "shard", "Status": "Enabled", "Filter": {"Prefix": "uploads/0/"},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}},
    )  # fmt: skip
    (found,) = still_bad("bucket, lifecycle")
    assert "after 1 days" in found.text
    carry_out(found.mend)
    assert still_bad("bucket, lifecycle") == []
    s3 = client("s3")
    rules = s3.get_bucket_lifecycle_configuration(Bucket=env().filehub_bucket)["Rules"]
    assert rules[:2] == [logs, everything]
    assert [rule["AbortIncompleteMultipartUpload"] for rule in rules[2:]] == [
        {"DaysAfterInitiation": 8}
    ]


def test_a_lifecycle_with_a_date_is_no_reason_to_complain(installed: Env) -> None:
    own = {"ID": "own", "Status": "Enabled", "Filter": {"Prefix": ""}, **PARTS}
    until = {"Date": datetime(2100, 1, 1, tzinfo=UTC)}
    lifecycle_rules(
        own, {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": until}
    )
    assert still_bad("bucket, lifecycle") == []


WARNINGS: dict[str, tuple[Break, str, str]] = {
    "any origin": (lambda: cors(AllowedOrigins=["*"]), "bucket, CORS", "other origins"),
    "messages are lost early": (
        lambda: set_queue(events(), MessageRetentionPeriod="86400"), "queue {events}", "1.0 days",
    ),
    "gives up early": (
        lambda: set_queue(
            tasks(), RedrivePolicy=json.dumps({"deadLetterTargetArn": arn(f"{tasks()}-dlq"),
                                               "maxReceiveCount": 2})
        ), "queue {tasks}", "after 2 receives",
    ),
}  # fmt: skip


def arn(queue: str) -> str:
    return str(
        client("sqs").get_queue_attributes(
            QueueUrl=queue_url(queue), AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
    )  # fmt: skip


@pytest.mark.parametrize(("fault", "subject", "word"), WARNINGS.values(), ids=WARNINGS.keys())
def test_what_is_only_odd_is_a_warning(
    installed: Env, fault: Break, subject: str, word: str
) -> None:
    fault()
    found = one(still_bad(subject))
    assert (found.level, found.subject) == ("warn", subject.format(events=events(), tasks=tasks()))
    assert word in found.text
    carry_out(found.mend)
    assert still_bad(subject) == []


def test_events_may_come_by_eventbridge(installed: Env) -> None:
    notify(None, EventBridgeConfiguration={})
    status, text = run("--no-upload")
    (line,) = [line for line in text.splitlines() if not line.startswith("ok")]
    assert status == 0
    assert line.startswith("warn  bucket, notifications: ")
    assert "EventBridge" in line
    notify(events(), *ALL)


def test_provision_does_not_see_what_was_changed_by_hand(installed: Env) -> None:
    """Why doctor names AWS's own commands."""
    notify(None)
    deploy(installed.filehub_bucket, TEMPLATE.read_text())
    found = one(still_bad("bucket"))
    assert "provision does not see" in found.mend
    carry_out(found.mend)


def test_a_dead_letter_is_told(installed: Env) -> None:
    sqs.send_to_dead_letters(events(), "not json", "why")
    found = one(still_bad("queue"))
    assert (found.level, found.subject) == ("FAIL", f"queue {events()}-dlq")
    assert "redrive --queue events" in found.mend
    client("sqs").purge_queue(QueueUrl=queue_url(f"{events()}-dlq"))


@pytest.mark.parametrize(
    ("changed", "subjects"),
    [
        ({"filehub_bucket": "no-such-bucket"}, {"bucket", "bucket, notifications"}),
        ({"filehub_events_queue": "gone"}, {"queue gone", "queue gone-dlq"}),
        ({"filehub_table": "gone"}, {"table", "permissions"}),
    ],
    ids=["bucket", "queue", "table"],
)
def test_what_is_not_there_is_named(
    installed: Env, settings: Settings, changed: dict[str, str], subjects: set[str]
) -> None:
    settings.ENV = env().model_copy(update=changed)
    failed = {each.subject: each for each in findings() if each.level == "FAIL"}
    assert subjects <= set(failed)
    assert any("manage.py provision" in failed[subject].mend for subject in subjects)


def test_an_index_and_a_time_to_live_that_are_missing_are_named(
    installed: Env, settings: Settings
) -> None:
    dynamodb, name = client("dynamodb"), f"doctor-{uuid.uuid4().hex[:8]}"
    wanted_table = template()["Table"]["Properties"]
    indexes = wanted_table["GlobalSecondaryIndexes"]
    indexes = [each for each in indexes if each["IndexName"] != "AllFeed"]
    wrong = next(each for each in indexes if each["IndexName"] == "AllNames")
    wrong["KeySchema"][1]["AttributeName"] = "createdAt"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=wanted_table["AttributeDefinitions"],
        KeySchema=wanted_table["KeySchema"],
        GlobalSecondaryIndexes=indexes,
    )
    settings.ENV = env().model_copy(update={"filehub_table": name})
    found = bad(list(table.inspect()))
    assert {(each.level, each.subject) for each in found} == {
        ("FAIL", "table, index AllFeed"),
        ("FAIL", "table, index AllNames"),
        ("FAIL", "table, time to live"),
    }
    carry_out(next(each.mend for each in found if each.subject == "table, time to live"))
    assert len(bad(list(table.inspect()))) == 2


def test_another_programs_table_is_recognised(installed: Env, settings: Settings) -> None:
    name = f"doctor-{uuid.uuid4().hex[:8]}"
    client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    settings.ENV = env().model_copy(update={"filehub_table": name})
    assert "other keys" in bad(list(table.inspect()))[0].text


def test_a_bucket_in_another_region_is_told(installed: Env, settings: Settings) -> None:
    settings.ENV = env().model_copy(update={"aws_region": "eu-central-1"})
    (found,) = bucket.inspect()
    assert found.level == "FAIL"
    assert "AWS_REGION=us-east-1" in found.mend


def test_a_failing_run_says_how_many_and_a_good_one_exits_with_0(installed: Env) -> None:
    assert run("--no-upload")[0] == 0
    assert json.loads(run("--no-upload", "--json")[1])[0].keys() == {
        "level", "subject", "text", "mend",
    }  # fmt: skip


# Django's side


def test_pending_migrations_are_named(installed: Env) -> None:
    MigrationRecorder(connection).record_unapplied("uploads", "0002_operators_desk")
    found = next(each for each in django_checks.inspect() if each.subject == "database")
    assert found.level == "FAIL"
    assert "uploads.0002_operators_desk" in found.text


def test_debug_pages_in_production_are_a_failure(settings: Settings) -> None:
    settings.DEBUG = True
    settings.ENV = env().model_copy(update={"django_https": True})
    failed = [each for each in django_checks._settings() if each.level == "FAIL"]
    assert any("DJANGO_DEBUG" in each.text for each in failed)


# The clock


@pytest.fixture
def clock(settings: Settings) -> Iterator[Callable[[timedelta], None]]:
    """An S3 whose time is another one."""
    shift = timedelta(0)

    class Answer(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            self.send_header("Date", format_datetime(datetime.now(UTC) + shift, usegmt=True))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    def set_to(value: timedelta) -> None:
        nonlocal shift
        shift = value

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        settings.ENV = env().model_copy(update={"aws_endpoint_url_s3": url})
        yield set_to
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("minutes", "level", "word"),
    [(0, "ok", "agrees"), (2, "warn", "behind"), (-2, "warn", "ahead"), (6, "FAIL", "behind"),
     (-1000, "FAIL", "ahead")],
)  # fmt: skip
def test_the_clock_is_compared_with_s3s(
    clock: Callable[[timedelta], None], minutes: int, level: str, word: str
) -> None:
    clock(timedelta(minutes=minutes))
    found = access._clock()
    assert found.level == level
    assert word in found.text


# The round trip


def objects() -> list[str]:
    listed = client("s3").list_objects_v2(Bucket=env().filehub_bucket)
    return [each["Key"] for each in listed.get("Contents", [])]


def trip(timeout: float = 0.2) -> Finding:
    (found,) = doctor.RoundTrip(timeout).run()
    return found


def test_without_a_consumer_the_messages_are_told(installed: Env) -> None:
    # S3 may take longer than this test waits.
    client("sqs").send_message(QueueUrl=queue_url(events()), MessageBody="an event")
    found = trip()
    assert found.level == "FAIL"
    assert f"wait in {events()}" in found.text
    assert "consume_events" in found.mend
    assert objects() == []


def test_without_a_notification_no_event_arrives(own_queues: None) -> None:
    notify(None)
    found = trip()
    assert (found.level, "no event arrived" in found.text) == ("FAIL", True)
    assert objects() == []


def test_without_a_worker_the_tasks_are_told(aws: LocalAws) -> None:
    before = roundtrip.depths()
    upload("7")
    wait_for(lambda: Consumer().step())
    where, mend = roundtrip.locate(before, roundtrip.depths())
    assert tasks() in where
    assert "worker" in mend


def test_dead_letters_that_grow_are_told_first(aws: LocalAws) -> None:
    before = roundtrip.depths()
    upload("7")
    sqs.send_to_dead_letters(tasks(), "{}", "why")
    where, mend = roundtrip.locate(before, roundtrip.depths())
    assert where.startswith(f"{tasks()}-dlq grew")
    assert "redrive --queue tasks" in mend


def test_a_record_that_only_reconciliation_wrote_is_a_failure(
    installed: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = doctor.RoundTrip._put

    def put_and_look(self: Any, request: s3.SignedRequest, body: bytes) -> int:
        done = put(self, request, body)
        (key,) = objects()
        confirm.confirm(key.rpartition("/")[2])
        return done

    monkeypatch.setattr(doctor.RoundTrip, "_put", put_and_look)
    found = trip()
    assert (found.level, "without an event" in found.text) == ("FAIL", True)
    assert objects() == []


def test_a_refused_put_says_why(installed: Env, settings: Settings) -> None:
    settings.ENV = env().model_copy(update={"filehub_bucket": "no-such-bucket"})
    found = trip()
    assert found.level == "FAIL"
    assert "PUT refused: 404 NoSuchBucket" in found.text


@pytest.mark.parametrize("moment", ["before the PUT", "while it is refused", "while it waits"])
def test_a_round_trip_that_is_stopped_says_so_and_leaves_no_file(
    installed: Env, settings: Settings, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    round_trip = doctor.RoundTrip(60)
    if moment == "before the PUT":
        round_trip.stop()
    else:
        put = doctor.RoundTrip._put

        def put_and_stop(self: Any, request: s3.SignedRequest, body: bytes) -> int:
            self.stop()
            if moment == "while it is refused":
                request = replace(request, url=request.url.partition("?")[0])  # not signed
            return put(self, request, body)

        monkeypatch.setattr(doctor.RoundTrip, "_put", put_and_stop)
    with pytest.raises(KeyboardInterrupt):
        round_trip.run()
    assert objects() == []


def test_what_a_killed_run_left_is_removed(installed: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    left = store(roundtrip.OWNER)
    monkeypatch.setattr(roundtrip, "LEFTOVER", timedelta(0))
    trip()
    assert keys.object_key(left) not in objects()


@pytest.mark.parametrize(
    ("allowed", "sent"),
    [(("*",), "text/plain"), (("image/*",), "image/x-filehub-doctor"), (("a/b",), "a/b")],
)
def test_the_test_file_has_a_type_that_is_allowed(allowed: tuple[str, ...], sent: str) -> None:
    assert roundtrip._content_type(allowed) == sent


# The command, as a process of its own


@pytest.fixture
def database(db: None, tmp_path: Path) -> str:
    """The URL of a database in which nothing is pending: a copy of the tests' own."""
    path = tmp_path / "db.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        copy.executescript("\n".join(connection.connection.iterdump()))
    return f"sqlite:///{path}"


def start(*options: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "doctor", *options],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def own(aws: LocalAws, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Env:
    """An installation of the test's own, table included, for the processes that it starts."""
    values = names()
    for name, value in values.items():
        monkeypatch.setenv(name.upper(), value)
    return deploy_all(values, settings)


def lines(output: str, level: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(level)]


@pytest.mark.exhaustive
def test_a_sound_installation_is_all_ok_with_exactly_the_operators_policy(
    own: Env, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    with consumer(tmp_path), worker(tmp_path):
        done = user_with("Operator", own.filehub_bucket)("manage.py", "doctor")
        assert done.returncode == 0, done.stdout + done.stderr
        assert {line[:4] for line in done.stdout.splitlines()} == {"ok  "}, done.stdout
        assert lines(done.stdout, "ok    round trip: stored after")
        # The web may not look at how things are set, and is told so; what it does, works.
        done = user_with("Web", own.filehub_bucket)("manage.py", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.partition(":")[0][6:] for line in lines(done.stdout, "skip")} == {
        "bucket, public access", "bucket, encryption", "bucket, versions", "bucket, lifecycle",
        "bucket, CORS", "bucket, notifications", "table", "table, time to live",
    }  # fmt: skip
    assert all("OperatorPolicyArn" in line for line in lines(done.stdout, "skip"))
    assert lines(done.stdout, "ok    round trip: stored after")
    assert objects() == []


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="SIGINT", marks=pytest.mark.exhaustive),
        pytest.param(signal.SIGTERM, id="SIGTERM"),
    ],
)
def test_told_to_stop_it_takes_its_file_away(own: Env, number: int) -> None:
    child = start("--timeout=600")
    wait_for(objects)
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in errors
    assert objects() == []


SECRET = "0123456789abcdefghij-not-a-real-secret"


def test_with_wrong_credentials_every_line_says_so_and_none_a_secret(own: Env) -> None:
    child = start(AWS_ACCESS_KEY_ID="AKIANOTAREALKEY00000", AWS_SECRET_ACCESS_KEY=SECRET)
    output, errors = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "Traceback" not in errors
    assert lines(output, "FAIL  credentials: AWS does not accept the credentials")
    assert lines(output, "FAIL  round trip: ")
    for secret in (SECRET, os.environ["DJANGO_SECRET_KEY"], "X-Amz-Signature"):
        assert secret not in output + errors


@pytest.mark.exhaustive
def test_with_everything_down_there_are_clear_lines(tmp_path: Path, aws: LocalAws) -> None:
    child = start(
        "--timeout=1",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        DATABASE_URL=f"sqlite:///{tmp_path}/no/such/directory/db",
        AWS_MAX_ATTEMPTS="1",
    )
    output, errors = child.communicate(timeout=120)
    assert child.returncode == 1
    assert "Traceback" not in output + errors
    failed = {line.partition(":")[0][6:] for line in lines(output, "FAIL")}
    assert failed == {
        "database", "clock", "permissions", "bucket", f"queue {env().filehub_events_queue}",
        f"queue {env().filehub_tasks_queue}", "bucket, notifications", "table",
        "table, time to live", "round trip",
    }  # fmt: skip
    assert all(" Mend: " in line for line in lines(output, "FAIL"))


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "soon", "3601"])
def test_a_timeout_that_is_none_is_refused(timeout: str) -> None:
    with pytest.raises(CommandError, match="seconds"):
        call_command("doctor", f"--timeout={timeout}")


# What doctor wants is what the template makes


def test_doctor_wants_what_the_template_makes() -> None:
    resources = template()
    bucket_ = resources["Bucket"]["Properties"]
    assert set(bucket_["PublicAccessBlockConfiguration"]) == set(expected.PUBLIC_ACCESS_BLOCK)
    notified = bucket_["NotificationConfiguration"]["QueueConfigurations"]
    assert {each["Event"] for each in notified} == set(expected.EVENTS)
    (rule,) = bucket_["LifecycleConfiguration"]["Rules"]
    days = rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
    assert days == expected.ABORT_AFTER > limits.MULTIPART_LIFETIME.days
    for name, receives in (
        ("Events", expected.EVENTS_RECEIVES),
        ("Tasks", expected.TASKS_RECEIVES),
    ):
        queue = resources[f"{name}Queue"]["Properties"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == receives
        for each in (queue, resources[f"{name}DeadLetters"]["Properties"]):
            assert each["MessageRetentionPeriod"] == expected.RETENTION
    hidden = resources["EventsQueue"]["Properties"]["VisibilityTimeout"]
    assert hidden == expected.EVENTS_VISIBILITY


def test_the_cors_rule_that_doctor_offers_is_the_templates(own: Env) -> None:
    s3 = client("s3")
    made = s3.get_bucket_cors(Bucket=own.filehub_bucket)["CORSRules"]
    s3.delete_bucket_cors(Bucket=own.filehub_bucket)
    (mend,) = [each.mend for each in bucket.inspect() if each.subject == "bucket, CORS"]
    carry_out(mend)
    assert s3.get_bucket_cors(Bucket=own.filehub_bucket)["CORSRules"] == made
