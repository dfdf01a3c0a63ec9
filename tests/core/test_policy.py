"""What may be uploaded: sizes and checksums."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.rules import ANY
from uploads.core import policy
from uploads.core.errors import FilehubError, FileTooLarge, InvalidRequest

DIGEST = base64.b64encode(hashlib.sha256(b"filehub").digest()).decode()


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
