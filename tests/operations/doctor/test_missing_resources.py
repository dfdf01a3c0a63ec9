"""Missing, foreign and misplaced resources are reported by name."""

from __future__ import annotations

import json
import uuid

import pytest
from pytest_django import Settings

from tests.operations.doctor.helpers import findings, follow, problems, run
from tests.support.policies import client
from tests.support.template import render
from uploads.core.conf import Conf
from uploads.operations.doctor import (
    bucket,
    table,
)


@pytest.mark.parametrize(
    ("changed", "subjects"),
    [
        ({"BUCKET": "no-such-bucket"}, {"bucket", "bucket, notifications"}),
        ({"EVENTS_QUEUE": "gone"}, {"queue gone", "queue gone-dlq"}),
        ({"TABLE": "gone"}, {"table", "permissions"}),
    ],
    ids=["bucket", "queue", "table"],
)
def test_a_missing_resource_is_reported_by_name(
    installed: Conf, settings: Settings, changed: dict[str, str], subjects: set[str]
) -> None:
    settings.FILEHUB = settings.FILEHUB | changed
    failed = {finding.subject: finding for finding in findings() if finding.level == "FAIL"}
    assert subjects <= set(failed)
    assert any("manage.py provision" in failed[subject].fix for subject in subjects)


def test_a_missing_index_and_time_to_live_are_reported(installed: Conf, settings: Settings) -> None:
    dynamodb, name = client("dynamodb"), f"doctor-{uuid.uuid4().hex[:8]}"
    wanted_table = render()["Resources"]["Table"]["Properties"]
    indexes = wanted_table["GlobalSecondaryIndexes"]
    indexes = [index for index in indexes if index["IndexName"] != "FolderFeed"]
    wrong = next(index for index in indexes if index["IndexName"] == "OwnerFeed")
    wrong["KeySchema"][1]["AttributeName"] = "createdAt"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=wanted_table["AttributeDefinitions"],
        KeySchema=wanted_table["KeySchema"],
        GlobalSecondaryIndexes=indexes,
    )
    settings.FILEHUB = settings.FILEHUB | {"TABLE": name}
    found = problems(list(table.inspect()))
    assert {(finding.level, finding.subject) for finding in found} == {
        ("FAIL", "table, index FolderFeed"),
        ("FAIL", "table, index OwnerFeed"),
        ("FAIL", "table, time to live"),
        ("warn", "table, backups"),
        ("warn", "table, deletion protection"),
    }
    follow(next(finding.fix for finding in found if finding.subject == "table, time to live"))
    assert len(problems(list(table.inspect()))) == 4


def test_another_programs_table_is_recognised(installed: Conf, settings: Settings) -> None:
    name = f"doctor-{uuid.uuid4().hex[:8]}"
    client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    settings.FILEHUB = settings.FILEHUB | {"TABLE": name}
    assert "other keys" in problems(list(table.inspect()))[0].text


def test_a_bucket_in_another_region_is_reported(installed: Conf, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"REGION": "eu-central-1"}
    (finding,) = bucket.inspect()
    assert finding.level == "FAIL"
    assert "AWS_REGION=us-east-1" in finding.fix


def test_a_healthy_installation_exits_with_0_and_prints_json(installed: Conf) -> None:
    assert run("--no-upload")[0] == 0
    assert json.loads(run("--no-upload", "--json")[1])[0].keys() == {
        "level", "subject", "text", "mend",
    }  # fmt: skip
