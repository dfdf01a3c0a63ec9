"""Models without a table: they give data from DynamoDB, SQS and S3 a name, URLs and permissions in
the admin.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.core.names import display_name

#: Display names for the states of a record (see `uploads.files.record`).
STATE_NAMES = {
    "stored": _("stored"),
    "trashed": _("in the trash"),
    "scanning": _("being checked for malware"),
    "quarantined": _("in quarantine"),
    "rejected": _("rejected"),
    "deleted": _("deleted"),
}


class EmptyManager(models.Manager[Any]):
    """A manager that never returns rows, for models without a table."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class File(models.Model):
    """A StoredFile in the admin. It has no table."""

    id = models.CharField(primary_key=True, max_length=36)
    file_name = models.CharField(_("name"), max_length=255)
    owner = models.CharField(_("owner"), max_length=255)
    size = models.BigIntegerField(_("size"))
    content_type = models.CharField(_("type"), max_length=255)
    state = models.CharField(_("state"), max_length=12, choices=STATE_NAMES)
    reason = models.TextField(_("reason"), blank=True)
    checksum = models.CharField("SHA-256", max_length=64, blank=True)
    key = models.CharField(_("object key"), max_length=64)
    created_at = models.DateTimeField(_("created"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)

    #: The `uploads.files.record.FileInfo` behind this instance.
    info: Any

    objects = EmptyManager()

    class Meta:
        managed = False
        verbose_name = _("file")
        verbose_name_plural = _("files")
        base_manager_name = "objects"
        default_permissions = ("view", "change", "delete")

    def __str__(self) -> str:
        return display_name(self.file_name) or self.id


class Queue(models.Model):
    """A queue in the admin. `change` allows replaying dead letters, `delete` discarding them."""

    name = models.CharField(primary_key=True, max_length=80)

    objects = EmptyManager()

    class Meta:
        managed = False
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        base_manager_name = "objects"
        default_permissions = ("view", "change", "delete")

    def __str__(self) -> str:
        return self.name


class StorageReport(models.Model):
    """The storage report in the admin. `delete` allows aborting unfinished uploads."""

    id = models.CharField(primary_key=True, max_length=1)

    objects = EmptyManager()

    class Meta:
        managed = False
        verbose_name = _("storage report")
        verbose_name_plural = _("storage report")
        base_manager_name = "objects"
        default_permissions = ("view", "delete")

    def __str__(self) -> str:
        return gettext("storage report")
