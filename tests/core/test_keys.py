"""Upload ids and object keys."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads.core import keys

OWNER = "7"
SECRET = "a secret of the installation, long enough"
ID = "0190a5c0-1234-7abc-8def-0123456789ab"
KEY = f"uploads/b/{ID}"


def make(owner: str = OWNER, secret: str = SECRET) -> str:
    return keys.new_upload_id(owner, secret)


def test_an_id_survives_the_conversion_to_a_key_and_back() -> None:
    upload_id = make()
    assert keys.upload_id_of(keys.object_key(upload_id)) == upload_id


def test_a_key_is_the_prefix_then_the_shard_then_the_id() -> None:
    assert keys.object_key(ID) == KEY


def test_the_shard_is_the_last_digit_of_the_id() -> None:
    assert keys.shard(ID) == "b"


def test_ids_use_every_shard() -> None:
    used = Counter(keys.shard(make()) for _ in range(2000))
    assert sorted(used) == sorted(keys.SHARDS)


def test_a_new_id_is_a_uuid_of_version_7() -> None:
    assert UUID(make()).version == 7


def test_a_new_id_has_the_variant_of_rfc_9562() -> None:
    assert UUID(make()).variant == RFC_4122


def test_a_new_id_is_in_canonical_form() -> None:
    upload_id = make()
    assert keys.parse_upload_id(upload_id) == upload_id


def test_two_ids_of_one_owner_differ() -> None:
    assert len({make() for _ in range(1000)}) == 1000


def test_an_id_contains_its_creation_time() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    made = keys.created_at(make())
    assert before <= made <= datetime.now(UTC)


def test_a_later_id_sorts_later() -> None:
    first = make()
    time.sleep(0.002)
    assert first < make()


@pytest.mark.parametrize(
    ("milliseconds", "moment"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (1_700_000_000_123, datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)),
        (253_402_300_799_999, datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ],
)
def test_the_time_of_an_id_is_exact_to_the_millisecond(milliseconds: int, moment: datetime) -> None:
    assert keys.created_at(str(UUID(int=milliseconds << 80))) == moment


def test_the_time_of_every_id_that_parses_can_be_read() -> None:
    upload_id = keys.parse_upload_id("ffffffff-ffff-7fff-bfff-ffffffffffff")
    assert upload_id is None or keys.created_at(upload_id)


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_no_id_of_a_moment_sorts_before_the_first_id_of_that_moment(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    smallest = str(UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62))
    assert keys.first_id_at(moment) <= smallest


def test_the_first_id_of_a_moment_sorts_after_the_ids_of_the_millisecond_before() -> None:
    moment = datetime(2025, 6, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    milliseconds = int(moment.timestamp() * 1000) - 1
    largest = str(UUID(int=(milliseconds << 80) | (2**80 - 1)))
    assert largest < keys.first_id_at(moment)


def test_an_id_was_issued_to_its_owner() -> None:
    assert keys.was_issued_to(make(), OWNER, [SECRET])


@pytest.mark.parametrize("owner", ["8", "77", "", "７", "7 "])
def test_an_id_was_not_issued_to_another_owner(owner: str) -> None:
    assert not keys.was_issued_to(make(), owner, [SECRET])


def test_an_id_was_not_issued_under_another_secret() -> None:
    assert not keys.was_issued_to(make(), OWNER, ["another secret"])


def test_an_id_was_not_issued_when_no_secret_is_known() -> None:
    assert not keys.was_issued_to(make(), OWNER, [])


def test_an_id_stays_valid_after_its_secret_is_rotated() -> None:
    assert keys.was_issued_to(make(), OWNER, ["newest", "newer", SECRET])


@pytest.mark.parametrize("bit", [0, 31, 32, 61, 64, 75, 80, 127])
def test_an_id_with_one_changed_bit_was_not_issued(bit: int) -> None:
    changed = str(UUID(int=UUID(make()).int ^ 1 << bit))
    assert not keys.was_issued_to(changed, OWNER, [SECRET])


def test_an_owner_may_have_any_name() -> None:
    assert keys.was_issued_to(make(owner="Zoë 日本"), "Zoë 日本", [SECRET])


def test_an_upper_case_id_parses_to_its_canonical_form() -> None:
    assert keys.parse_upload_id(ID.upper()) == ID


NOT_IDS = {
    "empty": "",
    "a word": "upload",
    "no hyphens": ID.replace("-", ""),
    "braces": f"{{{ID}}}",
    "a URN": f"urn:uuid:{ID}",
    "version 4": "0190a5c0-1234-4abc-8def-0123456789ab",
    "version 1": "0190a5c0-1234-1abc-8def-0123456789ab",
    "a wrong variant": "0190a5c0-1234-7abc-cdef-0123456789ab",
    "a digit short": ID[:-1],
    "a digit long": f"{ID}0",
    "a newline after": f"{ID}\n",
    "a space before": f" {ID}",
    "a letter beyond f": f"{ID[:-1]}g",
    "full-width digits": f"{ID[:-1]}５",
    "a null byte": f"{ID}\0",
    "a lone surrogate": f"{ID[:-1]}\ud800",
    "a key": KEY,
    "a path": f"../{ID}",
}


@pytest.mark.parametrize("text", NOT_IDS.values(), ids=NOT_IDS.keys())
def test_an_invalid_id_does_not_parse(text: str) -> None:
    assert keys.parse_upload_id(text) is None


NOT_KEYS = {
    "empty": "",
    "only the id": ID,
    "another prefix": f"uploads2/b/{ID}",
    "no prefix": f"b/{ID}",
    "a prefix before the prefix": f"x/uploads/b/{ID}",
    "a slash before": f"/uploads/b/{ID}",
    "an upper-case prefix": f"Uploads/b/{ID}",
    "a wrong shard": f"uploads/a/{ID}",
    "no shard": f"uploads/{ID}",
    "two shards": f"uploads/b/b/{ID}",
    "an upper-case shard": f"uploads/B/{ID}",
    "an upper-case id": f"uploads/b/{ID.upper()}",
    "traversal out": f"uploads/b/../../{ID}",
    "traversal in place": f"uploads/./b/{ID}",
    "traversal after": f"uploads/b/{ID}/../x",
    "a doubled slash": f"uploads//b/{ID}",
    "a folder": f"uploads/b/{ID}/",
    "a suffix": f"uploads/b/{ID}.txt",
    "a newline after": f"uploads/b/{ID}\n",
    "a null byte after": f"uploads/b/{ID}\0",
    "version 4": "uploads/b/0190a5c0-1234-4abc-8def-0123456789ab",
    "a percent-encoded slash": f"uploads%2Fb%2F{ID}",
}


@pytest.mark.parametrize("key", NOT_KEYS.values(), ids=NOT_KEYS.keys())
def test_a_foreign_key_has_no_id(key: str) -> None:
    assert keys.upload_id_of(key) is None


def test_a_thumbnail_has_a_key_of_its_own_that_is_not_that_of_a_file() -> None:
    key = keys.thumbnail_key(ID)
    assert (key, keys.thumbnail_id_of(key)) == (f"thumbnails/{ID}.webp", ID)
    # So nothing that lists or reports objects takes it for a file.
    assert keys.upload_id_of(key) is None
    assert not key.startswith(keys.PREFIX)


@pytest.mark.parametrize(
    "key",
    [
        f"thumbnails/{ID}", f"thumbnails/{ID}.png", f"thumbnails/{ID}.webp.webp", f"{ID}.webp",
        f"thumbnails/thumbnails/{ID}.webp", f"thumbnails/b/{ID}.webp", f"thumbnails/{ID}.webp\n",
        f"thumbnails/{ID.upper()}.webp", f"uploads/b/{ID}", "thumbnails/", "thumbnails/x.webp", "",
    ],
)  # fmt: skip
def test_another_key_is_not_that_of_a_thumbnail(key: str) -> None:
    assert keys.thumbnail_id_of(key) is None


@given(st.text())
def test_random_text_is_not_a_valid_id(text: str) -> None:
    assert keys.parse_upload_id(text) is None


@given(st.text())
def test_random_text_is_not_a_valid_key(text: str) -> None:
    assert keys.upload_id_of(text) is None


@given(st.text())
def test_random_text_after_the_prefix_is_not_a_valid_key(text: str) -> None:
    assert keys.upload_id_of(f"uploads/b/{text}") is None


@given(st.uuids(version=4))
def test_a_random_uuid_of_another_version_is_not_a_valid_id(value: UUID) -> None:
    assert keys.parse_upload_id(str(value)) is None


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(codec="utf-8")))
def test_an_id_is_recognised_whatever_the_owner_and_the_secret(owner: str, secret: str) -> None:
    assert keys.was_issued_to(make(owner, secret), owner, [secret])
