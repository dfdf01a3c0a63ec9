"""Two sorted streams are merged into pairs."""

from __future__ import annotations

from itertools import count, islice

from hypothesis import given
from hypothesis import strategies as st

from uploads.aws.s3 import ListedObject
from uploads.ingest.reconciliation import comparison
from uploads.ingest.reconciliation.comparison import ListedRecord


@given(
    st.dictionaries(st.text("01ab", min_size=1, max_size=4), st.sampled_from(["S3", "DB", "both"]))
)
def test_two_sorted_streams_become_pairs_in_order(sides: dict[str, str]) -> None:
    pairs = list(
        comparison.merge(
            (ListedObject(i, "e", None) for i in sorted(sides) if sides[i] != "DB"),
            (ListedRecord(i, "e", None, None) for i in sorted(sides) if sides[i] != "S3"),
        )
    )
    assert [pair.id for pair in pairs] == sorted(sides)
    for pair in pairs:
        assert (pair.object is None) == (sides[pair.id] == "DB")
        assert (pair.record is None) == (sides[pair.id] == "S3")
        assert pair.agrees == (sides[pair.id] == "both")


def test_streams_of_any_length_are_compared_in_constant_memory() -> None:
    ids = (f"{number:012}" for number in count())
    evens = (f"{number:012}" for number in count(0, 2))
    pairs = comparison.merge(
        (ListedObject(upload_id, "e", None) for upload_id in ids),
        (ListedRecord(upload_id, "e", None, None) for upload_id in evens),
    )
    assert [pair.agrees for pair in islice(pairs, 5)] == [True, False, True, False, True]
