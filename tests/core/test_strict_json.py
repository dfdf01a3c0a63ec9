"""Strict parsing of untrusted JSON."""

from __future__ import annotations

import sys

import pytest

from uploads.core.strict_json import parse_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (
            '{"a": [1, 2.5, true, null, "\\u00e9\\ud83d\\ude00"]}',
            {"a": [1, 2.5, True, None, "é😀"]},
        ),
        (b' "\xc3\xa9" ', "é"),
        ('"\\u0000"', "\x00"),
        ("9" * 4_300, int("9" * 4_300)),
    ],
    ids=["text", "bytes", "an escaped null", "a long number"],
)
def test_json_is_read(text: str | bytes, value: object) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        b"\xff",
        b"\xef\xbb\xbf{}",
        "[1,]",
        "[1] [2]",
        "NaN",
        "[-Infinity]",
        '{"a": 1, "a": 1}',
        '"\x00"',
        '"\\ud800"',
        '"\ud800"',
        "9" * 4_301,
        "[" * 202 + "]" * 202,
        "[" * 1_000_000,
        '{"a":' * 1_000_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_invalid_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"at line 1 column \d+$|surrogates not allowed$"):
        parse_json(text)


def test_a_deep_document_does_not_use_pythons_stack() -> None:
    """At the end of the stack, a finaliser of the garbage collector would fail silently."""
    document = "[" * 201 + "]" * 201

    def down(frames: int) -> object:
        return down(frames - 1) if frames else parse_json(document)

    here, frame = 0, sys._getframe()
    while frame.f_back is not None:
        here, frame = here + 1, frame.f_back
    # Fewer frames are left than the depth of the document, but enough for such a finaliser.
    value = down(sys.getrecursionlimit() - here - 150)
    for _ in range(200):
        assert isinstance(value, list)
        (value,) = value
    assert value == []
