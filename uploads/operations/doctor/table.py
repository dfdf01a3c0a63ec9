"""Check the table's keys, indexes and TTL. IAM: dynamodb:DescribeTable, DescribeTimeToLive."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.operations.doctor import expected
from uploads.operations.doctor.finding import Finding, code_of, guarded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PROVISION = "python manage.py provision (adds one index at a time, which may take hours)."


def inspect() -> Iterator[Finding]:
    client = clients.dynamodb(clients.DIAGNOSIS)
    yield from guarded("table", partial(_keys_and_indexes, client))
    yield from guarded("table, time to live", partial(_time_to_live, client))


def _keys_and_indexes(client: DynamoDBClient) -> Iterator[Finding]:
    name = conf().table
    try:
        table: dict[str, Any] = dict(client.describe_table(TableName=name)["Table"])
    except ClientError as exc:
        if code_of(exc) != "ResourceNotFoundException":
            raise
        yield Finding(
            "FAIL", "table", f"{name} does not exist.",
            "Check FILEHUB_TABLE and AWS_REGION. If filehub was never deployed here: "
            "python manage.py provision",
        )  # fmt: skip
        return
    problems = list(_problems(name, table))
    yield from problems
    if not problems:
        text = f"{name} is active, with {len(table.get('GlobalSecondaryIndexes', ()))} indexes."
        yield Finding("ok", "table", text)


def _problems(name: str, table: dict[str, Any]) -> Iterator[Finding]:
    if table["TableStatus"] not in {"ACTIVE", "UPDATING"}:
        yield Finding(
            "FAIL", "table", f"{name} is {table['TableStatus']}.", "Wait until it is ACTIVE."
        )
    schema = StoredFile._get_schema()
    if _keys(table["KeySchema"]) != _keys(schema["key_schema"]):
        yield Finding(
            "FAIL", "table", f"{name} has other keys than filehub's table.",
            "It belongs to another program or was created manually: choose another FILEHUB_TABLE "
            "and run python manage.py provision",
        )  # fmt: skip
        return
    existing = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", ())}
    for index in schema["global_secondary_indexes"]:
        current = existing.get(index["index_name"])
        subject = f"table, index {index['index_name']}"
        if current is None:
            yield Finding(
                "FAIL", subject, "it does not exist, so lists that need it fail.", _PROVISION
            )
        elif _keys(current["KeySchema"]) != _keys(index["key_schema"]):
            yield Finding(
                "FAIL", subject, f"it has other keys: {_keys(current['KeySchema'])}.", _PROVISION
            )
        elif current["Projection"]["ProjectionType"] != "ALL":
            yield Finding("FAIL", subject, "it does not project all attributes.", _PROVISION)
        elif current.get("IndexStatus", "ACTIVE") != "ACTIVE":
            yield Finding(
                "FAIL", subject, f"it is {current['IndexStatus']}.",
                "Wait until it is ACTIVE; DynamoDB is building it.",
            )  # fmt: skip


def _keys(schema: list[Any]) -> dict[str, str]:
    """Key type (HASH or RANGE) -> attribute name."""
    return {key["KeyType"]: key["AttributeName"] for key in schema}


def _time_to_live(client: DynamoDBClient) -> Iterator[Finding]:
    subject, name = "table, time to live", conf().table
    try:
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    except ClientError as exc:
        if code_of(exc) != "ResourceNotFoundException":
            raise
        yield Finding("skip", subject, "the table does not exist.")
        return
    attribute = StoredFile.expires_at.attr_name
    status = ttl.get("TimeToLiveStatus", "DISABLED")
    is_on = status in {"ENABLED", "ENABLING"}
    if is_on and ttl.get("AttributeName") == attribute:
        yield Finding("ok", subject, f"uses {attribute}.")
        return
    text = f"it uses {ttl.get('AttributeName')}" if is_on else "it is off"
    first = "First turn it off for that attribute, and wait an hour. " if is_on else ""
    yield Finding(
        "FAIL", subject, f"{text}, so records of deleted and rejected files are kept forever.",
        first
        + expected.command(
            "dynamodb", "update-time-to-live", table_name=name,
            time_to_live_specification={"Enabled": True, "AttributeName": attribute},
        ),
    )  # fmt: skip
