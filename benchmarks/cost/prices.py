"""The table of prices and the example in prices.toml (pure)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class Price:
    """US dollars for `per` units, by region."""

    unit: str
    per: int
    source: str
    by_region: Mapping[str, float]

    def of(self, amount: float, region: str) -> float:
        return amount / self.per * self.by_region[region]


@dataclass(frozen=True)
class Example:
    """A month. All but `uploads`, `file_mb` and `thumbnail_kb` are numbers for each upload."""

    uploads: tuple[int, ...]
    file_mb: float
    thumbnail_kb: float
    images: float
    deleted: float
    downloads: float
    pages: float


@dataclass(frozen=True)
class Prices:
    as_of: str
    regions: tuple[str, ...]
    prices: Mapping[str, Price]
    example: Example

    def total(self, amounts: Mapping[str, float], region: str) -> float:
        """The sum over all amounts: amount divided by `per`, times the price."""
        return sum(self.prices[name].of(amount, region) for name, amount in amounts.items())


def load(path: Path = PATH) -> Prices:
    """Read a table of prices. Raises OSError, or ValueError if something is missing or wrong."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        regions = tuple(document["regions"])
        prices = {
            name: Price(
                entry["unit"],
                int(entry["per"]),
                entry["source"],
                {region: float(entry[region]) for region in regions},
            )
            for name, entry in document["prices"].items()
        }
        example = document["example"]
        numbers = {**example, "uploads": tuple(map(int, example["uploads"]))}
        return Prices(str(document["as_of"]), regions, prices, Example(**numbers))
    except (KeyError, TypeError) as exc:
        raise ValueError(f"{path} is not a table of prices: {exc!r}") from exc
