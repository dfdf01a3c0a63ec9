"""The record of a file, in DynamoDB, and a file as callers see it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from pynamodb.attributes import (
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from uploads.aws.dynamodb import Table, TableModel
from uploads.core import keys, media_types

State = Literal["stored", "rejected", "deleted"]
STATES: tuple[State, ...] = ("stored", "rejected", "deleted")


class FileNameIndex(GlobalSecondaryIndex["StoredFile"]):
    """Files with exactly this name, by time."""

    class Meta:
        index_name = "FileNameIndex"
        projection = AllProjection()

    file_name = UnicodeAttribute(hash_key=True, attr_name="originalFileName")
    created_at = UTCDateTimeAttribute(range_key=True, attr_name="createdAt")


class OwnerFeed(GlobalSecondaryIndex["StoredFile"]):
    """A user's stored files; ids sort by time."""

    class Meta:
        index_name = "OwnerFeed"
        projection = AllProjection()

    owner_feed = UnicodeAttribute(hash_key=True, attr_name="ownerFeed")
    id = UnicodeAttribute(range_key=True)


class OwnerNames(GlobalSecondaryIndex["StoredFile"]):
    """A user's stored files by name, for the prefix search."""

    class Meta:
        index_name = "OwnerNames"
        projection = AllProjection()

    owner_feed = UnicodeAttribute(hash_key=True, attr_name="ownerFeed")
    name_key = UnicodeAttribute(range_key=True, attr_name="nameKey")


class AllFeed(GlobalSecondaryIndex["StoredFile"]):
    """Everybody's files of one state, in 16 shards (`stored#0`…), for the admin."""

    class Meta:
        index_name = "AllFeed"
        projection = AllProjection()

    feed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class AllNames(GlobalSecondaryIndex["StoredFile"]):
    """Everybody's stored files by name, in the same shards, for the admin's prefix search."""

    class Meta:
        index_name = "AllNames"
        projection = AllProjection()

    feed = UnicodeAttribute(hash_key=True)
    name_key = UnicodeAttribute(range_key=True, attr_name="nameKey")


class Download(MapAttribute[str, Any]):
    """A presigned download that was handed out: when, and to whom (as records name owners)."""

    at = UTCDateTimeAttribute()
    by = UnicodeAttribute()


class StoredFile(TableModel):
    """One item per upload that reached S3.

    `owner_feed` and `name_key` are there only while the file is stored, so that everything else
    drops out of the owner's lists by itself. Only `uploads.files.store` writes it.
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    #: Raised by each write: whoever read an older one has to read again.
    version = VersionAttribute()
    key = UnicodeAttribute(attr_name="uniqueFileName")
    state = UnicodeAttribute()
    #: Why it was rejected or removed, for people.
    reason = UnicodeAttribute(null=True)
    #: The last event applied: upper-case hex, padded (see uploads.ingest.events).
    sequencer = UnicodeAttribute()

    # None of these is known of an object that was removed before it was ever confirmed.
    file_name = UnicodeAttribute(null=True, attr_name="originalFileName")
    content_type = UnicodeAttribute(null=True, attr_name="contentType")
    created_at = UTCDateTimeAttribute(attr_name="createdAt")
    confirmed_at = UTCDateTimeAttribute(null=True, attr_name="confirmedAt")
    owner = UnicodeAttribute(null=True)
    size = NumberAttribute(null=True)
    etag = UnicodeAttribute(null=True)
    checksum = UnicodeAttribute(null=True)
    version_id = UnicodeAttribute(null=True, attr_name="versionId")
    expires_at = TTLAttribute(null=True, attr_name="expiresAt")

    owner_feed = UnicodeAttribute(null=True, attr_name="ownerFeed")
    name_key = UnicodeAttribute(null=True, attr_name="nameKey")
    feed = UnicodeAttribute()

    # What happened to it, for people: bounded, however long it lives.
    #: When S3 saw what the record is about, as its event said; None without an event.
    notified_at = UTCDateTimeAttribute(null=True, attr_name="notifiedAt")
    removed_at = UTCDateTimeAttribute(null=True, attr_name="removedAt")
    deletion_requested_at = UTCDateTimeAttribute(null=True, attr_name="deletionAskedAt")
    deletion_requested_by = UnicodeAttribute(null=True, attr_name="deletionAskedBy")
    #: Who uploaded it, once it was given to somebody else.
    uploader = UnicodeAttribute(null=True)
    owner_changed_at = UTCDateTimeAttribute(null=True, attr_name="givenAt")
    owner_changed_by = UnicodeAttribute(null=True, attr_name="givenBy")
    downloads = NumberAttribute(null=True)
    #: The last few, oldest first.
    last_downloads = ListAttribute(of=Download, null=True, attr_name="lastDownloads")

    def save(self, *args: Any, **kwargs: Any) -> Any:
        raise _only_by_the_store()

    def update(self, *args: Any, **kwargs: Any) -> Any:
        raise _only_by_the_store()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise _only_by_the_store()

    file_name_index = FileNameIndex()
    by_owner = OwnerFeed()
    by_owner_name = OwnerNames()
    by_state = AllFeed()
    by_name = AllNames()


def _only_by_the_store() -> TypeError:
    return TypeError(
        "A record is written by uploads.files.store, together with the counters that it is part "
        "of. PynamoDB's own save, update and delete would make these wrong."
    )


def changed(record: StoredFile, **changes: Any) -> StoredFile:
    """A copy of a record that differs in some attributes."""
    return StoredFile(**{**record.attribute_values, **changes})


@dataclass(frozen=True)
class SignedDownload:
    """When a presigned download was handed out, and to whom (as records name owners)."""

    at: datetime
    by: str


@dataclass(frozen=True)
class FileInfo:
    """A file as callers see it. `size` is bytes; `checksum` base64 SHA-256 or ""."""

    id: str
    state: State
    created_at: datetime
    file_name: str = ""
    content_type: str = ""
    size: int = 0
    checksum: str = ""
    owner: str = ""
    reason: str = ""
    confirmed_at: datetime | None = None
    etag: str = ""
    version_id: str = ""
    notified_at: datetime | None = None
    removed_at: datetime | None = None
    deletion_requested_at: datetime | None = None
    deletion_requested_by: str = ""
    #: Who uploaded it, if that is not its owner any more; else "".
    uploader: str = ""
    owner_changed_at: datetime | None = None
    owner_changed_by: str = ""
    #: How many presigned downloads were handed out, and the last few of them, oldest first.
    downloads: int = 0
    last_downloads: tuple[SignedDownload, ...] = ()

    @property
    def key(self) -> str:
        return keys.object_key(self.id)

    @property
    def kind(self) -> media_types.Kind:
        return media_types.kind(self.content_type)


def info_of(record: StoredFile) -> FileInfo:
    """A record as callers see it: the attributes of the same names, and defaults for the others."""
    known = {field.name: getattr(record, field.name) for field in fields(FileInfo)}
    downloads = tuple(SignedDownload(each.at, each.by) for each in record.last_downloads or ())
    return FileInfo(
        **{name: value for name, value in known.items() if value is not None}
        | {"last_downloads": downloads}
    )
