"""Writes down the capacity units of each request to DynamoDB that a process sends.

Write units are those that the local AWS reports; it counts them by DynamoDB's rules (one per KiB
begun, twice that in a transaction, and more for each index that the item enters, leaves or changes
in). It does not count reads by size, so these are computed here, from the items of each response.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore
from botocore.session import Session

from tests.support.write_units import item_size

#: The environment variable with the path of the file to which all processes append.
FILE = "COST_UNITS_FILE"
#: Bytes that one read unit covers.
READ_UNIT = 4096
_PARAMETERS = "cost_parameters"
_READS = {"GetItem", "BatchGetItem", "Query", "Scan"}

Items = Iterable[Mapping[str, Any]]

#: Not empty while nothing is recorded.
_pauses: list[None] = []


def install() -> None:
    """Record the requests of all sessions that are created from now on, PynamoDB's included."""
    botocore.register_initializer(_attach)


@contextmanager
def paused() -> Iterator[None]:
    """Record nothing of this process in the block, in which it only looks how far the work is."""
    _pauses.append(None)
    try:
        yield
    finally:
        _pauses.pop()


def _attach(session: Session) -> None:
    # The stubs do not know that a handler of this event may return parameters.
    complete: Any = _complete
    session.register("provide-client-params.dynamodb", complete)
    session.register("after-call.dynamodb", _record)


def _complete(**event: Any) -> dict[str, Any]:
    """Request the consumed capacity, and whole items: they cost the same as some attributes."""
    parameters = whole_items(event["params"])
    if "ReturnConsumedCapacity" in event["model"].input_shape.members:
        parameters["ReturnConsumedCapacity"] = "TOTAL"
    event["context"][_PARAMETERS] = parameters
    return parameters


def _record(**event: Any) -> None:
    if _pauses:
        return
    parsed, operation = event["parsed"], event["model"].name
    if event["http_response"].status_code < 300:
        read = read_units(operation, event["context"][_PARAMETERS], parsed)
        write = 0.0 if operation in _READS else _reported(parsed)
    elif parsed.get("Error", {}).get("Code") == "ConditionalCheckFailedException":
        # The smallest amount; filehub's only such writes are of items that do not exist.
        read, write = 0.0, 1.0
    else:
        return
    line = {"operation": operation, "read": read, "write": write}
    # A short line that is appended at once is not mixed with those of other processes.
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def whole_items(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The same request without a projection, and without the names that only this used (pure)."""
    if "RequestItems" in parameters:
        requested = parameters["RequestItems"].items()
        return {
            **parameters,
            "RequestItems": {
                table: whole_items(keys) if isinstance(keys, Mapping) else keys
                for table, keys in requested
            },
        }
    kept = {name: value for name, value in parameters.items() if name != "ProjectionExpression"}
    expressions = " ".join(value for name, value in kept.items() if name.endswith("Expression"))
    used = set(re.findall(r"#\w+", expressions))
    names = kept.pop("ExpressionAttributeNames", {})
    if remaining := {name: value for name, value in names.items() if name in used}:
        kept["ExpressionAttributeNames"] = remaining
    return kept


def read_units(operation: str, parameters: Mapping[str, Any], parsed: Mapping[str, Any]) -> float:
    """The read units of a request by DynamoDB's rules; 0 for one that reads nothing (pure).

    Items of a Query count together, those of a BatchGetItem each on its own. An item that does not
    exist counts as the smallest. Raises ValueError for a Query that drops items after reading them,
    because their size is unknown.
    """
    if operation == "GetItem":
        return _units([parsed.get("Item", {})], parameters)
    if operation == "Query":
        if parsed["Count"] != parsed["ScannedCount"]:
            raise ValueError("a Query with a filter cannot be counted")
        return _units(parsed["Items"], parameters)
    if operation == "BatchGetItem":
        return sum(
            _units([item], keys)
            for table, keys in parameters["RequestItems"].items()
            for item in _with_missing(parsed["Responses"].get(table, []), len(keys["Keys"]))
        )
    return 0.0


def _with_missing(items: list[Mapping[str, Any]], requested: int) -> list[Mapping[str, Any]]:
    return items + [{}] * (requested - len(items))


def _units(items: Items, parameters: Mapping[str, Any]) -> float:
    size = max(sum(map(item_size, items)), 1)
    return -(-size // READ_UNIT) * (1.0 if parameters.get("ConsistentRead") else 0.5)


def _reported(parsed: Mapping[str, Any]) -> float:
    consumed = parsed.get("ConsumedCapacity") or []
    entries = consumed if isinstance(consumed, list) else [consumed]
    return sum(float(entry["CapacityUnits"]) for entry in entries)
