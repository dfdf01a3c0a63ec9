"""docs/api.md, followed exactly."""

from __future__ import annotations

import os
import subprocess

from tests.project import documents
from tests.support.installation import Installation
from tests.support.processes import ROOT


def test_the_commands_in_the_document_work(installation: Installation) -> None:
    """Its blocks, one after another in one shell, beside an installation that runs."""
    blocks = documents.blocks(documents.read("docs/api.md"), "bash")
    assert len(blocks) == 3
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
    assert done.stdout.startswith("single\nthe same upload\n")
    assert '"pointer": "/folder"' in done.stdout
    assert '"next_cursor"' in done.stdout
