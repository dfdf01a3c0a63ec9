"""Which tags and contexts are accepted, and that metadata carry them unchanged."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from uploads.aws import metadata, s3
from uploads.core import labels
from uploads.core.errors import InvalidRequest
from uploads.core.labels import NO_LABELS, Labels


def nested(levels: int) -> dict[str, Any]:
    """Objects in objects."""
    return {"a": nested(levels - 1)} if levels > 1 else {}


def sized(size: int) -> dict[str, str]:
    """A context that takes this many bytes as JSON."""
    return {"a": "x" * (size - len('{"a":""}'))}


GOOD_TAGS: dict[str, tuple[list[Any], tuple[str, ...]]] = {
    "none": ([], ()),
    "in their order": (["b", "a"], ("b", "a")),
    "duplicates": (["a", "b", "a"], ("a", "b")),
    "decomposed": (["Cafe\u0301"], ("Caf\u00e9",)),
    "the same after normalization": (["Cafe\u0301", "Caf\u00e9"], ("Caf\u00e9",)),
    "emoji and quotes": (['👩‍👩‍👧 "x", \\y'], ('👩‍👩‍👧 "x", \\y',)),
    "the longest": (["x" * 64], ("x" * 64,)),
    "ten": (list("abcdefghij"), tuple("abcdefghij")),
}
BAD_TAGS: dict[str, list[Any]] = {
    "eleven": list("abcdefghijk"),
    "too long": ["x" * 65],
    "too long in UTF-8": ["ä" * 33],
    "empty": [""],
    "spaces": ["  "],
    "invisible": ["\u200b"],
    "NUL": ["a\0"],
    "a control character": ["a\n"],
    "half of a surrogate pair": ["\ud800"],
    "a number": [1],
    "null": [None],
    "a list": [["a"]],
}
GOOD_CONTEXTS: dict[str, tuple[Any, str]] = {
    "none": (None, ""),
    "empty": ({}, ""),
    "compact": ({"order": 7, "who": None}, '{"order":7,"who":null}'),
    "unicode": ({"name": "Jörg 👍"}, '{"name":"Jörg 👍"}'),
    "escapes": ({"a": 'x"\n\x1f'}, '{"a":"x\\"\\n\\u001f"}'),
    "the deepest": (nested(16), '{"a":' * 15 + "{}" + "}" * 15),
    "the largest": (sized(1024), '{"a":"' + "x" * 1016 + '"}'),
    "a large number": ({"n": 10**30}, '{"n":1' + "0" * 30 + "}"),
}
BAD_CONTEXTS: dict[str, Any] = {
    "a list": ["a"],
    "text": "{}",
    "a number": 0,
    "false": False,
    "too deep": nested(17),
    "far too deep": {"a": [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]},
    "too large": sized(1025),
    "too large in UTF-8": {"a": "ä" * 509},
    "NUL in a value": {"a": "\0"},
    "NUL in a key": {"b": [{"\0": 1}]},
    "half of a surrogate pair": {"a": "\ud800"},
    "infinite": {"a": float("inf")},
    "not a number": {"a": [float("nan")]},
}


@pytest.mark.parametrize(("tags", "expected"), GOOD_TAGS.values(), ids=GOOD_TAGS)
def test_tags_that_are_accepted(tags: list[Any], expected: tuple[str, ...]) -> None:
    found = labels.check_tags(tags)
    assert found == expected
    encoded = labels.encode(Labels(found))
    assert labels.decode(encoded.get("tags"), None).tags == expected


@pytest.mark.parametrize("tags", BAD_TAGS.values(), ids=BAD_TAGS)
def test_tags_that_are_refused(tags: list[Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        labels.check_tags(tags)
    assert caught.value.code == "invalid_tags"
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(("context", "expected"), GOOD_CONTEXTS.values(), ids=GOOD_CONTEXTS)
def test_contexts_that_are_accepted(context: Any, expected: str) -> None:
    found = labels.check_context(context)
    assert found == expected
    assert labels.parse_context(found) == (context or {})
    encoded = labels.encode(Labels((), found))
    assert all(value.isascii() and value.isprintable() for value in encoded.values())
    assert labels.decode(None, encoded.get("context")).context == expected


@pytest.mark.parametrize("context", BAD_CONTEXTS.values(), ids=BAD_CONTEXTS)
def test_contexts_that_are_refused(context: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        labels.check_context(context)
    assert caught.value.code == "invalid_context"
    assert caught.value.message.endswith(".")


def coded(text: bytes) -> str:
    return urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "", "=", "a", "%", "{}", "ä", "\ud800", "!!!!", coded(b"{"), coded(b"\xff\xfe"),
        coded(b'"a"'), coded(b"[1]"), coded(b'[""]'), coded(b'["a","a\\u0000"]'), coded(b"NaN"),
        coded(b'{"a":1,"a":2}'), coded(b"[" * 1000), coded(b'{"a":' * 250),
        coded(b'{"a":"' + b"x" * 2000 + b'"}'), coded(b'["\\ud800"]'), coded(b"null"),
    ],
)  # fmt: skip
def test_hostile_metadata_have_no_labels(text: str) -> None:
    assert labels.decode(text, text) == NO_LABELS


def test_one_of_the_two_may_be_invalid() -> None:
    assert labels.decode("!", coded(b'{"a":1}')) == Labels((), '{"a":1}')
    assert labels.decode(coded(b'["a"]'), "!") == Labels(("a",))


def test_what_is_signed_fits_into_what_s3_accepts() -> None:
    full = Labels(tuple("abcdefghij"), labels.check_context(sized(1024)))
    # A full context leaves room for tags, an ordinary name and an ordinary folder.
    signed = s3.metadata("1234567", "Rechnung März 2026.pdf", "Fotos/Urlaub", labels.encode(full))
    assert metadata.parse(signed).labels == full
    with pytest.raises(InvalidRequest) as caught:
        s3.metadata("7", "ä" * 127, "", labels.encode(full))
    assert caught.value.code == "metadata_too_large"
    # The longest name and folder, without labels, as in all earlier versions.
    assert s3.metadata("7", "ä" * 127, "/".join(["ä" * 99] * 2))
