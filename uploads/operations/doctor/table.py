"""Check the table's keys, indexes, protection, time to live and backups.

IAM: dynamodb:DescribeTable, DescribeTimeToLive, DescribeContinuousBackups.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.files.usage import Counter
from uploads.operations.doctor import expected
from uploads.operations.doctor.call import Call
from uploads.operations.doctor.finding import Finding, code_of, guarded

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BUILD = f"{expected.REPAIR} (DynamoDB builds one index at a time, which may take hours)"
_REBUILD = (
    f"{expected.REPAIR} (deletes the index and builds it again, which may take hours; lists that "
    "need it fail until then)"
)

#: What a projection of all attributes has: those of the models that share the table, and others.
_EVERY = {
    attribute.attr_name
    for model in (StoredFile, Counter)
    for attribute in model.get_attributes().values()
}

#: Indexes of earlier versions, which nothing reads any more.
OBSOLETE_INDEXES = ("AllNames", "OwnerNames")

_PROTECTION = {"DeletionProtectionEnabled": True}


def inspect() -> Iterator[Finding]:
    client = clients.dynamodb(clients.DIAGNOSIS)
    yield from guarded("table", partial(_keys_and_indexes, client))
    yield from guarded("table, time to live", partial(_time_to_live, client))
    yield from guarded("table, backups", partial(_backups, client))


def _keys_and_indexes(client: DynamoDBClient) -> Iterator[Finding]:
    name = conf().table
    try:
        table: dict[str, Any] = dict(client.describe_table(TableName=name)["Table"])
    except ClientError as exc:
        if code_of(exc) != "ResourceNotFoundException":
            raise
        yield Finding(
            "FAIL", "table", f"{name} does not exist.",
            "Check FILEHUB_TABLE and AWS_REGION. If the table was deleted, restore it from a "
            f"backup. If there is none, or filehub was never deployed here: {expected.REPAIR}, and "
            "then python manage.py reconcile --all",
            (_create_table(name),),
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
            f"and run {expected.REPAIR}",
        )  # fmt: skip
        return
    existing = {index["IndexName"]: index for index in table.get("GlobalSecondaryIndexes", ())}
    for index in schema["global_secondary_indexes"]:
        current = existing.get(index["index_name"])
        subject = f"table, index {index['index_name']}"
        delete = _update_call(name, "Delete", {"IndexName": index["index_name"]})
        if current is None:
            yield Finding(
                "FAIL", subject, "it does not exist, so lists that need it fail.", _BUILD,
                (_create_index_call(name, index),),
            )  # fmt: skip
        elif _keys(current["KeySchema"]) != _keys(index["key_schema"]):
            yield Finding(
                "FAIL", subject, f"it has other keys: {_keys(current['KeySchema'])}.", _REBUILD,
                (delete,),
            )  # fmt: skip
        elif missing := _projected(index["projection"]) - _projected(current["Projection"]):
            names = ", ".join(sorted(missing))
            yield Finding(
                "FAIL", subject, f"it does not project {names}, so lists lack them.", _REBUILD,
                (delete,),
            )  # fmt: skip
        elif _projected(current["Projection"]) - _projected(index["projection"]):
            yield Finding(
                "warn", subject, "it projects more attributes than lists need, so each write costs "
                "more.", _REBUILD, (delete,),
            )  # fmt: skip
        elif current.get("IndexStatus", "ACTIVE") != "ACTIVE":
            yield Finding(
                "FAIL", subject, f"it is {current['IndexStatus']}.",
                "Wait until it is ACTIVE; DynamoDB is building it.",
            )  # fmt: skip
    for index_name in OBSOLETE_INDEXES:
        if index_name in existing:
            call = _update_call(name, "Delete", {"IndexName": index_name})
            yield Finding(
                "warn", f"table, index {index_name}",
                "it is of an earlier version: nothing reads it, and each write costs more.",
                str(call), (call,),
            )  # fmt: skip
    if not table.get("DeletionProtectionEnabled"):
        call = Call("dynamodb", "update_table", {"TableName": name, **_PROTECTION})
        yield Finding(
            "warn", "table, deletion protection", "it is off, so one command deletes the table.",
            str(call), (call,),
        )  # fmt: skip


def _create_table(name: str) -> Call:
    """The table as in the template, except what the other checks report."""
    schema = StoredFile._get_schema()
    return Call(
        "dynamodb",
        "create_table",
        {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            **_PROTECTION,
            "SSESpecification": {"Enabled": True},
            "AttributeDefinitions": _definitions(
                schema["key_schema"],
                *(index["key_schema"] for index in schema["global_secondary_indexes"]),
            ),
            "KeySchema": _hash_first(schema["key_schema"]),
            "GlobalSecondaryIndexes": list(map(_index, schema["global_secondary_indexes"])),
        },
    )


def _create_index_call(table: str, index: Any) -> Call:
    return _update_call(
        table, "Create", _index(index), AttributeDefinitions=_definitions(index["key_schema"])
    )


def _update_call(table: str, action: str, index: dict[str, Any], **more: Any) -> Call:
    """A change of one index: DynamoDB accepts one at a time."""
    updates = [{action: index}]
    return Call(
        "dynamodb",
        "update_table",
        {"TableName": table, **more, "GlobalSecondaryIndexUpdates": updates},
    )


def _index(index: Any) -> dict[str, Any]:
    """An index of the model, in the form that DynamoDB's API takes."""
    return {
        "IndexName": index["index_name"],
        "KeySchema": _hash_first(index["key_schema"]),
        "Projection": index["projection"],
    }


def _hash_first(schema: list[Any]) -> list[Any]:
    """The keys in the order that DynamoDB requires, which is not always PynamoDB's."""
    return sorted(schema, key=lambda key: str(key["KeyType"]))


def _definitions(*schemas: list[Any]) -> list[dict[str, str]]:
    """The definitions of the keys in these schemas, all of which are text."""
    names = dict.fromkeys(key["AttributeName"] for schema in schemas for key in schema)
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def _projected(projection: dict[str, Any]) -> set[str]:
    """The attributes in an index besides its keys; `_EVERY` stands for those not known here."""
    if projection["ProjectionType"] == "ALL":
        return _EVERY
    return set(projection.get("NonKeyAttributes", ()))


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
    turn_on = _time_to_live_call(name, attribute, enabled=True)
    problem = "so records of deleted and rejected files are kept forever."
    if not is_on:
        yield Finding("FAIL", subject, f"it is off, {problem}", str(turn_on), (turn_on,))
        return
    other = ttl.get("AttributeName", "")
    turn_off = _time_to_live_call(name, other, enabled=False)
    yield Finding(
        "FAIL", subject, f"it uses {other}, {problem}", f"{turn_off} and an hour later: {turn_on}"
    )


def _time_to_live_call(table: str, attribute: str, *, enabled: bool) -> Call:
    specification = {"Enabled": enabled, "AttributeName": attribute}
    parameters = {"TableName": table, "TimeToLiveSpecification": specification}
    return Call("dynamodb", "update_time_to_live", parameters)


def _backups(client: DynamoDBClient) -> Iterator[Finding]:
    subject, name = "table, backups", conf().table
    try:
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    except ClientError as exc:
        if code_of(exc) not in {"TableNotFoundException", "ResourceNotFoundException"}:
            raise
        yield Finding("skip", subject, "the table does not exist.")
        return
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") == "ENABLED":
        yield Finding("ok", subject, "point-in-time recovery is on.")
        return
    call = Call(
        "dynamodb",
        "update_continuous_backups",
        {
            "TableName": name,
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    )
    text = "point-in-time recovery is off, so a damaged table cannot be restored."
    yield Finding("warn", subject, text, str(call), (call,))
