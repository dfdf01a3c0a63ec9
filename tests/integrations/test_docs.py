"""The examples in docs/webhooks.md are what filehub sends, and run."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.project import documents
from uploads.files.file_events import EVENT_TYPES, EventFile, FileEvent
from uploads.integrations.webhooks import payload

TEXT = documents.read("docs/webhooks.md")
EXAMPLES = [json.loads(block) for block in documents.blocks(TEXT, "json")]


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["type"] for example in EXAMPLES])
def test_an_example_is_what_is_sent(example: dict[str, Any]) -> None:
    file = dict(example["data"])
    event = FileEvent(
        id="evt",
        type=example["type"],
        occurred_at=example["timestamp"],
        sequence=file.pop("sequence"),
        previous=file.pop("previous", None),
        file=file,
    )
    assert json.loads(payload.body_of(event)) == example


def test_every_event_and_every_field_is_documented() -> None:
    events = documents.first_column(TEXT.split("\n## Signals")[0])
    assert [name for name in events if "." in name] == list(EVENT_TYPES)
    fields = documents.first_column(documents.section(TEXT, "Fields"))
    assert set(fields) == EventFile.model_fields.keys()


@pytest.mark.parametrize("block", documents.blocks(TEXT, "python"))
def test_the_code_runs(block: str) -> None:
    namespace: dict[str, Any] = {"__name__": "shop.apps"}
    exec(compile(block, "docs/webhooks.md", "exec"), namespace)
    assert re.findall(r"^(?:class|def) (\w+)", block, re.MULTILINE)
