"""The client on the other versions of Python that it supports.

Those of its tests that need no site run there with the pure Python packages of this environment, so
that nothing has to be installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.plugin import FIGURE
from tests.support.processes import ROOT

#: Tests that need neither a site nor a compiled package.
PURE = [
    path
    for path in sorted((ROOT / "tests/filehub_client").glob("test_*.py"))
    if not re.search(r"tests\.support|conftest|hypothesis", path.read_text(encoding="utf-8"))
]


def _interpreter(version: str) -> str | None:
    """The path of this version of Python, in the path or installed by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python")]
    return next((str(path) for path in candidates if path and _works(path)), None)


def _works(python: str | Path) -> bool:
    """pyenv puts commands into the path that only say which versions there are."""
    return subprocess.run([python, "-c", ""], capture_output=True, timeout=60).returncode == 0


def _run(python: str, *arguments: str | Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{sysconfig.get_paths()['purelib']}",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    done = subprocess.run(
        [python, "-W", "error", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-5000:]}{done.stderr[-5000:]}"


@pytest.mark.exhaustive
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_the_client_works_on(version: str, record_property: Callable[[str, object], None]) -> None:
    python = _interpreter(version)
    if python is None:
        missing = f"Python {version} was not found, so the client was NOT tested with it."
        record_property(FIGURE, missing)
        pytest.skip(missing)
    assert len(PURE) >= 9
    options = [
        "-q",
        "-c",
        os.devnull,
        f"--rootdir={ROOT}",
        "--noconftest",
        "-p",
        "no:cacheprovider",
    ]
    _run(python, "-m", "pytest", *options, *PURE)
    _run(python, "-m", "filehub_client", "--help")
