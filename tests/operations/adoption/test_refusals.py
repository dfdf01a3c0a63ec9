"""Objects that are not copied, each with its reason; the others are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from tests.operations.adoption.helpers import PART, adopt, copies, put, unfinished
from uploads.aws import clients, foreign
from uploads.aws.foreign import ForeignObject
from uploads.models import Quota

pytestmark = pytest.mark.usefixtures("aws")
CUSTOMER_KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}


#: How objects are stored, and why they cannot be copied; "" if they can.
STORED: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"StorageClass": "GLACIER"}, "It is archived"),
    ({"StorageClass": "DEEP_ARCHIVE"}, "It is archived"),
    ({"StorageClass": "GLACIER_IR"}, ""),
    ({"StorageClass": "STANDARD_IA"}, ""),
    (CUSTOMER_KEY, "a key that S3 does not keep (SSE-C)"),
    ({"ContentEncoding": "deflate"}, "the encoding deflate"),
    ({"ServerSideEncryption": "AES256"}, ""),
]


@pytest.mark.exhaustive
def test_what_s3_cannot_read_is_refused(bucket: str) -> None:
    expected = {}
    for number, (details, reason) in enumerate(STORED):
        # Large ones are refused for the same reasons.
        for size in (1, PART + 1) if number in {0, 1, 5} else (1,):
            put(bucket, f"{size}/{number}", b"x" * size, **details)
            expected[f"{size}/{number}"] = reason
    report = adopt(f"s3://{bucket}", "--timeout", "0")
    states = {key: "refused" if reason else "pending" for key, reason in expected.items()}
    assert report.states == states
    assert [key for key, reason in expected.items() if reason not in report.by_key[key]] == []
    assert len(copies()) == 5
    assert report.error == "6 of 11 objects were not adopted."


def replaced(source: ForeignObject) -> None:
    put(source.bucket, source.key, b"new" * (source.size // 3 + 1))


def deleted(source: ForeignObject) -> None:
    clients.s3().delete_object(Bucket=source.bucket, Key=source.key)


#: What happens to an object before a step, and how that is reported.
CHANGES = {
    "replaced": (replaced, "It was replaced after it had been listed"),
    "deleted": (deleted, "It was deleted after it had been listed"),
}


@pytest.mark.exhaustive
def test_an_object_that_changes_after_it_was_listed_is_not_copied(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [
        f"{change}/{step}/{size}"
        for change in CHANGES
        for size, steps in ((1, ("inspect", "copy")), (PART + 1, ("inspect", "copy_part")))
        for step in steps
    ]
    for key in [*cases, "unchanged"]:
        put(bucket, key, b"x" * int(key.rpartition("/")[2]) if "/" in key else b"x")
    with monkeypatch.context() as patch:
        for step in ("inspect", "copy", "copy_part"):
            patch.setattr(foreign, step, _changed_before(step, getattr(foreign, step)))
        report = adopt(f"s3://{bucket}", "--timeout", "0")
    assert report.states == {**dict.fromkeys(cases, "refused"), "unchanged": "pending"}
    for key in cases:
        assert CHANGES[key.partition("/")[0]][1] in report.by_key[key]
    assert (len(copies()), unfinished()) == (1, [])
    # The next run adopts the objects that are there instead.
    again = adopt(f"s3://{bucket}", "--timeout", "0")
    assert set(again.states) == {key for key in cases if key.startswith("replaced")} | {"unchanged"}
    assert len(copies()) == 5


def _changed_before(step: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def changed(source: ForeignObject, *arguments: Any) -> Any:
        change, _, rest = source.key.partition("/")
        if rest.partition("/")[0] == step:
            CHANGES[change][0](source)
        return original(source, *arguments)

    return changed


def test_the_owners_quota_is_kept(bucket: str, alice: User) -> None:
    Quota.objects.create(user=alice, limit=PART + 10)
    sizes = {"a": 5, "b": PART + 1, "c": 5, "d": 4, "e": 1, "f": 0}
    for key, size in sizes.items():
        put(bucket, key, b"x" * size)
    for options, were in ((["--dry-run"], "would not be"), (["--timeout", "0"], "were not")):
        report = adopt(f"s3://{bucket}", *options)
        refused = {key for key, state in report.states.items() if state == "refused"}
        assert refused == {"c", "e"}
        assert "of your quota of 5,242,890 bytes are already used" in report.by_key["c"]
        assert report.error == f"2 of 6 objects {were} adopted."
    assert len(copies()) == 4


def test_the_rules_for_types_and_sizes_are_kept(bucket: str, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"MAX_SIZE": 10, "ALLOWED_TYPES": "image/*"}
    put(bucket, "large.png", b"x" * 11, ContentType="image/png")
    put(bucket, "a.png", b"x" * 10, ContentType="image/png")
    put(bucket, "a.txt")
    report = adopt(f"s3://{bucket}", "--timeout", "0")
    assert report.states == {"large.png": "refused", "a.png": "pending", "a.txt": "refused"}
    assert "at most 10 bytes are allowed" in report.by_key["large.png"]
    assert "type text/plain are not accepted" in report.by_key["a.txt"]


@pytest.mark.parametrize(
    ("source", "options", "error"),
    [
        ("s3://no-such-bucket-0", [], "could not list the objects of no-such-bucket-0"),
        ("s3://no-such-bucket-0", ["--dry-run"], "NoSuchBucket"),
        ("https://bucket/a", [], "not of the form s3://BUCKET/PREFIX"),
        ("s3://", [], "not of the form"),
        ("s3:///a", [], "not of the form"),
        ("bucket/a", [], "not of the form"),
        ("s3://foreign/a", ["--folder", "/a"], "A folder is written"),
        ("s3://foreign/a", ["--folder", "a/../b"], "cannot be named"),
        ("s3://foreign/a", ["--owner", "nobody\x1b[31m"], "no active user “nobody�[31m”"),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence(
    alice: User, source: str, options: list[str], error: str
) -> None:
    report = adopt(source, *options)
    assert error in report.error
    assert report.lines == [""]


def test_a_prefix_is_a_directory(bucket: str) -> None:
    for key in ("a", "photos", "photos/a", "photos/b/c", "photos2/d", "photos//e"):
        put(bucket, key)
    everything = {"a", "photos", "photos/a", "photos/b/c", "photos2/d", "photos//e"}
    listed = {
        "": everything,
        "/": everything,
        "/photos": {"photos/a", "photos/b/c", "photos//e"},
        "/photos/": {"photos/a", "photos/b/c", "photos//e"},
        "/photos/b": {"photos/b/c"},
        "/photos//": {"photos//e"},
    }
    for path, expected in listed.items():
        report = adopt(f"s3://{bucket}{path}", "--dry-run")
        assert (set(report.states), report.error) == (expected, ""), path
    assert copies() == []
