"""What doctor says to run for lost resources cures, and `provision --repair` cures all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.management import CommandError, call_command

from tests.operations.doctor.faults import (
    FAULTS,
    LOST,
    WARNINGS,
    delete_index,
    delete_queues,
    delete_table,
)
from tests.operations.doctor.helpers import (
    ALL,
    Break,
    cors,
    events,
    findings,
    follow,
    notify,
    problems,
    queue_url,
    run,
    tasks,
)
from tests.support.policies import client
from uploads.aws import clients
from uploads.core.conf import Conf, conf
from uploads.operations import doctor, repair


def repair_all() -> str:
    out = StringIO()
    call_command("provision", "--stack", conf().bucket, "--repair", stdout=out)
    return out.getvalue()


#: The others run with `make test-all` only.
USUAL = {"no index FolderFeed", "no events queue"}
CASES = [
    pytest.param(*case, id=name, marks=[] if name in USUAL else pytest.mark.exhaustive)
    for name, case in LOST.items()
]


@pytest.mark.parametrize(("lose", "subject"), CASES)
def test_the_suggested_command_restores_what_was_lost(
    installed: Conf, lose: Break, subject: str
) -> None:
    lose()
    failed = [finding for finding in findings() if finding.level == "FAIL"]
    expected = subject.format(events=events(), tasks=tasks())
    first = next(finding for finding in failed if finding.subject == expected)
    assert "manage.py provision --repair" in first.fix
    follow(first.fix)
    assert problems(list(doctor.examine_resources())) == []
    status, text = run("--no-upload")
    assert status == 0, text


SETTINGS = ("VisibilityTimeout", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds",
            "RedrivePolicy", "SqsManagedSseEnabled", "MaximumMessageSize")  # fmt: skip


def settings_of(queue: str) -> dict[str, str]:
    attributes = client("sqs").get_queue_attributes(
        QueueUrl=queue_url(queue), AttributeNames=["All"]
    )["Attributes"]
    found = {name: attributes[name] for name in SETTINGS if name in attributes}
    if "RedrivePolicy" in found:
        policy = json.loads(found["RedrivePolicy"])
        found["RedrivePolicy"] = f"{policy['deadLetterTargetArn']} {policy['maxReceiveCount']}"
    return found


@pytest.mark.exhaustive
def test_queues_and_table_are_created_as_in_the_template(own_installation: Conf) -> None:
    queues = [events(), f"{events()}-dlq", tasks(), f"{tasks()}-dlq"]
    before = {queue: settings_of(queue) for queue in queues}
    table = indexes()
    delete_queues(*queues)
    delete_table()
    output = repair_all()
    assert {queue: settings_of(queue) for queue in queues} == before
    assert indexes() == table
    # Complete from the start: a task that fails before it has a dead-letter queue would be lost.
    assert f"/{tasks()} " not in "".join(
        line for line in output.splitlines() if "set-queue-attributes" in line
    )


def indexes() -> dict[str, Any]:
    """The keys of each index, in DynamoDB's order (the partition key is first), and its copies."""
    table = client("dynamodb").describe_table(TableName=conf().table)["Table"]
    return {
        index["IndexName"]: (index["KeySchema"], index["Projection"])
        for index in table["GlobalSecondaryIndexes"]
    }


def test_repair_cures_many_faults_at_once_and_prints_what_it_does(installed: Conf) -> None:
    clashing = {"notification for others", "unfinished uploads of others end"}
    for name, (fault, _, _) in {**WARNINGS, **FAULTS}.items():
        if name not in clashing | {"any origin"}:
            fault()
    delete_index("FolderFeed")
    delete_queues(f"{events()}-dlq")
    assert len(problems(findings())) > 10
    lines = [line for line in repair_all().splitlines() if line.startswith("repaired: ")]
    assert len(lines) > 10
    assert all(line.startswith("repaired: aws ") for line in lines)
    assert problems(list(doctor.examine_resources())) == []
    assert not [line for line in repair_all().splitlines() if line.startswith("repaired: ")]


@pytest.mark.exhaustive
def test_repair_takes_no_events_from_another_destination(installed: Conf) -> None:
    notify(tasks(), *ALL)
    repair_all()
    (finding,) = problems(list(doctor.examine_resources()))
    assert (finding.subject, finding.calls) == ("bucket, notifications", ())
    assert "takes these events away" in finding.fix
    follow(finding.fix)
    assert problems(list(doctor.examine_resources())) == []


@pytest.mark.exhaustive
def test_repair_keeps_what_it_cannot_judge(installed: Conf) -> None:
    cors(AllowedOrigins=["*"])
    assert "repaired" not in repair_all()
    (finding,) = problems(list(doctor.examine_resources()))
    assert finding.level == "warn"
    follow(finding.fix)


def test_time_to_live_on_another_attribute_is_changed_in_two_steps(installed: Conf) -> None:
    dynamodb = client("dynamodb")
    for enabled, name in ((False, "expiresAt"), (True, "size")):
        dynamodb.update_time_to_live(
            TableName=conf().table,
            TimeToLiveSpecification={"Enabled": enabled, "AttributeName": name},
        )
    (finding,) = problems(list(doctor.examine_resources()))
    assert finding.subject == "table, time to live"
    turn_off, turn_on = finding.fix.split(" and an hour later: ")
    follow(turn_off)
    follow(turn_on)
    assert problems(list(doctor.examine_resources())) == []


class SlowIndexes:
    """Local AWS builds an index at once: report it as CREATING, as AWS does, for some requests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.polls = 0
        self._until = 0
        monkeypatch.setattr(repair, "POLL_INTERVAL", 0.0)
        monkeypatch.setattr(repair, "LINE_INTERVAL", 0.0)
        events = clients.dynamodb().meta.events
        events.register("after-call.dynamodb.DescribeTable", self._answer)
        self.stop = partial(events.unregister, "after-call.dynamodb.DescribeTable", self._answer)

    def slow_down(self, polls: int) -> None:
        self._until = self.polls + polls

    def _answer(self, parsed: Any, **_: object) -> None:
        self.polls += 1
        if self.polls <= self._until:
            parsed["Table"]["GlobalSecondaryIndexes"][-1]["IndexStatus"] = "CREATING"


@pytest.fixture
def slow_indexes(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowIndexes]:
    slow = SlowIndexes(monkeypatch)
    yield slow
    slow.stop()


@pytest.mark.exhaustive
def test_repair_waits_for_an_index_as_long_as_dynamodb_needs_and_says_so(
    installed: Conf, slow_indexes: SlowIndexes
) -> None:
    delete_index("FolderNames")
    # Another run has begun to build an index.
    slow_indexes.slow_down(300)
    err = StringIO()
    call_command("provision", "--stack", conf().bucket, "--repair", stdout=StringIO(), stderr=err)
    assert slow_indexes.polls > 300
    lines = [line for line in err.getvalue().splitlines() if "waiting for DynamoDB" in line]
    assert len(lines) > 200
    assert lines[0].endswith(": CREATING, for 0 min")
    assert problems(list(doctor.examine_resources())) == []


@pytest.mark.exhaustive
def test_repair_gives_up_after_its_timeout_and_another_run_resumes(
    installed: Conf, slow_indexes: SlowIndexes
) -> None:
    delete_index("FolderNames")
    slow_indexes.slow_down(3)
    with pytest.raises(CommandError, match=r"still changing the table .*CREATING.* resumes"):
        call_command(
            "provision", "--stack", conf().bucket, "--repair", "--timeout", "0m", stdout=StringIO()
        )
    repair_all()
    assert problems(list(doctor.examine_resources())) == []


@pytest.mark.exhaustive
def test_repair_survives_an_outage_while_it_waits(
    installed: Conf, slow_indexes: SlowIndexes, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, False, False, True])
    working = repair._change_in_progress

    def change_in_progress() -> str:
        if next(answers, True):
            return working()
        raise EndpointConnectionError(endpoint_url="https://dynamodb.example")

    monkeypatch.setattr(repair, "_change_in_progress", change_in_progress)
    slow_indexes.slow_down(1)
    assert "repaired" not in repair_all()
    answers = iter([False])
    monkeypatch.setattr(repair, "MAX_SILENCE", 0.0)
    with pytest.raises(CommandError, match="does not tell the state"):
        repair_all()
