"""What may be uploaded: names, sizes, checksums, and the key that names are searched by."""

from __future__ import annotations

import base64
import hashlib
import sys
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rules import ANY
from uploads.core import policy
from uploads.core.errors import FilehubError, FileTooLarge, InvalidRequest

DIGEST = base64.b64encode(hashlib.sha256(b"filehub").digest()).decode()


# Names


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
}


@pytest.mark.parametrize("name", VALID_NAMES.values(), ids=VALID_NAMES.keys())
def test_a_valid_name_is_returned_unchanged(name: str) -> None:
    assert policy.check_name(name) == name


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
}


@pytest.mark.parametrize(("name", "code"), INVALID_NAMES.values(), ids=INVALID_NAMES.keys())
def test_a_bad_name_is_refused_with_its_code(name: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        policy.check_name(name)
    assert caught.value.code == code


def test_a_missing_name_has_the_documented_error() -> None:
    with pytest.raises(InvalidRequest, match=r"^Missing file_name$"):
        policy.check_name("")


def test_the_error_for_a_long_name_has_its_size_and_the_limit() -> None:
    with pytest.raises(InvalidRequest, match="300 bytes long; at most 255"):
        policy.check_name("é" * 150)


@given(st.text(st.characters()))
def test_a_random_name_is_unchanged_or_refused(name: str) -> None:
    with suppress(InvalidRequest):
        assert policy.check_name(name) == name


# Sizes


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_size_within_the_limits_is_returned(size: int) -> None:
    assert policy.check_size(size, ANY) == size


@pytest.mark.parametrize("size", [1001, 2**63, 10**30])
def test_a_size_above_the_limit_is_too_large(size: int) -> None:
    with pytest.raises(FileTooLarge):
        policy.check_size(size, ANY)


def test_a_size_above_the_limit_of_one_request_is_too_large() -> None:
    with pytest.raises(FileTooLarge, match="one request can carry at most 10"):
        policy.check_size(11, policy.Rules(max_size=100, max_put_size=10, allowed_types=("*",)))


def test_the_error_for_exceeding_both_limits_names_the_lower_one_of_the_installation() -> None:
    with pytest.raises(FileTooLarge, match="at most 100 bytes are allowed"):
        policy.check_size(101, policy.Rules(max_size=100, max_put_size=10, allowed_types=("*",)))


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        policy.check_size(-1, ANY)
    assert caught.value.code == "invalid_size"


# Checksums


def test_the_base64_of_a_sha256_is_returned_unchanged() -> None:
    assert policy.check_sha256(DIGEST) == DIGEST


NOT_DIGESTS = {
    "empty": "",
    "hexadecimal": hashlib.sha256(b"filehub").hexdigest(),
    "of 31 bytes": base64.b64encode(b"x" * 31).decode(),
    "of 33 bytes": base64.b64encode(b"x" * 33).decode(),
    "of a sha-1": base64.b64encode(hashlib.sha1(b"x").digest()).decode(),
    "without padding": DIGEST.rstrip("="),
    "with too much padding": DIGEST + "=",
    "not canonical: spare bits are set": "A" * 42 + "B=",
    "the alphabet for URLs": base64.urlsafe_b64encode(b"\xff" * 32).decode(),
    "a newline after": DIGEST + "\n",
    "a newline inside": DIGEST[:20] + "\n" + DIGEST[20:],
    "a space before": " " + DIGEST,
    "accents": "é" * 44,
    "a lone surrogate": "\ud800" + DIGEST,
}


@pytest.mark.parametrize("value", NOT_DIGESTS.values(), ids=NOT_DIGESTS.keys())
def test_an_invalid_sha256_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        policy.check_sha256(value)
    assert caught.value.code == "invalid_sha256"


@given(st.binary(min_size=32, max_size=32))
def test_every_digest_has_a_base64_that_is_accepted(digest: bytes) -> None:
    value = base64.b64encode(digest).decode()
    assert policy.check_sha256(value) == value


@given(st.text())
def test_random_text_is_not_a_valid_digest(text: str) -> None:
    with pytest.raises(FilehubError):
        policy.check_sha256(text)


# Searching


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
    assert policy.search_key(one) == policy.search_key(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("cafe", "café"), ("a b", "ab")])
def test_names_that_look_different_have_different_search_keys(one: str, other: str) -> None:
    assert policy.search_key(one) != policy.search_key(other)


@given(st.text(st.characters(codec="utf-8")))
def test_the_search_key_does_not_depend_on_the_normal_form(name: str) -> None:
    forms = {policy.search_key(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert forms == {policy.search_key(name)}


def test_the_search_key_of_the_longest_name_fits_into_a_sort_key() -> None:
    """No character grows more than four times; 255 times four is below 1,024."""
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    growth = max(len(policy.search_key(c).encode()) / len(c.encode()) for c in characters)
    assert growth * policy.MAX_NAME_BYTES <= 1024
