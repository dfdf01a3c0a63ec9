"""docs/api.md, followed exactly."""

from __future__ import annotations

import pytest

from tests.project import documents
from tests.support.installation import Installation


@pytest.mark.exhaustive
def test_the_commands_in_the_document_work(installation: Installation) -> None:
    output = documents.run_commands("docs/api.md", installation, number=3)
    assert output.startswith("single\nthe same upload\n")
    assert '"pointer": "/folder"' in output
    assert '"next_cursor"' in output
