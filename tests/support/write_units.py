"""How many write units DynamoDB counts for a transaction, by its documented rules (pure).

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html (provisioned throughput)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

#: Attribute name -> type and value, as DynamoDB's API has it: {"size": {"N": "5"}}.
Item = Mapping[str, Mapping[str, Any]]

#: Bytes of an item that one write unit covers.
UNIT = 1024
#: A transaction prepares each item and then commits it.
TRANSACTIONAL = 2


@dataclass(frozen=True)
class Index:
    """An index: the attributes that must exist for an item to be in it, and those it copies.

    `projected` is None if it copies all of them.
    """

    keys: frozenset[str]
    projected: frozenset[str] | None = None

    def copy_of(self, item: Item | None) -> Item | None:
        """What the index has of an item of the table; None if the item is not in it."""
        if item is None or not self.keys <= item.keys():
            return None
        if self.projected is None:
            return item
        names = self.keys | self.projected | {"id"}
        return {name: value for name, value in item.items() if name in names}

    def units(self, before: Item | None, after: Item | None) -> int:
        """The units that a write to the table costs in this index."""
        old, new = self.copy_of(before), self.copy_of(after)
        if old == new:
            return 0
        if old is None or new is None:
            return _units(new if old is None else old)
        if any(old[key] != new[key] for key in self.keys):
            return _units(old) + _units(new)  # It moves: a deletion and a put.
        return max(_units(old), _units(new))


@dataclass(frozen=True)
class Write:
    """An item before and after a write (None: it does not exist)."""

    before: Item | None
    after: Item | None


def transaction_units(writes: Iterable[Write], indexes: Iterable[Index]) -> int:
    """The write units of one transaction: twice those of the items, and those of each index."""
    indexes = list(indexes)
    return sum(
        TRANSACTIONAL * max(_units(write.before), _units(write.after))
        + sum(index.units(write.before, write.after) for index in indexes)
        for write in writes
    )


def indexes_of(schema: Mapping[str, Any]) -> list[Index]:
    """The indexes of a table, from PynamoDB's `Model._get_schema()`."""
    return [
        Index(
            frozenset(key["AttributeName"] for key in index["key_schema"]),
            None
            if index["projection"]["ProjectionType"] == "ALL"
            else frozenset(index["projection"].get("NonKeyAttributes", ())),
        )
        for index in schema["global_secondary_indexes"]
    ]


def item_size(item: Item) -> int:
    """Bytes, including the names of the attributes."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _units(item: Item | None) -> int:
    return -(-item_size(item) // UNIT) if item else 0


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            return _number_size(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _size(element) for element in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + _size(element) for name, element in content.items()
            )
    raise NotImplementedError(kind)


def _number_size(text: str) -> int:
    """One byte for two significant digits, and one or, for a negative number, two more."""
    whole, _, fraction = text.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0").rstrip("0")
    return -(-len(digits) // 2) + 1 + text.startswith("-")
