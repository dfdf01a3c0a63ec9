"""The capacity that DynamoDB calls consume, as the local AWS computes it from the items.

The local AWS follows DynamoDB's rules: one write unit per KiB begun, twice that in a transaction,
and one for each index that the item enters, leaves or changes in.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import botocore
from botocore.session import Session

_READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}


@dataclass
class Consumed:
    """Capacity units, and the number of requests, since the block began."""

    read: float = 0
    write: float = 0
    requests: list[str] = field(default_factory=list)


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
        if operation in _READS:
            block.read += units
        else:
            block.write += units


@contextmanager
def counted() -> Iterator[Consumed]:
    """Count what this process consumes in the block."""
    block = Consumed()
    _counting.append(block)
    try:
        yield block
    finally:
        _counting.remove(block)
