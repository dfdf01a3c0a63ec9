"""The types of files in plain words."""

from __future__ import annotations

import pytest
from django.utils import translation

from uploads.core import media_types, type_lists
from uploads.core.type_names import _NAMES, type_name

OOXML = "application/vnd.openxmlformats-officedocument."
NAMES = {
    "application/pdf": "PDF",
    "application/x-pdf": "PDF",
    "image/jpeg": "Image",
    "image/svg+xml": "Image",
    "video/mp4": "Video",
    "application/mp4": "Video",
    "audio/mpeg": "Audio",
    "text/plain": "Text",
    "text/plain;charset=utf-16": "Text",
    "text/x-log": "Text",
    "text/html": "Web page",
    "text/csv": "CSV table",
    "application/csv": "CSV table",
    "text/x-python": "Code",
    "application/json": "JSON",
    "application/msword": "Word document",
    "application/vnd.ms-word": "Word document",
    f"{OOXML}wordprocessingml.document": "Word document",
    f"{OOXML}spreadsheetml.sheet": "Excel spreadsheet",
    "application/x-msexcel": "Excel spreadsheet",
    f"{OOXML}presentationml.presentation": "PowerPoint presentation",
    f"{OOXML}something.new": "Document",
    "application/vnd.oasis.opendocument.text": "Text document",
    "application/rtf": "Document",
    "application/zip": "ZIP archive",
    "application/x-zip-compressed": "ZIP archive",
    "application/x-7z-compressed": "Archive",
    "message/rfc822": "Email",
    "application/epub+zip": "E-book",
    "application/octet-stream": "File",
    "application/x-unknown": "File",
    "": "File",
    "nonsense": "File",
}


@pytest.mark.parametrize("content_type", NAMES)
def test_a_type_has_a_name_that_people_know(content_type: str) -> None:
    assert type_name(content_type) == NAMES[content_type]


def test_names_are_given_to_types_in_their_usual_spelling() -> None:
    """Others would never be found."""
    assert [name for name in _NAMES if media_types.usual(name) != name] == []


def test_every_group_has_a_name_in_every_language() -> None:
    for language in ("en", "de"):
        with translation.override(language):
            assert all(type_name(f"{group}/x") for group in ("image", "video", "audio", "text"))
    assert len(type_lists.KINDS) == 9
