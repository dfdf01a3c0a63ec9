"""Puts the tables into docs/cost.md, between comments that name them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cost import counts, prices, tables
from benchmarks.cost.counts import Measured
from benchmarks.site import ROOT

PATH = ROOT / "docs" / "cost.md"
#: What was counted last.
COUNTS = Path(__file__).with_name("counts.json")

_TABLE = re.compile(r"(<!-- make cost: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


def stored() -> Measured:
    """The counts of the last `make cost`."""
    return counts.from_json(COUNTS.read_text(encoding="utf-8"))


def with_tables(text: str, rendered: Mapping[str, str]) -> str:
    """The document with these tables. Raises KeyError if it names another one (pure)."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{rendered[found[2]]}\n{found[3]}", text)


def table_names(text: str) -> list[str]:
    """The tables that the document has places for."""
    return [found[2] for found in _TABLE.finditer(text)]


def write(measured: Measured) -> None:
    """Store the counts, and write the document's tables from them and from prices.toml."""
    COUNTS.write_text(counts.to_json(measured), encoding="utf-8")
    rendered = tables.render(stored(), prices.load())
    PATH.write_text(with_tables(PATH.read_text(encoding="utf-8"), rendered), encoding="utf-8")
