"""Find the rows of a project that refer to files, through its fields `StoredFileField`.

This costs one SQL query for each of these fields.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.apps import apps
from django.db import models, router


def claim_of(field: Any, pk: object) -> str:
    """How a record names the row that has claimed its file."""
    return f"{field.key}:{pk}"


def find(upload_ids: Collection[str]) -> dict[str, str]:
    """Those of these ids that a row refers to, with the name of that row (`claim_of`)."""
    found: dict[str, str] = {}
    for model, field in _fields():
        rows = model._base_manager.using(router.db_for_write(model)).filter(
            **{f"{field.attname}__in": list(upload_ids)}
        )
        found |= {upload_id: claim_of(field, pk) for upload_id, pk in _values(rows, field)}
    return found


def _values(rows: Any, field: Any) -> Iterator[tuple[str, object]]:
    yield from rows.values_list(field.attname, "pk")


def _fields() -> Iterator[tuple[type[models.Model], Any]]:
    """The fields of installed models, each once. `uploads.fields` marks them."""
    for model in apps.get_models():
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_fields:
            if getattr(field, "refers_to_files", False):
                yield model, field
