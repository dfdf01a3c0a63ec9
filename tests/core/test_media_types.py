"""Media types: their spelling, which are allowed, and which the browser may show."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rules import ANY, allowing
from uploads.core import media_types
from uploads.core.errors import InvalidRequest, TypeNotAllowed

#: The one spelling that botocore leaves out of a signature.
UNSIGNED = "application/x-www-form-urlencoded; charset=utf-8"

SPELLINGS = {
    "as it is": ("image/png", "image/png"),
    "upper case": ("IMAGE/PNG", "image/png"),
    "spaces around": ("  image/png ", "image/png"),
    "a space before the parameter": ("text/plain; charset=utf-8", "text/plain;charset=utf-8"),
    "spaces on both sides": ("text/plain ;  charset=utf-8", "text/plain;charset=utf-8"),
    "the case of a value stays": ("text/plain;x=ABC", "text/plain;x=ABC"),
    "two parameters": ("a/b; c=d ;e=f", "a/b;c=d;e=f"),
    "a quoted value stays": ('a/b; c="d ; e"', 'a/b;c="d ; e"'),
    "quoted values on both sides": ('a/b; c="; "; d="; "', 'a/b;c="; ";d="; "'),
    "an empty quoted value": ('a/b; c=""', 'a/b;c=""'),
    "a suffix": ("image/svg+xml", "image/svg+xml"),
    "dots": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "a form": (UNSIGNED, "application/x-www-form-urlencoded;charset=utf-8"),
    "none": (None, "application/octet-stream"),
    "empty": ("", "application/octet-stream"),
    "blank": ("  ", "application/octet-stream"),
    "255 characters": ("a/" + "b" * 253, "a/" + "b" * 253),
}


@pytest.mark.parametrize(("given_type", "spelling"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_type_is_normalised(given_type: str | None, spelling: str) -> None:
    assert media_types.check_type(given_type, ANY) == spelling


@pytest.mark.parametrize(("given_type", "spelling"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_the_normalised_type_is_stable(given_type: str | None, spelling: str) -> None:
    assert media_types.check_type(spelling, ANY) == spelling


@given(
    st.from_regex(
        re.compile(
            r"\s{0,3}application/x-www-form-urlencoded\s{0,3};\s{0,3}charset=utf-8\s{0,3}", re.I
        ),
        fullmatch=True,
    )
)
def test_every_spelling_of_the_form_type_is_normalised_to_a_signed_one(
    given_type: str,
) -> None:
    assert media_types.check_type(given_type, ANY) != UNSIGNED


NOT_TYPES = {
    "a word": "png",
    "no subtype": "image/",
    "no type": "/png",
    "two slashes": "image/png/x",
    "a header after it": "text/plain\r\nX: y",
    "a header after a parameter": "text/plain;a=b\r\nX: y",
    "a header in a quoted value": 'text/plain;a="b\r\nX: y"',
    "a newline in the subtype": "text/pl\nain",
    "a null": "text/plain\0",
    "a parameter without a value": "text/plain;charset",
    "a parameter without a name": "text/plain;=utf-8",
    "nothing after the semicolon": "text/plain;",
    "an open quote": 'text/plain;a="b',
    "a list": "text/plain, text/html",
    "accents": "text/plaïn",
    "accents in a quoted value": 'text/plain;a="é"',
    "a lone surrogate": "text/plain\ud800",
    "a lone surrogate in a quoted value": 'text/plain;a="\ud800"',
    "256 characters": "a/" + "b" * 254,
    "a very long one": "a/b" + ";c=d" * 100_000,
}


@pytest.mark.parametrize("text", NOT_TYPES.values(), ids=NOT_TYPES.keys())
def test_an_invalid_media_type_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        media_types.check_type(text, ANY)
    assert caught.value.code == "invalid_content_type"


def test_an_emoji_in_a_quoted_value_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        media_types.check_type('text/plain;a="😀"', ANY)


@given(st.text(st.characters(max_codepoint=0xFFFF)))
def test_a_random_type_becomes_printable_ascii_or_is_refused(text: str) -> None:
    try:
        spelling = media_types.check_type(text, ANY)
    except InvalidRequest:
        return
    assert spelling.isascii()
    assert spelling.isprintable()


RANGES = {
    "everything": ("image/png", ("*",), True),
    "everything, written out": ("image/png", ("*/*",), True),
    "the type itself": ("image/png", ("image/png",), True),
    "its group": ("image/png", ("image/*",), True),
    "the second of two": ("image/png", ("text/plain", "image/*"), True),
    "another case": ("IMAGE/PNG", ("image/png",), True),
    "with a parameter": ("text/plain;charset=utf-8", ("text/plain",), True),
    "another type": ("image/png", ("image/jpeg",), False),
    "another group": ("image/png", ("text/*",), False),
    "a longer subtype": ("image/pngx", ("image/png",), False),
    "a group that only begins so": ("imagex/png", ("image/*",), False),
    "no range at all": ("image/png", (), False),
    "a range in a parameter": ("text/html;a=image/png", ("image/png",), False),
}


@pytest.mark.parametrize(("text", "allowed", "is_allowed"), RANGES.values(), ids=RANGES.keys())
def test_a_type_is_allowed_when_one_of_the_ranges_covers_it(
    text: str, allowed: tuple[str, ...], is_allowed: bool
) -> None:
    assert media_types.is_type_allowed(text, allowed) is is_allowed


def test_the_error_for_a_type_outside_the_ranges_names_the_ranges() -> None:
    with pytest.raises(TypeNotAllowed, match=r"text/html .* Accepted: image/\*, text/plain\.$"):
        media_types.check_type("text/html", allowing("image/*", "text/plain"))


def test_an_empty_type_is_checked_against_the_ranges_too() -> None:
    with pytest.raises(TypeNotAllowed):
        media_types.check_type("", allowing("image/*"))


@pytest.mark.parametrize(
    "content_type",
    [
        "image/png",
        "image/jpeg",
        "IMAGE/PNG",
        "image/webp",
        "application/pdf",
        "audio/mpeg",
        "video/mp4",
        "text/plain",
        "text/plain;charset=utf-8",
    ],
)
def test_a_type_that_cannot_run_script_is_shown(content_type: str) -> None:
    assert media_types.is_safe_inline(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        "image/svg+xml",
        "IMAGE/SVG+XML",
        "image/svg+xml;charset=utf-8",
        "text/html",
        "text/html;charset=utf-8",
        " text/html",
        "application/xhtml+xml",
        "text/xml",
        "application/xml",
        "text/javascript",
        "application/javascript",
        "text/css",
        "text/plainx",
        "image/pngx",
        "image/*",
        "application/octet-stream",
        "application/x-shockwave-flash",
        "multipart/x-mixed-replace",
        "text/html;image/png",
        "",
    ],
)
def test_a_type_that_may_run_script_is_not_shown(content_type: str) -> None:
    assert not media_types.is_safe_inline(content_type)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("image/png", "image"),
        ("video/mp4", "video"),
        ("audio/ogg", "audio"),
        ("application/pdf", "pdf"),
        ("application/zip", "archive"),
        ("text/plain;charset=utf-8", "text"),
        ("text/html", "code"),
        ("APPLICATION/JSON", "code"),
        ("application/vnd.ms-excel", "document"),
        ("application/vnd.oasis.opendocument.text", "document"),
        ("application/octet-stream", "other"),
        ("", "other"),
    ],
)
def test_a_type_has_the_icon_of_its_group(content_type: str, kind: str) -> None:
    assert media_types.kind(content_type) == kind
