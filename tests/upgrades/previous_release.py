"""The previous release as it was deployed: its code, with its own packages in an environment of its
own. Both are made from the git history, so a shallow clone has neither.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from tests.support.processes import ROOT
from tests.support.site import Release

#: The release before this one. There is no tag yet: it is the last commit before the wheel.
PREVIOUS = "ca2d018c43f856bb274ccc25aae2e3dbc4ecaa3b"


def is_in_history() -> bool:
    """Whether this checkout has the previous release's commit."""
    command = ["git", "-C", str(ROOT), "cat-file", "-e", f"{PREVIOUS}^{{commit}}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def install(directory: Path) -> Release:
    """Check the previous release out and install its packages. Needs PyPI, or uv's cache."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", PREVIOUS], capture_output=True, check=True
    ).stdout
    code, environment = directory / "previous", directory / "previous-venv"
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(code, filter="data")
    uv = str(Path(sys.executable).with_name("uv"))
    python = environment / "bin" / "python"
    for arguments in (
        ("venv", "--python", sys.executable, str(environment)),
        ("pip", "install", "--python", str(python), "--require-hashes", "-r",
         str(code / "requirements.txt")),
    ):  # fmt: skip
        done = subprocess.run([uv, "--quiet", *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return Release(code, python)
