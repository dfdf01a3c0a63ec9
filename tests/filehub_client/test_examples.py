"""Every example of docs/client.md, beside an installation that runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import documents
from tests.support.installation import Installation
from tests.support.processes import ROOT


def _blocks(language: str) -> list[str]:
    return documents.blocks(documents.read("docs/client.md"), language)


@pytest.fixture
def environment(tmp_path: Path, clean: Installation, token_file: Path) -> dict[str, str]:
    """As after an installation with pip: the package is found, and the command is in the path."""
    command = tmp_path / "bin" / "filehub"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m filehub_client "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "FILEHUB_URL": clean.url,
        "FILEHUB_TOKEN_FILE": str(token_file),
    }


def _run(command: list[str], text: str, cwd: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, input=text, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.exhaustive
def test_the_examples_of_the_command_work(tmp_path: Path, environment: dict[str, str]) -> None:
    (block,) = _blocks("bash")
    output = _run(["bash", "-euo", "pipefail"], block, tmp_path, environment)
    assert [line.split()[1] for line in output.splitlines()[:3]] == ["stored"] * 3
    assert output.count("  Trips/photos/1.txt\n") == 1
    assert (tmp_path / "copies/Trips/photos/1.txt").read_bytes() == b"one"
    assert re.search(r"saved +copy.txt\n", output)
    assert output.rstrip().endswith("deleting")
    assert (tmp_path / "copy.txt").read_bytes() == b"Hello\n"
    # Nothing is left to resume.
    assert list((tmp_path / ".local" / "state" / "filehub").iterdir()) == []


@pytest.mark.exhaustive
def test_the_examples_in_python_work(tmp_path: Path, environment: dict[str, str]) -> None:
    blocks = _blocks("python")
    assert len(blocks) == 4
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "1.txt").write_bytes(b"one")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "downloads").mkdir()
    output = _run([sys.executable, "-"], "\n".join(blocks), tmp_path, environment)
    assert "Reports/2026 report.pdf\n" in output
    assert "{'stored'}\n" in output
    assert "\nnot_authenticated Sign in" in output
    assert (tmp_path / "downloads/Reports/2026/report.pdf").read_bytes() == b"%PDF-1.7\n"
