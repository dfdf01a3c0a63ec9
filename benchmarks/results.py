"""The results of a run: as a JSON file, as a table, and beside those of another run (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.figures import Row, Spread, Target, is_reached, ratios, result, spread

#: Version of the JSON format.
FORMAT = 1


@dataclass(frozen=True)
class Results:
    """All rows of a run by benchmark, when it began (ISO 8601), and what it ran on."""

    began_at: str
    machine: dict[str, str]
    benchmarks: dict[str, tuple[Row, ...]]


def rows_to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [asdict(row) for row in rows]


def rows_from_json(items: list[dict[str, Any]]) -> tuple[Row, ...]:
    return tuple(_row(item) for item in items)


def to_json(results: Results) -> str:
    """The text of a result file, with every single value."""
    document = {
        "format": FORMAT,
        "began_at": results.began_at,
        "machine": results.machine,
        "benchmarks": {name: rows_to_json(rows) for name, rows in results.benchmarks.items()},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str) -> Results:
    """Read a result file. Raises ValueError if it is none, or has another format."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(f"the file has format {document['format']}, not {FORMAT}")
        benchmarks = {name: rows_from_json(items) for name, items in document["benchmarks"].items()}
        return Results(document["began_at"], document["machine"], benchmarks)
    except (KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"the file has no results: {exc!r}") from exc


def _row(item: dict[str, Any]) -> Row:
    target = Target(**item["target"]) if item["target"] else None
    return Row(
        **{
            **item,
            "values": tuple(item["values"]),
            "baseline_values": tuple(item["baseline_values"]),
            "target": target,
        }
    )


def table(rows: Sequence[Row]) -> str:
    """One line for each row: filehub, the baseline, the ratio with its spread, and the target."""
    head = ("", "filehub", "baseline", "result (lowest to highest)", "target", "")
    lines = [head, *map(_cells, rows)]
    return _aligned(lines)


def comparison(before: Results, after: Results) -> str:
    """The results of two runs side by side, and the change of each median in percent."""
    head = ("", "A", "B", "change")
    lines = [head]
    for benchmark, name in _names(before, after):
        a, b = _find(before, benchmark, name), _find(after, benchmark, name)
        lines.append((f"{benchmark}: {name}", _short(a), _short(b), _change(a, b)))
    return _aligned(lines)


def _names(*several: Results) -> Iterator[tuple[str, str]]:
    """Each benchmark and row that any of the runs has, once, in the order of the runs."""
    pairs = (
        (benchmark, row.name)
        for results in several
        for benchmark, rows in results.benchmarks.items()
        for row in rows
    )
    yield from dict.fromkeys(pairs)


def _find(results: Results, benchmark: str, name: str) -> Row | None:
    rows = results.benchmarks.get(benchmark, ())
    return next((row for row in rows if row.name == name), None)


def _short(row: Row | None) -> str:
    found = result(row) if row else None
    return _with_unit(row, found.median) if row and found else "–"


def _change(before: Row | None, after: Row | None) -> str:
    a, b = (result(row) if row else None for row in (before, after))
    if a is None or b is None or not a.median:
        return "–"
    return f"{(b.median / a.median - 1) * 100:+.0f} %"


def _cells(row: Row) -> tuple[str, ...]:
    if row.missing:
        return (row.name, "–", row.baseline or "–", row.missing, _target(row), _verdict(row))
    found = spread(ratios(row) or row.values)
    own = f"{_number(spread(row.values).median)} {row.unit}"
    baseline = "–"
    if row.baseline:
        baseline = f"{_number(spread(row.baseline_values).median)} ({row.baseline})"
    return (row.name, own, baseline, _result(row, found), _target(row), _verdict(row))


def _result(row: Row, found: Spread) -> str:
    return f"{_with_unit(row, found.median)} ({_number(found.low)} to {_number(found.high)})"


def _with_unit(row: Row, value: float) -> str:
    return f"{_number(value)}{'×' if row.baseline else f' {row.unit}'}"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    sign = "≥" if row.target.direction == "at least" else "≤"
    return f"{sign} {_number(row.target.limit)}{'×' if row.baseline else ''}"


def _verdict(row: Row) -> str:
    return {None: "", True: "reached", False: "not reached"}[is_reached(row)]


def _number(value: float) -> str:
    """Three significant digits, without an exponent; large numbers to the unit."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.6f}"


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
