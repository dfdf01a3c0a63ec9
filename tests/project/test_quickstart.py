"""docs/quickstart.md, followed exactly."""

from __future__ import annotations

import os
import subprocess

from tests.project import documents
from tests.support.installation import Installation
from tests.support.processes import ROOT


def test_the_quick_start_works_from_the_checkout(installation: Installation) -> None:
    """Its blocks, one after another in one shell, beside an installation that runs."""
    blocks = documents.blocks(documents.read("docs/quickstart.md"), "bash")
    assert len(blocks) == 5
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_"))
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="\n".join(blocks),
        cwd=ROOT,
        env=environment | {"LOCAL_DIR": str(installation.directory / "local")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "\nstored\n" in done.stdout
    assert '"file_name": "hello.txt"' in done.stdout
    assert done.stdout.endswith("the same\n")
