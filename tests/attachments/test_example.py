"""The tests of the example project run, as those of a project with the wheel do: without AWS."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.processes import ROOT


def installed(directory: Path) -> Path:
    """The app with the files that the wheel has in its folder, without building one."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = settings["tool"]["hatch"]["build"]["targets"]["wheel"]
    for source, target in ({"uploads": "uploads"} | wheel["force-include"]).items():
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        (directory / target).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / source, directory / target)
    return directory


@pytest.mark.exhaustive
def test_the_example_project_tests_its_form(tmp_path: Path) -> None:
    ours = ("FILEHUB_", "DJANGO_", "DATABASE_", "CELERY_", "PYTEST_", "AWS_")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join([str(installed(tmp_path)), "."])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini", "shop/tests.py"],
        cwd=ROOT / "examples" / "mysite",
        env=environment | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
