"""What filehub stores.

`StoredFile` is the record of a file, in DynamoDB. `File`, `Queue` and `StorageReport` have no
table: they give what is not in SQL a name, addresses and permissions in the Django admin.
`ApiToken` and `Quota` live in Django's own database.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Literal

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pynamodb.attributes import (
    BooleanAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    TTLAttribute,
    UnicodeAttribute,
    UTCDateTimeAttribute,
    VersionAttribute,
)
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from uploads.aws.dynamodb import Table
from uploads.core import policy

State = Literal["stored", "rejected", "deleted"]
STATES: tuple[State, ...] = ("stored", "rejected", "deleted")
STATE_NAMES = {"stored": _("stored"), "rejected": _("rejected"), "deleted": _("deleted")}


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


class StoredFile(Model):
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
    #: It is part of the counters (see uploads.files.usage).
    counted = BooleanAttribute(null=True)

    # What happened to it, for people: bounded, however long it lives.
    #: When S3 saw what the record is about, as its event said; None without an event.
    notified_at = UTCDateTimeAttribute(null=True, attr_name="notifiedAt")
    removed_at = UTCDateTimeAttribute(null=True, attr_name="removedAt")
    deletion_asked_at = UTCDateTimeAttribute(null=True, attr_name="deletionAskedAt")
    deletion_asked_by = UnicodeAttribute(null=True, attr_name="deletionAskedBy")
    #: Who uploaded it, once it was given to somebody else.
    uploader = UnicodeAttribute(null=True)
    given_at = UTCDateTimeAttribute(null=True, attr_name="givenAt")
    given_by = UnicodeAttribute(null=True, attr_name="givenBy")
    downloads = NumberAttribute(null=True)
    #: The last few, oldest first.
    last_downloads = ListAttribute(of=Download, null=True, attr_name="lastDownloads")

    file_name_index = FileNameIndex()
    by_owner = OwnerFeed()
    by_owner_name = OwnerNames()
    by_state = AllFeed()
    by_name = AllNames()


class NoRows(models.Manager[Any]):
    """Answers every SQL query with nothing: the rows are in DynamoDB."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class File(models.Model):
    """A StoredFile for Django's admin: gives it a name, URLs and permissions, but no table."""

    id = models.CharField(primary_key=True, max_length=36)
    file_name = models.CharField(_("name"), max_length=255)
    owner = models.CharField(_("owner"), max_length=255)
    size = models.BigIntegerField(_("size"))
    content_type = models.CharField(_("type"), max_length=255)
    state = models.CharField(_("state"), max_length=10, choices=STATE_NAMES)
    reason = models.TextField(_("reason"), blank=True)
    checksum = models.CharField("SHA-256", max_length=64, blank=True)
    key = models.CharField(_("object key"), max_length=64)
    created_at = models.DateTimeField(_("created"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)

    #: The `uploads.files.listing.FileInfo` that it shows.
    info: Any

    objects = NoRows()

    class Meta:
        managed = False
        verbose_name = _("file")
        verbose_name_plural = _("files")
        base_manager_name = "objects"
        default_permissions = ("view", "change", "delete")

    def __str__(self) -> str:
        return policy.shown(self.file_name) or self.id


class Queue(models.Model):
    """The queues in Django's admin: view them, replay dead letters (change), discard (delete)."""

    name = models.CharField(primary_key=True, max_length=80)

    objects = NoRows()

    class Meta:
        managed = False
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        base_manager_name = "objects"
        default_permissions = ("view", "change", "delete")

    def __str__(self) -> str:
        return self.name


class StorageReport(models.Model):
    """The storage report, for Django's admin; `delete` is for ending unfinished uploads."""

    id = models.CharField(primary_key=True, max_length=1)

    objects = NoRows()

    class Meta:
        managed = False
        verbose_name = _("storage report")
        verbose_name_plural = _("storage report")
        base_manager_name = "objects"
        default_permissions = ("view", "delete")

    def __str__(self) -> str:
        return gettext("storage report")


class Quota(models.Model):
    """How many bytes one user may have stored; without it FILEHUB_USER_QUOTA applies."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="quota", verbose_name=_("user")
    )
    limit = models.PositiveBigIntegerField(_("limit"), help_text=_("Bytes."))

    class Meta:
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")

    def __str__(self) -> str:
        return gettext("quota of %(user)s") % {"user": self.user}


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is kept; the token itself is shown once, when made."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="api_tokens",
        # What an inactive user's token asks for is refused.
        limit_choices_to={"is_active": True},
        verbose_name=_("user"),
    )
    name = models.CharField(
        _("name"),
        max_length=100,
        blank=True,
        help_text=_("What it is for, to tell it from others."),
    )
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return gettext("token %(id)s of %(user)s") % {"id": self.pk, "user": self.user}

    @staticmethod
    def new_secret() -> str:
        """A fresh token: a prefix that scanners can find, and 256 random bits."""
        return f"filehub_{secrets.token_urlsafe(32)}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """What is stored of a token. Plain SHA-256 is enough for 256 random bits."""
        return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
