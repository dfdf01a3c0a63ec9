"""`python -m benchmarks cost`: count, print all tables, and write them into docs/cost.md."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from benchmarks.cost import counts, document, prices, tables
from benchmarks.cost.counts import Measured
from benchmarks.cost.site import CountedSite
from benchmarks.site import ROOT

_FORMULA = "Price of a row: the sum of amount × price / per, for each column.\n"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--stored", action="store_true", help="count nothing; compute with what was counted last"
    )
    parser.add_argument(
        "--prices", type=Path, help="another table of prices; the document is not changed then"
    )


def run(options: Namespace) -> int:
    """Returns the exit status: 1 if the prices cannot be read."""
    try:
        table = prices.load(options.prices or prices.PATH)
    except (OSError, ValueError) as exc:
        print(f"The prices cannot be read: {exc}", file=sys.stderr)
        return 1
    measured = document.stored() if options.stored else _measure()
    for name, text in tables.render(measured, table).items():
        print(f"\n{name}\n\n{text}")
    print(_FORMULA)
    if options.prices is None:
        document.write(measured)
        print(f"Written to {document.PATH.relative_to(ROOT)}")
    return 0


def _measure() -> Measured:
    with CountedSite() as site:
        # Its imports need the settings.
        measured: Measured = import_module("benchmarks.cost.measure").measure(site)
    # As they are stored: rounded.
    return counts.from_json(counts.to_json(measured))
