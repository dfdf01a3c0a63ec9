"""Names of files: which are accepted, how they are searched, shown and saved."""

from __future__ import annotations

import json
import sys
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.processes import ROOT
from uploads.core import names
from uploads.core.errors import InvalidRequest

#: Cases on which the server and the page must agree; names.test.js has the same test.
SHARED = json.loads((ROOT / "tests/shared/names.json").read_text())


@pytest.mark.parametrize(("name", "parts"), [(name, parts) for _, name, *parts in SHARED["parts"]])
def test_a_long_name_is_split_so_that_its_end_stays_visible(name: str, parts: list[str]) -> None:
    found = names.name_parts(name)
    assert [found.folder.head, found.folder.tail, found.file.head, found.file.tail] == parts


@given(st.text(max_size=300))
def test_splitting_a_name_loses_nothing(name: str) -> None:
    parts = names.name_parts(name)
    pieces = (parts.folder.head, parts.folder.tail, parts.file.head, parts.file.tail)
    assert "".join(pieces) == names.display_name(name)
    assert parts.file.head or not name
    # The tail is short, and does not begin in the middle of a character.
    assert len(parts.file.tail) <= 20
    assert not unicodedata.category((parts.file.tail or "x")[0]).startswith("M")


# Accepted


VALID_NAMES = {
    "plain": "report.pdf",
    "accents, a plus and a percent sign": "naïve file+v2 100%.txt",
    "japanese": "日本語.pdf",
    "a quote and a semicolon": 'a"b;c.txt',
    "a path": "../../etc/passwd",
    "a windows path": "C:\\temp\\x.txt",
    "one letter": "x",
    "a dot": ".",
    "spaces around": "  x  ",
    "an emoji of several code points": "👩‍👩‍👧.png",
    "right to left": "תמונה.jpg",
    "decomposed": "cafe\u0301.txt",
    "markup": "<script>alert(1)</script>",
    "255 bytes of ascii": "x" * 255,
    "255 bytes of three each": "語" * 85,
    "an invisible character among others": "a\u200bb.txt",
    "an extension after an invisible character": "\u200b.txt",
    "a character that changes the direction, among others": "Rechnung_\u202excod.exe",
    "one combining mark": "\u0301",
    "one heart with a variation selector": "❤\ufe0f",
    "the flag of Scotland, which has tags": "🏴\U000e0067\U000e0062\U000e0073\U000e007f",
    "a private character": "\ue000",
    "a replacement character": "\ufffd",
}


@pytest.mark.parametrize("name", VALID_NAMES.values(), ids=VALID_NAMES.keys())
def test_a_valid_name_is_returned_unchanged(name: str) -> None:
    assert names.check_name(name) == name


INVALID_NAMES = {
    "empty": ("", "missing_file_name"),
    "a space": (" ", "missing_file_name"),
    "tabs and newlines": ("\t\r\n", "missing_file_name"),
    "a wide space": ("\u3000", "missing_file_name"),
    "256 bytes of ascii": ("x" * 256, "name_too_long"),
    "256 bytes in 86 characters": ("語" * 85 + "x", "name_too_long"),
    "a very long one": ("x" * 1_000_000, "name_too_long"),
    "a null": ("a\0b", "invalid_name"),
    "a newline inside": ("a\nb", "invalid_name"),
    "a header injection": ("a\r\nX-Evil: 1", "invalid_name"),
    "a newline at the end": ("a\n", "invalid_name"),
    "a tab": ("a\tb", "invalid_name"),
    "an escape": ("a\x1b[31m", "invalid_name"),
    "delete": ("a\x7f", "invalid_name"),
    "a control character above ascii": ("a\x85b", "invalid_name"),
    "a lone high surrogate": ("a\ud800", "invalid_name"),
    "a lone low surrogate": ("\udc00.txt", "invalid_name"),
    "a zero-width space": ("\u200b", "invalid_name"),
    "a zero-width space among spaces": (" \u200b ", "invalid_name"),
    "a byte order mark": ("\ufeff", "invalid_name"),
    "a word joiner": ("\u2060", "invalid_name"),
    "joiners": ("\u200c\u200d", "invalid_name"),
    "a soft hyphen": ("\u00ad", "invalid_name"),
    "a right-to-left override": ("\u202e", "invalid_name"),
    "every bidirectional control": (
        "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        "invalid_name",
    ),
    "line and paragraph separators between joiners": ("\u200d\u2028\u2029\u200d", "invalid_name"),
    "hangul fillers": ("\u115f\u1160\u3164\uffa0", "invalid_name"),
    "a blank braille pattern": ("\u2800", "invalid_name"),
    "variation selectors": ("\ufe0f\ufe00\U000e0100", "invalid_name"),
    "tags": ("\U000e0041\U000e007f", "invalid_name"),
    "a grapheme joiner": ("\u034f", "invalid_name"),
    "invisible vowels": ("\u17b4\u17b5", "invalid_name"),
    "mongolian separators": ("\u180b\u180e", "invalid_name"),
    "invisible operators": ("\u2061\u2064", "invalid_name"),
    "an invisible note": ("\U0001d159\U0001d173", "invalid_name"),
    "annotations": ("\ufff9\ufffb", "invalid_name"),
    "an object": ("\ufffc", "invalid_name"),
    "a blank hieroglyph": ("\U00013441", "invalid_name"),
    "a reserved character that is ignored": ("\u2065\ufff0\U000e0fff", "invalid_name"),
    "255 bytes of nothing": ("\u200b" * 85, "invalid_name"),
}


@pytest.mark.parametrize(("name", "code"), INVALID_NAMES.values(), ids=INVALID_NAMES.keys())
def test_a_bad_name_is_refused_with_its_code(name: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        names.check_name(name)
    assert caught.value.code == code


def test_a_missing_name_has_the_documented_error() -> None:
    with pytest.raises(InvalidRequest, match=r"^Missing file_name$"):
        names.check_name("")


def test_the_error_for_a_long_name_has_its_size_and_the_limit() -> None:
    with pytest.raises(InvalidRequest, match="300 bytes long; at most 255"):
        names.check_name("é" * 150)


@given(st.text(st.characters()))
def test_a_random_name_is_unchanged_or_refused(name: str) -> None:
    with suppress(InvalidRequest):
        assert names.check_name(name) == name


# Displayed


@pytest.mark.parametrize(("case", "name", "shown"), SHARED["displayed"])
def test_a_displayed_name_has_no_deceptive_characters(case: str, name: str, shown: str) -> None:
    assert names.display_name(name) == shown
    assert names.display_name(shown) == shown


@given(st.text(st.characters()))
def test_a_displayed_name_can_be_encoded_and_stays_on_one_line(name: str) -> None:
    shown = names.display_name(name)
    assert len(shown) == len(name)
    assert len((shown.encode().decode() + ".").splitlines()) == 1


# Saved


@pytest.mark.parametrize(
    ("name", "plain", "exact"),
    [
        ("report.pdf", "report.pdf", "report.pdf"),
        ("report%202024.txt", "report_202024.txt", "report%25202024.txt"),
        ('a"b.txt', "a_b.txt", "a%22b.txt"),
        ("a\\b.txt", "a_b.txt", "a%5Cb.txt"),
        ("a;b.txt", "a_b.txt", "a%3Bb.txt"),
        ("a'b.txt", "a'b.txt", "a%27b.txt"),
        ("../a/b", ".._a_b", "..%2Fa%2Fb"),
        ("=?utf-8?Q?a?=", "=_utf-8_Q_a_=", "%3D%3Futf-8%3FQ%3Fa%3F%3D"),
        ("Übersicht.txt", "Ubersicht.txt", "%C3%9Cbersicht.txt"),
        ("日本 1.txt", "__ 1.txt", "%E6%97%A5%E6%9C%AC%201.txt"),
        ("🎉", "_", "%F0%9F%8E%89"),
        ("a\u202eb", "a_b", "a_b"),
        ("a\r\nX-Evil: 1", "a__X-Evil_ 1", "a__X-Evil%3A%201"),
        ("~a-b_c.d", "~a-b_c.d", "~a-b_c.d"),
    ],
)
def test_the_header_has_a_plain_form_and_the_exact_name(name: str, plain: str, exact: str) -> None:
    expected = f"filename=\"{plain}\"; filename*=UTF-8''{exact}"
    assert names.content_disposition(name) == f"attachment; {expected}"
    assert names.content_disposition(name, inline=True) == f"inline; {expected}"


@given(st.text(st.characters()))
def test_the_header_is_printable_ascii_for_any_name(name: str) -> None:
    header = names.content_disposition(name)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2


# Searching


@pytest.mark.parametrize(("case", "name", "term", "matches"), SHARED["matches"])
def test_a_search_compares_names_and_terms_in_one_form(
    case: str, name: str, term: str, matches: bool
) -> None:
    assert names.matches_search(name, term) is matches


SAME = {
    "case": ("Report.PDF", "report.pdf"),
    "composed and decomposed": ("café", "cafe\u0301"),
    "decomposed, in another case": ("CAFE\u0301", "café"),
    "sharp s": ("STRASSE", "straße"),
    "final sigma": ("ΟΔΟΣ", "οδος"),
    "two marks in another order": ("q\u0307\u0323", "q\u0323\u0307"),
    "hangul": ("한글", unicodedata.normalize("NFD", "한글")),
    "iota below": ("ᾳ", "ΑΙ"),
    "a letter whose upper case is three": ("\u0390", "\u0390".upper()),
    "angstrom": ("\u212b", "å"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_names_that_look_the_same_have_the_same_search_key(one: str, other: str) -> None:
    assert names.search_key(one) == names.search_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a", "b"), ("か", "が"), ("ısı", "isi"), ("a b", "ab")]
)
def test_names_that_look_different_have_different_search_keys(one: str, other: str) -> None:
    assert names.search_key(one) != names.search_key(other)


@given(st.text(st.characters(codec="utf-8")))
def test_the_search_key_does_not_depend_on_the_normal_form(name: str) -> None:
    forms = {names.search_key(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert forms == {names.search_key(name)}


@pytest.mark.exhaustive
def test_the_search_key_of_the_longest_name_fits_into_a_sort_key() -> None:
    """No character grows more than four times; 255 times four is below 1,024."""
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    growth = max(len(names.search_key(c).encode()) / len(c.encode()) for c in characters)
    assert growth * names.MAX_NAME_BYTES <= 1024
