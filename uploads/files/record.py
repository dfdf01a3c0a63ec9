"""The record of a file in DynamoDB, and the file as callers see it."""

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
from pynamodb.indexes import GlobalSecondaryIndex

from uploads.aws.dynamodb import Table, TableModel
from uploads.core import folders, keys, media_types, type_lists
from uploads.core.reasons import NO_REASON, Reason, load
from uploads.files import projections

State = Literal["scanning", "stored", "trashed", "quarantined", "rejected", "deleted"]
STATES: tuple[State, ...] = (
    "stored", "trashed", "scanning", "quarantined", "rejected", "deleted",
)  # fmt: skip
#: The states of files that belong to their owners: listed, restored, with thumbnails.
OWNED_STATES: tuple[State, ...] = ("stored", "trashed")
#: The states of files whose objects are in the bucket. All count in their owner's quota.
KEPT_STATES: tuple[State, ...] = (*OWNED_STATES, "scanning", "quarantined")

#: The schema of the records that this version writes. Add one if it derives attributes that earlier
#: versions did not; docs/data-model.md has the history. The meaning of an attribute never changes:
#: during an upgrade, processes of both versions read and write the same records.
SCHEMA = 2

#: What is known about malware in an object; None: it was stored while there was no check.
#: "pending": to be checked. "unknown": it cannot be checked, and is held. "unchecked": the same,
#: but stored by policy. "released": an operator has decided.
Malware = Literal["pending", "clean", "infected", "unknown", "unchecked", "released"]

#: The value of `thumbnail` of a file of which no thumbnail can be made.
NO_THUMBNAIL = "none"


class FileNameIndex(GlobalSecondaryIndex["StoredFile"]):
    """Files with exactly this name, sorted by time."""

    class Meta:
        index_name = "FileNameIndex"
        projection = projections.FILE_NAME

    file_name = UnicodeAttribute(hash_key=True, attr_name="originalFileName")
    created_at = UTCDateTimeAttribute(range_key=True, attr_name="createdAt")


class OwnerFeed(GlobalSecondaryIndex["StoredFile"]):
    """A user's files of one state (`uploads.files.states`), sorted by id and so by time."""

    class Meta:
        index_name = "OwnerFeed"
        projection = projections.OWNER_FEED

    owner_feed = UnicodeAttribute(hash_key=True, attr_name="ownerFeed")
    id = UnicodeAttribute(range_key=True)


class FolderFeed(GlobalSecondaryIndex["StoredFile"]):
    """The files and subfolders of a folder, sorted by id: files by time, then subfolders."""

    class Meta:
        index_name = "FolderFeed"
        projection = projections.FOLDER_FEED

    folder_feed = UnicodeAttribute(hash_key=True, attr_name="folderFeed")
    id = UnicodeAttribute(range_key=True)


class FolderNames(GlobalSecondaryIndex["StoredFile"]):
    """The subfolders and files of a folder, sorted by name: first subfolders, then files."""

    class Meta:
        index_name = "FolderNames"
        projection = projections.FOLDER_FEED

    folder_feed = UnicodeAttribute(hash_key=True, attr_name="folderFeed")
    name_key = UnicodeAttribute(range_key=True, attr_name="nameKey")


class AllFeed(GlobalSecondaryIndex["StoredFile"]):
    """All users' files of one state, in 16 shards (`stored#0`…), for the admin."""

    class Meta:
        index_name = "AllFeed"
        projection = projections.ALL_FEED

    feed = UnicodeAttribute(hash_key=True)
    id = UnicodeAttribute(range_key=True)


class KeptUntil(GlobalSecondaryIndex["StoredFile"]):
    """The stored files that expire, in 16 shards, by the time at which they do."""

    class Meta:
        index_name = "KeptUntil"
        projection = projections.KEYS

    kept_shard = UnicodeAttribute(hash_key=True, attr_name="keptShard")
    kept_until = UTCDateTimeAttribute(range_key=True, attr_name="keptUntil")


class Download(MapAttribute[str, Any]):
    """A presigned download: when, and for whom (an owner string)."""

    at = UTCDateTimeAttribute()
    by = UnicodeAttribute()


class StoredFile(TableModel):
    """One item per upload that reached S3.

    `owner_feed`, `folder_feed`, `name_key`, `feed` and `kept_shard` follow from the state, the
    owner, the folder and the name (`uploads.files.states`). Only `uploads.files.store` writes
    records.
    """

    class Meta(Table):
        pass

    id = UnicodeAttribute(hash_key=True)
    #: Incremented by each write, for optimistic locking.
    version = VersionAttribute()
    #: SCHEMA of the version that derived its attributes last. Missing: 1.
    schema = NumberAttribute(null=True)
    key = UnicodeAttribute(attr_name="uniqueFileName")
    state = UnicodeAttribute()
    #: Why it was rejected or removed: `uploads.core.reasons.dump`, or a sentence in old records.
    reason = UnicodeAttribute(null=True)
    #: The last event applied: upper-case hex, padded (see uploads.ingest.events).
    sequencer = UnicodeAttribute()

    # These are unknown if the object was removed before it was confirmed.
    file_name = UnicodeAttribute(null=True, attr_name="originalFileName")
    #: None: the root. See uploads.core.folders.
    folder = UnicodeAttribute(null=True)
    content_type = UnicodeAttribute(null=True, attr_name="contentType")
    created_at = UTCDateTimeAttribute(attr_name="createdAt")
    confirmed_at = UTCDateTimeAttribute(null=True, attr_name="confirmedAt")
    owner = UnicodeAttribute(null=True)
    size = NumberAttribute(null=True)
    etag = UnicodeAttribute(null=True)
    checksum = UnicodeAttribute(null=True)
    version_id = UnicodeAttribute(null=True, attr_name="versionId")
    expires_at = TTLAttribute(null=True, attr_name="expiresAt")
    #: Width and height in pixels, such as `320x213`, or NO_THUMBNAIL. Missing if none was made.
    thumbnail = UnicodeAttribute(null=True)
    #: Missing if there are none. `context` is JSON. See uploads.core.labels.
    tags = ListAttribute(of=UnicodeAttribute, null=True)
    context = UnicodeAttribute(null=True)
    #: The name of the destination that was chosen for the upload.
    destination = UnicodeAttribute(null=True)
    #: The key of the form field that it was uploaded for (uploads.core.fields), and by what it was
    #: claimed: a name that means something to the project, such as `shop.product.manual:17`.
    field = UnicodeAttribute(null=True)
    claimed_by = UnicodeAttribute(null=True, attr_name="claimedBy")
    claimed_at = UTCDateTimeAttribute(null=True, attr_name="claimedAt")
    #: What is known about malware (`Malware`), when it was checked, by what, and what else is to be
    #: known (`uploads.core.reasons.dump`).
    malware = UnicodeAttribute(null=True)
    scanned_at = UTCDateTimeAttribute(null=True, attr_name="scannedAt")
    scanner = UnicodeAttribute(null=True)
    scan_note = UnicodeAttribute(null=True, attr_name="scanNote")
    #: When an operator asked for another check: earlier verdicts no longer count.
    scan_requested_at = UTCDateTimeAttribute(null=True, attr_name="scanAskedAt")
    #: When the file is deleted by itself: its destination says so, or no form has claimed it.
    kept_until = UTCDateTimeAttribute(null=True, attr_name="keptUntil")

    owner_feed = UnicodeAttribute(null=True, attr_name="ownerFeed")
    folder_feed = UnicodeAttribute(null=True, attr_name="folderFeed")
    name_key = UnicodeAttribute(null=True, attr_name="nameKey")
    feed = UnicodeAttribute()
    #: The partition of the index KeptUntil; only of stored files that expire.
    kept_shard = UnicodeAttribute(null=True, attr_name="keptShard")

    # The history for display. Its size is bounded.
    #: The time of the last applied event, from S3; None without an event.
    notified_at = UTCDateTimeAttribute(null=True, attr_name="notifiedAt")
    removed_at = UTCDateTimeAttribute(null=True, attr_name="removedAt")
    deletion_requested_at = UTCDateTimeAttribute(null=True, attr_name="deletionAskedAt")
    deletion_requested_by = UnicodeAttribute(null=True, attr_name="deletionAskedBy")
    trashed_at = UTCDateTimeAttribute(null=True, attr_name="trashedAt")
    trashed_by = UnicodeAttribute(null=True, attr_name="trashedBy")
    #: When a file in the trash is permanently deleted; only while it is in the trash.
    purge_at = UTCDateTimeAttribute(null=True, attr_name="purgeAt")
    restored_at = UTCDateTimeAttribute(null=True, attr_name="restoredAt")
    restored_by = UnicodeAttribute(null=True, attr_name="restoredBy")
    #: Who uploaded it, if the owner has changed since.
    uploader = UnicodeAttribute(null=True)
    owner_changed_at = UTCDateTimeAttribute(null=True, attr_name="givenAt")
    owner_changed_by = UnicodeAttribute(null=True, attr_name="givenBy")
    #: The last change of the name and of the folder: when, by whom, and what it was before.
    renamed_at = UTCDateTimeAttribute(null=True, attr_name="renamedAt")
    renamed_by = UnicodeAttribute(null=True, attr_name="renamedBy")
    renamed_from = UnicodeAttribute(null=True, attr_name="renamedFrom")
    moved_at = UTCDateTimeAttribute(null=True, attr_name="movedAt")
    moved_by = UnicodeAttribute(null=True, attr_name="movedBy")
    #: None: the root.
    moved_from = UnicodeAttribute(null=True, attr_name="movedFrom")
    downloads = NumberAttribute(null=True)
    #: The most recent ones, oldest first.
    last_downloads = ListAttribute(of=Download, null=True, attr_name="lastDownloads")

    def save(self, *args: Any, **kwargs: Any) -> Any:
        raise _store_only_error()

    def update(self, *args: Any, **kwargs: Any) -> Any:
        raise _store_only_error()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        raise _store_only_error()

    file_name_index = FileNameIndex()
    by_owner = OwnerFeed()
    by_folder = FolderFeed()
    by_folder_name = FolderNames()
    by_state = AllFeed()
    by_expiry = KeptUntil()


@dataclass(frozen=True)
class Change:
    """A record as it was read (None: there was none), and as it should be.

    With a limit, it is written only if its owner then has at most so many bytes stored.
    """

    before: StoredFile | None
    after: StoredFile
    limit: int | None = None

    @property
    def id(self) -> str:
        return str(self.after.id)


def _store_only_error() -> TypeError:
    return TypeError(
        "Records are written by uploads.files.store, together with their counters. PynamoDB's own "
        "save, update and delete would make the counters wrong."
    )


def changed(record: StoredFile, **changes: Any) -> StoredFile:
    """A copy of a record with some attributes changed."""
    return StoredFile(**{**record.attribute_values, **changes})


def schema_of(record: StoredFile) -> int:
    """The schema of a record. Those of the first versions have no number."""
    return int(record.schema or 1)


def has_thumbnail(thumbnail: str | None) -> bool:
    """Whether there is a thumbnail, by the attribute of that name."""
    return thumbnail not in {None, "", NO_THUMBNAIL}


@dataclass(frozen=True)
class SignedDownload:
    """When a download was presigned, and for whom (an owner string)."""

    at: datetime
    by: str


@dataclass(frozen=True)
class FileInfo:
    """A file as callers see it. `size` is in bytes, `checksum` a base64 SHA-256 or ""."""

    id: str
    state: State
    created_at: datetime
    file_name: str = ""
    #: "": the root.
    folder: str = ""
    content_type: str = ""
    size: int = 0
    checksum: str = ""
    owner: str = ""
    reason: Reason = NO_REASON
    confirmed_at: datetime | None = None
    etag: str = ""
    #: The size of its thumbnail in pixels, such as `320x213`; NO_THUMBNAIL; or "" if none was made.
    thumbnail: str = ""
    tags: tuple[str, ...] = ()
    #: JSON, or "". See uploads.core.labels.
    context: str = ""
    destination: str = ""
    #: The form field that it was uploaded for, and what has claimed it.
    field: str = ""
    claimed_by: str = ""
    claimed_at: datetime | None = None
    #: What is known about malware; see StoredFile.
    malware: str = ""
    scanned_at: datetime | None = None
    scanner: str = ""
    scan_note: Reason = NO_REASON
    #: When the file is deleted by itself.
    kept_until: datetime | None = None
    version_id: str = ""
    notified_at: datetime | None = None
    removed_at: datetime | None = None
    deletion_requested_at: datetime | None = None
    deletion_requested_by: str = ""
    trashed_at: datetime | None = None
    trashed_by: str = ""
    #: When it will be permanently deleted, if it is in the trash.
    purge_at: datetime | None = None
    restored_at: datetime | None = None
    restored_by: str = ""
    #: Who uploaded it, if the owner has changed since; else "".
    uploader: str = ""
    owner_changed_at: datetime | None = None
    owner_changed_by: str = ""
    renamed_at: datetime | None = None
    renamed_by: str = ""
    renamed_from: str = ""
    moved_at: datetime | None = None
    moved_by: str = ""
    moved_from: str = ""
    #: The number of presigned downloads, and the most recent ones, oldest first.
    downloads: int = 0
    last_downloads: tuple[SignedDownload, ...] = ()

    @property
    def key(self) -> str:
        return keys.object_key(self.id)

    @property
    def has_thumbnail(self) -> bool:
        return self.state in OWNED_STATES and has_thumbnail(self.thumbnail)

    @property
    def path(self) -> str:
        """Folder and name, for display."""
        return folders.join(self.folder, self.file_name)

    @property
    def kind(self) -> type_lists.Kind:
        return media_types.kind(self.content_type)


def info_of(record: StoredFile) -> FileInfo:
    """The FileInfo of a record: attributes of the same name, and defaults for missing ones."""
    known = {field.name: getattr(record, field.name) for field in fields(FileInfo)}
    downloads = tuple(
        SignedDownload(download.at, download.by) for download in record.last_downloads or ()
    )
    reason = next(iter(load(record.reason or "")), NO_REASON)
    return FileInfo(
        **{name: value for name, value in known.items() if value is not None}
        | {
            "last_downloads": downloads,
            "reason": reason,
            "scan_note": next(iter(load(record.scan_note or "")), NO_REASON),
            "tags": tuple(map(str, record.tags or ())),
        }
    )
