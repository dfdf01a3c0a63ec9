"""The setting DESTINATIONS: what it may say, and one sentence for each mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from uploads.core.conf import InvalidSettings, validate
from uploads.core.destinations import Destination, covers

LIMITS = {"MAX_SIZE": 100, "ALLOWED_TYPES": ("image/*", "text/plain")}


def test_a_destination_from_the_environment() -> None:
    text = """{"photos": {"label": "Fotos für alle", "max_size": 50, "types": "image/png,image/gif",
               "who": ["editors", "press"], "folder": "Photos/2026", "keep_days": 30},
               "any": {}}"""
    conf = validate({**LIMITS, "DESTINATIONS": text})
    # The project passes on what it has read.
    assert validate({name.upper(): value for name, value in conf}) == conf
    assert conf.destinations == {
        "photos": Destination(
            "photos", "Fotos für alle", 50, ("image/png", "image/gif"), ("editors", "press"),
            "Photos/2026", 30,
        ),
        "any": Destination("any"),
    }  # fmt: skip


@pytest.mark.parametrize("value", [{}, "", " ", "{}"])
def test_no_destinations(value: Any) -> None:
    assert validate({"DESTINATIONS": value}).destinations == {}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("{", "it is not JSON"),
        ('{"a": {}, "a": {}}', "it is not JSON"),
        ("[]", "it is not an object"),
        (7, "it is not an object"),
        ({"A b": {}}, "'A b' is not a name"),
        ({"x" * 41: {}}, "is not a name"),
        ({"a": []}, "the destination 'a' is not an object"),
        ({"a": {"size": 1}}, "size is not one of label, max_size, types"),
        ({"a": {"max_size": "1"}}, "max_size: input should be a valid integer"),
        ({"a": {"max_size": 0}}, "max_size: input should be greater than or equal to 1"),
        ({"a": {"max_size": 101}}, "max_size: it is larger than MAX_SIZE, 100"),
        ({"a": {"types": "video"}}, "types: 'video' is not a content type"),
        ({"a": {"types": "video/*"}}, "types: 'video/*' is not in ALLOWED_TYPES"),
        ({"a": {"types": "*"}}, "types: '*' is not in ALLOWED_TYPES"),
        ({"a": {"who": []}}, "neither"),
        ({"a": {"who": 7}}, "neither"),
        ({"a": {"folder": "/a"}}, "folder: A folder is written as names"),
        ({"a": {"keep_days": 0}}, "keep_days: input should be greater"),
        ({"a": {"label": "x" * 61}}, "label: string should have at most 60"),
        ({"a": {"label": "a\u202eb"}}, "label: it contains a control character"),
        ({f"a{number}": {} for number in range(51)}, "at most 50 are allowed"),
    ],
    ids=str,
)
def test_a_mistake_is_explained_in_one_sentence(value: Any, problem: str) -> None:
    for given in (value, json.dumps(value)) if isinstance(value, dict) else (value,):
        with pytest.raises(InvalidSettings) as caught:
            validate({**LIMITS, "DESTINATIONS": given})
        assert caught.value.key == "DESTINATIONS"
        assert problem in caught.value.problem
        assert caught.value.problem.endswith(".")


@pytest.mark.parametrize(
    ("ranges", "each", "expected"),
    [
        (("*",), "image/png", True), (("*",), "*", True), (("*/*",), "image/*", True),
        (("image/*",), "image/*", True), (("image/*",), "image/png", True),
        (("image/png",), "image/*", False), (("image/png",), "image/png", True),
        (("image/*",), "*", False), (("text/plain",), "text/html", False),
    ],
)  # fmt: skip
def test_ranges_that_include_others(ranges: tuple[str, ...], each: str, expected: bool) -> None:
    assert covers(ranges, each) is expected


@pytest.mark.parametrize(
    ("folder", "chosen", "expected"),
    [
        ("", "", ""), ("", "A", "A"), ("P", "", "P"), ("P", "A", "P/A"), ("P", "P", "P"),
        ("P", "P/A", "P/A"), ("P", "P2", "P/P2"),
    ],
)  # fmt: skip
def test_the_folder_of_a_destination_contains_the_clients(
    folder: str, chosen: str, expected: str
) -> None:
    assert Destination("a", folder=folder).folder_for(chosen) == expected
