"""docs/quickstart.md, followed exactly."""

from __future__ import annotations

from tests.project import documents
from tests.support.installation import Installation


def test_the_quick_start_works_from_the_checkout(installation: Installation) -> None:
    output = documents.run_commands("docs/quickstart.md", installation, number=5)
    assert "\nstored\n" in output
    assert '"file_name": "hello.txt"' in output
    assert output.endswith("the same\n")
