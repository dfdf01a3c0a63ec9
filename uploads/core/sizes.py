"""Parse and format sizes in bytes: 10 GiB, 500 MB, 1048576.

kB, MB, … are powers of 1000; KiB, MiB, … are powers of 1024. Both can be entered. Sizes are
displayed in decimal units only, so that they can be compared, and 2 MB reads as 2 MB.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

DECIMAL = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
BINARY = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50}
#: Largest first, so that `exact` prefers the larger unit among spellings of the same length.
UNITS = dict(sorted((DECIMAL | BINARY).items(), key=lambda unit: -unit[1]))
_BY_NAME = {name.lower(): size for name, size in UNITS.items()} | {"": 1}

#: Three decimals would be ambiguous: 1.500 is one and a half, or 1500 in German.
MAX_DECIMALS = 2
_SIZE = re.compile(rf"([0-9]{{1,30}}(?:[.,][0-9]{{1,{MAX_DECIMALS}}})?)\s*([A-Za-z]{{0,3}})")


def parse(text: str) -> int:
    """The number of bytes in a text such as `10 GiB`, `1.5 TB`, `1,5 tb` or `4096`.

    Fractions of a byte are dropped. Raises ValueError.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = _BY_NAME.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise ValueError("not a size such as 10 GiB, 500 MB or a number of bytes")
    return int(Decimal(match[1].replace(",", ".")) * unit)


def exact(size: int) -> str:
    """The shortest exact spelling of a size: `parse(exact(size)) == size`."""
    spellings = [
        f"{number:f} {name}"
        for name, unit in UNITS.items()
        if size >= unit or unit == 1
        for decimals in range(MAX_DECIMALS + 1)
        if int((number := _scaled(size, unit, decimals)) * unit) == size
    ]
    return min(spellings, key=len)


def scaled(size: int) -> tuple[Decimal, str]:
    """A size rounded for display, as a number and a decimal unit: (1.5, "GB"), (340, "kB").

    One decimal below 100, none above and none that is zero.
    """
    candidates = (
        (_scaled(size, factor, 0 if factor == 1 or size >= 100 * factor else 1), unit)
        for unit, factor in DECIMAL.items()
    )
    largest = (_scaled(size, DECIMAL["PB"], 0), "PB")
    number, unit = next((found for found in candidates if found[0] < 1000), largest)
    return (number.to_integral_value() if number == int(number) else number), unit


def _scaled(size: int, unit: int, decimals: int) -> Decimal:
    return (Decimal(size) / unit).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
