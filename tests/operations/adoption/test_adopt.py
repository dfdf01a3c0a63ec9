"""`manage.py adopt` beside a real consumer and a real worker, which confirm the copies."""

from __future__ import annotations

import os
import re

import pytest
from django.contrib.auth.models import User

from tests.operations.adoption.helpers import (
    PART,
    adopt,
    content,
    copies,
    new_bucket,
    originals,
    put,
    unfinished,
)
from tests.support.waiting import wait_for
from uploads.accounts import owners
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.names import display_name
from uploads.files.record import StoredFile

pytestmark = pytest.mark.usefixtures("pipeline")

#: Key -> path of the file. Each is the whole key of an object, byte for byte.
HOSTILE = {
    "x//y": "x/_/y",
    "x/../y": "x/_/y 2",
    "../z": "_/z",
    "./q": "_/q",
    "/lead": "_/lead",
    "..": "_",
    "nul\x00x": "nul_x",
    "tab\tnl\nx": "tab_nl_x",
    "bidi\u202etxt.exe": "bidi\u202etxt.exe",
    "sp ace +/ a+b ": "sp ace +/ a+b ",
    "100%25/%2e%2e/a%": "100%25/%2e%2e/a%",
    "q?versionId=1&x=2#h": "q?versionId=1&x=2#h",
    "<&>\"'": "<&>\"'",
    "y" * 1024: "y" * 252 + "…",
    "größe/日本語/😀.txt": "größe/日本語/😀.txt",
    "\u200b": "_ 2",
    "no\ufffecharacter": "no\ufffecharacter",
}


def location_of(path: str) -> tuple[str, str]:
    """Folder and name; a number at the end only tells equal paths of the table apart."""
    folder, _, name = re.sub(r" 2\Z", "", path).rpartition("/")
    return folder, name


def test_a_bucket_is_adopted_and_stays_as_it_is(bucket: str, alice: User, full_size: bool) -> None:
    keys_ = [f"dir {number % 7}/{number}.txt" for number in range(283 if full_size else 20)]
    ordinary = {key: key for key in keys_}
    bodies: dict[str, bytes] = {}
    for number, key in enumerate([*ordinary, *HOSTILE]):
        bodies[key] = f"{number}".encode() * (number % 50)
        put(bucket, key, bodies[key], Tagging="a=b", ContentType="text/x-own; charset=utf-8")
    for key, size in {"large/exactly": PART, "large/3": 2 * PART + 1, "large/2": 2 * PART}.items():
        bodies[key] = os.urandom(size)
        put(bucket, key, bodies[key], ContentType="text/x-own; charset=utf-8")
    put(bucket, "dir 1/", b"")
    before = originals(bucket)

    report = adopt(f"s3://{bucket}", "--folder", "old/stuff")

    assert report.error == ""
    assert f"{len(bodies)} stored" in report.summary
    states = report.states
    assert states.pop("dir 1/") == "skipped"
    assert set(states.values()) == {"stored"}
    assert originals(bucket) == before
    places = ordinary | HOSTILE | {key: key for key in bodies if key.startswith("large/")}
    for key, body in bodies.items():
        stored = s3.head(upload_id := report.ids[display_name(key)])
        assert stored is not None
        folder, name = location_of(places[key])
        assert stored.folder == f"old/stuff/{folder}".rstrip("/")
        assert (stored.file_name, stored.content_type) == (name, "text/x-own;charset=utf-8")
        assert content(upload_id) == body
    key = keys.object_key(report.ids["dir 1/1.txt"])
    assert clients.s3().get_object_tagging(Bucket=conf().bucket, Key=key)["TagSet"] == []
    assert unfinished() == []

    before = copies()
    again = adopt(f"s3://{bucket}")
    assert (again.error, list(again.states)) == ("", ["dir 1/"])
    assert f"{len(bodies)} adopted before" in again.summary
    assert copies() == before


def test_a_file_has_the_owner_and_the_date_of_its_original(bucket: str, alice: User) -> None:
    put(bucket, "photos/a.txt")
    put(bucket, "photos 2/b.txt")
    modified_at = clients.s3().head_object(Bucket=bucket, Key="photos/a.txt")["LastModified"]
    report = adopt(f"s3://{bucket}/photos")
    assert report.states == {"photos/a.txt": "stored"}
    record = StoredFile.get(report.ids["photos/a.txt"])
    assert record.owner == owners.owner_of(alice)
    assert record.created_at.replace(microsecond=0) == modified_at
    assert record.notified_at is not None
    assert (record.folder, record.file_name) == (None, "a.txt")


@pytest.mark.exhaustive
def test_only_current_versions_are_adopted(bucket: str) -> None:
    clients.s3().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"old", b"new"):
        put(bucket, "a", body)
        put(bucket, "b", body * PART)
        put(bucket, "deleted", body)
    clients.s3().delete_object(Bucket=bucket, Key="deleted")
    before = clients.s3().list_object_versions(Bucket=bucket)
    report = adopt(f"s3://{bucket}")
    assert report.states == {"a": "stored", "b": "stored"}
    assert content(report.ids["a"]) == b"new"
    assert content(report.ids["b"]) == b"new" * PART
    after = clients.s3().list_object_versions(Bucket=bucket)
    for kind in ("Versions", "DeleteMarkers"):
        assert after[kind] == before[kind]  # type: ignore[literal-required]


@pytest.mark.exhaustive
def test_a_file_that_breaks_a_rule_of_the_worker_is_reported_as_rejected(bucket: str) -> None:
    put(bucket, "page.png", b"<html>", ContentType="image/png")
    put(bucket, "image.png", b"\x89PNG\r\n\x1a\n", ContentType="image/png")
    report = adopt(f"s3://{bucket}")
    assert report.states == {"page.png": "rejected", "image.png": "stored"}
    assert "its content is a web page" in report.by_key["page.png"]
    assert report.error == "1 of 2 objects were not adopted."
    # The copy is deleted; then its own event is applied.
    wait_for(lambda: StoredFile.get(report.ids["page.png"]).version >= 2)


@pytest.mark.exhaustive
def test_the_rest_of_the_own_bucket_can_be_adopted(bucket: str) -> None:
    put(conf().bucket, "imports/a.txt", b"own")
    put(conf().bucket, "thumbnails/a.webp", b"own", ContentType="image/webp")
    report = adopt(f"s3://{conf().bucket}")
    assert report.states == {"imports/a.txt": "stored"}
    assert content(report.ids["imports/a.txt"]) == b"own"
    # Neither the original again, nor its copy, nor thumbnails.
    assert adopt(f"s3://{conf().bucket}").states == {}
    for key in ("imports/a.txt", "thumbnails/a.webp"):
        clients.s3().delete_object(Bucket=conf().bucket, Key=key)
    for prefix in ("uploads", "uploads/0", "thumbnails"):
        assert "belongs to filehub already" in adopt(f"s3://{conf().bucket}/{prefix}").error
    nothing = adopt(f"s3://{new_bucket()}/x")
    assert "There are no objects in s3://foreign-" in nothing.error
