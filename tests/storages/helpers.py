"""What tests of the storage share."""

from __future__ import annotations

from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from uploads.aws import clients
from uploads.core import stored_names
from uploads.core.conf import conf
from uploads.core.keys import PREFIX
from uploads.files import queries
from uploads.files.record import FileInfo
from uploads.storages import FilehubStorage, as_owner


def content(body: bytes | str = b"hello", type_: str = "") -> Any:
    if not type_:
        return ContentFile(body)
    return SimpleUploadedFile(
        "ignored", bytes(body, "utf-8") if isinstance(body, str) else body, type_
    )


def saved(owner: str, name: str = "a.txt", body: bytes = b"hello") -> str:
    with as_owner(owner):
        return FilehubStorage().save(name, content(body))


def id_in(name: str) -> str:
    upload_id = stored_names.upload_id_in(name)
    assert upload_id is not None
    return upload_id


def info_of(name: str) -> FileInfo:
    info = queries.any_file(id_in(name))
    assert info is not None
    return info


def objects() -> list[str]:
    """The keys of all objects, and of unfinished uploads, in the bucket."""
    client, bucket = clients.s3(), conf().bucket
    listed = client.list_objects_v2(Bucket=bucket, Prefix=PREFIX).get("Contents", [])
    unfinished = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    return [entry["Key"] for entry in listed] + [entry["Key"] for entry in unfinished]
