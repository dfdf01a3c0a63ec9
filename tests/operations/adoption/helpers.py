"""Foreign objects, and `manage.py adopt`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command

from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.limits import MIB
from uploads.operations.adoption.copying import Sizes

#: S3's smallest part; larger objects are copied in parts of this size.
PART = 5 * MIB
SMALL_PARTS = Sizes(threshold=PART, part=PART)


@dataclass(frozen=True)
class Report:
    """What the command printed: the state of each object by its key, as it is shown; its error."""

    lines: list[str]
    error: str

    @property
    def states(self) -> dict[str, str]:
        return {key: line.split()[1] for key, line in self.by_key.items()}

    @property
    def by_key(self) -> dict[str, str]:
        return {_key_of(line): line for line in self.lines[:-1]}

    @property
    def ids(self) -> dict[str, str]:
        """The upload id of each object that has one."""
        return {key: line[:36] for key, line in self.by_key.items() if line[0] != "-"}

    @property
    def summary(self) -> str:
        return self.lines[-1] if self.lines else ""


def _key_of(line: str) -> str:
    # After the id and the state, which has a space in a dry run. A key may end with one, too.
    return line[50:].partition("  → " if "  → " in line else "  ")[0]


def new_bucket() -> str:
    bucket = f"foreign-{uuid.uuid4().hex[:8]}"
    clients.s3().create_bucket(Bucket=bucket)
    return bucket


def put(bucket: str, key: str, body: bytes = b"hello", **details: Any) -> None:
    parameters = {"ContentType": "text/plain"} | details
    clients.s3().put_object(Bucket=bucket, Key=key, Body=body, **parameters)


def adopt(source: str, *options: str) -> Report:
    """Run the command; give it a minute to see the records."""
    out, error = StringIO(), ""
    try:
        call_command(
            "adopt", source, "--owner", "alice", "--timeout", "60", *options,
            stdout=out, stderr=StringIO(),
        )  # fmt: skip
    except CommandError as exc:
        error = str(exc)
    # Not splitlines(): keys have other line ends, too.
    return Report(out.getvalue().rstrip("\n").split("\n"), error)


def originals(bucket: str) -> list[Any]:
    """The objects of a bucket, with their times and tags."""
    client = clients.s3()
    objects: list[Any] = [
        (
            entry["Key"],
            entry["ETag"],
            entry["LastModified"],
            client.get_object_tagging(Bucket=bucket, Key=entry["Key"])["TagSet"],
        )
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page["Contents"]
    ]
    return objects


def content(upload_id: str) -> bytes:
    return s3.read(conf().bucket, keys.object_key(upload_id))


def copies() -> list[str]:
    """The ids of the objects that filehub has."""
    return sorted(
        listed.id for shard in keys.SHARDS for listed in s3.list_objects(shard, after="", until="g")
    )


def unfinished() -> list[str]:
    response = clients.s3().list_multipart_uploads(Bucket=conf().bucket)
    return [upload["Key"] for upload in response.get("Uploads", [])]
