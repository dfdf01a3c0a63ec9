"""What this process's calls of DynamoDB cost: requests, write units, and bytes returned.

The local AWS counts write units by DynamoDB's rules: one per KiB begun, twice that in a
transaction, and more for each index that the item enters, leaves or changes in. It does not count
reads by size, so what they returned is measured instead: half a unit per 4 KiB of items.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore
from botocore.session import Session

_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}


@dataclass
class Consumed:
    """Since the block began: the operations requested, write units, and bytes of all responses."""

    requests: list[str] = field(default_factory=list)
    write_units: float = 0
    bytes_returned: int = 0


_counting: list[Consumed] = []


def attach(session: Session) -> None:
    """Make a session's DynamoDB clients ask for the consumed capacity while there is a block."""
    # The stubs do not know that a handler of this event may return parameters.
    ask: Any = _ask
    session.register("provide-client-params.dynamodb", ask)
    session.register("after-call.dynamodb", _add)


#: For clients that are created from now on, PynamoDB's included.
botocore.register_initializer(attach)


def _ask(**event: Any) -> dict[str, Any] | None:
    if not _counting or "ReturnConsumedCapacity" not in event["model"].input_shape.members:
        return None
    return {**event["params"], "ReturnConsumedCapacity": "TOTAL"}


def _add(**event: Any) -> None:
    consumed = event["parsed"].get("ConsumedCapacity") or []
    entries = consumed if isinstance(consumed, list) else [consumed]
    units = sum(entry["CapacityUnits"] for entry in entries)
    operation = event["model"].name
    for block in _counting:
        block.requests.append(operation)
        block.bytes_returned += len(event["http_response"].content)
        if operation in _WRITES:
            block.write_units += units


@contextmanager
def counted() -> Iterator[Consumed]:
    """Count what this process consumes in the block."""
    block = Consumed()
    _counting.append(block)
    try:
        yield block
    finally:
        _counting.remove(block)
