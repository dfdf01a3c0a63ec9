"""What this process reads from DynamoDB: requests, and read units by its documented rules.

Local AWS does not count reads by size. A Query costs half a unit for each 4 KB of the items that it
read, all together; without a filter expression these are the items that it returns.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pynamodb.connection.base import Connection

from tests.support.write_units import item_size

_READ_UNIT = 4096


@contextmanager
def consumed() -> Iterator[list[float]]:
    """The read units of each request to DynamoDB that PynamoDB sends in the block."""
    units: list[float] = []
    send = Connection._make_api_call

    def count(self: Connection, operation: str, *args: Any, **kwargs: Any) -> Any:
        response = send(self, operation, *args, **kwargs)
        items = response.get("Items") or [response.get("Item") or {}]
        is_consistent = any(each.get("ConsistentRead") for each in args if isinstance(each, dict))
        size = max(sum(map(item_size, items)), 1)
        units.append(-(-size // _READ_UNIT) * (1 if is_consistent else 0.5))
        return response

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Connection, "_make_api_call", count)
        yield units
