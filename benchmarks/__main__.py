"""The command line: run benchmarks, or compare two results. See docs/performance.md.

    python -m benchmarks run [--only sign,confirm] [--rounds 5] [--scale 1.0]
    python -m benchmarks compare A.json B.json
    python -m benchmarks cost [--stored] [--prices FILE]

Each benchmark runs in a process of its own, because Django can be set up only once in a process.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import FrameType

from benchmarks import machine
from benchmarks.cost import command as cost
from benchmarks.figures import Row
from benchmarks.results import (
    Results,
    comparison,
    from_json,
    rows_from_json,
    rows_to_json,
    table,
    to_json,
)
from benchmarks.site import DIRECTORY, ROOT, Site
from benchmarks.turns import Effort

#: Benchmarks in the order in which they run; each is a module of this package.
BENCHMARKS = ("sign", "confirm", "latency", "browser", "listing", "start")
#: Seconds that a benchmark has to stop all that it has started.
GRACE = 120


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 1 if a benchmark could not be run, whatever targets are reached."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130


def _stop_on_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    """End the benchmark once; a second Ctrl-C must not interrupt the cleanup."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure filehub's speed.")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run benchmarks")
    run.add_argument("--only", type=_names, default=BENCHMARKS, help="names with commas between")
    run.add_argument("--rounds", type=int, default=5, help="how often each program runs")
    run.add_argument("--scale", type=float, default=1.0, help="factor for the work of each round")
    run.add_argument("--results", type=Path, default=DIRECTORY, help="directory of the JSON file")
    run.set_defaults(run=_run)
    compare = commands.add_parser("compare", help="compare two results")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.set_defaults(run=_compare)
    costs = commands.add_parser(
        "cost", help="count requests and compute what AWS bills (docs/cost.md)"
    )
    cost.add_arguments(costs)
    costs.set_defaults(run=_cost)
    one = commands.add_parser("one", help="run one benchmark in this process and write its rows")
    one.add_argument("name", choices=BENCHMARKS)
    one.add_argument("output", type=Path)
    one.add_argument("--rounds", type=int, required=True)
    one.add_argument("--scale", type=float, required=True)
    one.set_defaults(run=_one)
    return parser


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"choose from {', '.join(BENCHMARKS)}")
    return names


def _run(options: argparse.Namespace) -> int:
    _stop_on_signals()
    began = datetime.now(UTC)
    benchmarks: dict[str, tuple[Row, ...]] = {}
    failed = []
    for name in options.only:
        print(f"\n{name} …", flush=True)
        rows = _in_own_process(name, options)
        if rows is None:
            failed.append(name)
            continue
        benchmarks[name] = rows
        print(table(rows), flush=True)
    _report_missing(benchmarks)
    if failed:
        print(f"\nFAILED: {', '.join(failed)}", file=sys.stderr)
    if benchmarks:
        results = Results(began.isoformat(timespec="seconds"), machine.describe(), benchmarks)
        print(f"\nWritten to {_write(results, options.results)}")
    return 1 if failed else 0


def _in_own_process(name: str, options: argparse.Namespace) -> tuple[Row, ...] | None:
    """Run one benchmark; None if it failed. Its errors are printed."""
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "rows.json"
        child = subprocess.Popen(
            [
                sys.executable, "-m", "benchmarks", "one", name, str(output),
                "--rounds", str(options.rounds), "--scale", str(options.scale),
            ],
            cwd=ROOT,
        )  # fmt: skip
        try:
            status = child.wait()
        finally:
            if child.poll() is None:
                child.terminate()
                child.wait(GRACE)
        return rows_from_json(json.loads(output.read_text())) if status == 0 else None


def _one(options: argparse.Namespace) -> int:
    _stop_on_signals()
    with Site() as site:
        # Its imports need the settings.
        benchmark = import_module(f"benchmarks.{options.name}")
        rows = benchmark.run(site, Effort(options.rounds, options.scale))
    options.output.write_text(json.dumps(rows_to_json(rows)))
    return 0


def _report_missing(benchmarks: dict[str, tuple[Row, ...]]) -> None:
    missing = [row for rows in benchmarks.values() for row in rows if row.missing]
    for row in missing:
        print(f"\nNOT MEASURED: {row.name}: {row.missing}", file=sys.stderr)


def _write(results: Results, directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{results.began_at[:19].replace(':', '')}.json"
    path.write_text(to_json(results), encoding="utf-8")
    return path


def _compare(options: argparse.Namespace) -> int:
    try:
        before, after = (
            from_json(path.read_text(encoding="utf-8")) for path in (options.before, options.after)
        )
    except (OSError, ValueError) as exc:
        print(f"The results cannot be compared: {exc}", file=sys.stderr)
        return 1
    print(f"A: {before.began_at}, {before.machine.get('commit', '?')}")
    print(f"B: {after.began_at}, {after.machine.get('commit', '?')}\n")
    print(comparison(before, after))
    return 0


def _cost(options: argparse.Namespace) -> int:
    _stop_on_signals()
    return cost.run(options)


if __name__ == "__main__":
    sys.exit(main())
