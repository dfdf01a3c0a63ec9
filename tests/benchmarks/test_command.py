"""`make bench` with tiny numbers: a benchmark runs, and nothing is left when it is interrupted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks.__main__ import BENCHMARKS, main
from tests.support.processes import ROOT
from tests.support.waiting import wait_for

#: Each looks at what others leave in the folder of benchmarks.
pytestmark = pytest.mark.xdist_group("benchmarks")

TINY = ("run", "--only", "sign", "--rounds", "1", "--scale", "0.01")


@pytest.fixture
def without_node(tmp_path: Path) -> dict[str, str]:
    """An environment in which only the programs of filehub itself are found."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sh").symlink_to(shutil.which("sh") or "")
    return {**os.environ, "PATH": str(programs)}


def start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A group of its own, which is interrupted as a whole, as a terminal does it.
        start_new_session=True,
    )


@pytest.mark.exhaustive
def test_a_benchmark_measures_writes_its_results_and_names_what_is_missing(
    without_node: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = start(without_node, *TINY, "--results", str(tmp_path / "results"))
    output, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors
    assert "constant Django view" in output
    assert "NOT MEASURED: POST /get-url / Companion GET /s3/params: node is not installed" in errors
    [path] = (tmp_path / "results").glob("*.json")
    rows = {row["name"]: row for row in json.loads(path.read_text())["benchmarks"]["sign"]}
    measured = rows["POST /get-url / constant Django view"]
    assert len(measured["values"]) == len(measured["baseline_values"]) == 1
    assert min(*measured["values"], *measured["baseline_values"]) > 0
    assert main(["compare", str(path), str(path)]) == 0
    assert "+0 %" in capsys.readouterr().out


def descendants(pid: int, program: str) -> list[psutil.Process]:
    """All processes that this one has started, once one of them runs this program."""
    children = psutil.Process(pid).children(recursive=True)
    lines = []
    for child in children:
        try:
            lines.append(" ".join(child.cmdline()))
        except psutil.Error:  # It has just ended.
            continue
    return children if any(program in line for line in lines) else []


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("program", "number"),
    [
        ("ministack", signal.SIGINT),
        pytest.param("ministack", signal.SIGTERM, marks=pytest.mark.exhaustive),
        pytest.param("constant_site", signal.SIGINT, marks=pytest.mark.exhaustive),
        pytest.param("constant_site", signal.SIGTERM, marks=pytest.mark.exhaustive),
    ],
)
def test_no_process_and_no_data_is_left_after_an_interruption(
    without_node: dict[str, str], tmp_path: Path, program: str, number: signal.Signals
) -> None:
    before = set((ROOT / ".local" / "bench").glob("site-*"))
    child = start(without_node, *TINY, "--results", str(tmp_path))
    running = wait_for(lambda: descendants(child.pid, program))
    # Ctrl-C reaches the whole group, `kill` only the first process.
    if number == signal.SIGINT:
        os.killpg(child.pid, number)
    else:
        child.send_signal(number)
    child.communicate(timeout=120)
    assert child.returncode == 130
    _, alive = psutil.wait_procs(running, timeout=10)
    assert alive == []
    assert set((ROOT / ".local" / "bench").glob("site-*")) <= before


@pytest.mark.parametrize("names", ["", ",", "unknown", "sign,unknown"])
def test_an_unknown_benchmark_is_refused(names: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--only", names])
    assert ", ".join(BENCHMARKS) in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_what_is_no_result_cannot_be_compared(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_text(content)
    assert main(["compare", str(path), str(path)]) == 1
    assert "cannot be compared" in capsys.readouterr().err


def test_every_benchmark_is_a_module_with_a_function_run() -> None:
    for name in BENCHMARKS:
        text = (ROOT / "benchmarks" / f"{name}.py").read_text(encoding="utf-8")
        assert "def run(site: Site, effort: Effort) -> list[Row]:" in text
