"""The record: only the store writes it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.files import store
from uploads.files.record import StoredFile

WRITES: dict[str, tuple[Any, ...]] = {
    "save": (),
    "update": ([StoredFile.state.set("deleted")],),
    "delete": (),
}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("method", "arguments"), WRITES.items(), ids=WRITES.keys())
def test_pynamodbs_own_writes_are_refused_because_they_would_break_the_counters(
    method: str, arguments: tuple[Any, ...]
) -> None:
    upload_id = store("7")
    record = StoredFile.get(upload_id)
    before = record.attribute_values
    with pytest.raises(TypeError, match=r"written by uploads\.files\.store"):
        getattr(record, method)(*arguments)
    assert StoredFile.get(upload_id).attribute_values == before
