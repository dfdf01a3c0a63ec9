"""The audit log: entries that can be added and read, and are deleted by age alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from django.db import models, transaction
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    """What somebody did. The names are stored, so they never change."""

    SIGN_IN = "sign_in", _("signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
    SIGN_OUT = "sign_out", _("signed out")
    PASSWORD_CHANGED = "password_changed", _("password changed")
    PASSWORD_RESET = "password_reset", _("password reset")
    TOKEN_CREATED = "token_created", _("API token created")
    TOKEN_REVOKED = "token_revoked", _("API token revoked")
    UPLOAD_SIGNED = "upload_signed", _("upload signed")
    UPLOAD_ABORTED = "upload_aborted", _("upload aborted")
    DOWNLOAD_SIGNED = "download_signed", _("download signed")
    PREVIEW_SIGNED = "preview_signed", _("preview signed")
    LIST_EXPORTED = "list_exported", _("list of files downloaded")
    FILE_CHANGED = "file_changed", _("renamed or moved")
    FILE_TRASHED = "file_trashed", _("moved to the trash")
    FILE_RESTORED = "file_restored", _("restored")
    FILE_DELETED = "file_deleted", _("permanently deleted")
    FILE_CHECKED = "file_checked", _("file checked again")
    FILE_RELEASED = "file_released", _("released from quarantine")
    FILE_SCANNED = "file_scanned", _("check for malware requested")
    OWNER_CHANGED = "owner_changed", _("owner changed")
    FOLDER_CREATED = "folder_created", _("folder created")
    FOLDER_MOVED = "folder_moved", _("folder moved")
    FOLDER_DELETED = "folder_deleted", _("folder deleted")
    QUOTA_CHANGED = "quota_changed", _("quota changed")
    RIGHTS_CHANGED = "rights_changed", _("user or group changed")
    DEAD_LETTERS_REPLAYED = "dead_letters_replayed", _("dead letters replayed")
    DEAD_LETTERS_DISCARDED = "dead_letters_discarded", _("dead letters discarded")
    AUDIT_EXPORTED = "audit_exported", _("audit log downloaded")
    ADMIN_CHANGE = "admin_change", _("other change in the admin site")


class AuditOutcome(models.TextChoices):
    OK = "ok", _("done")
    REFUSED = "refused", _("refused")
    FAILED = "failed", _("failed")


class AppendOnly(Exception):
    """Something tried to change or delete entries of the audit log."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit log can be neither changed nor deleted.")


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Entries can be added and read. PostgreSQL also refuses the rest (migration 0005)."""

    def update(self, **changes: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly

    def bulk_create(self, objs: Any, *args: Any, **options: Any) -> list[AuditEntry]:
        if options.get("update_conflicts"):
            raise AppendOnly
        return super().bulk_create(objs, *args, **options)

    def expire(self, before: datetime, limit: int) -> int:
        """Delete the oldest entries from before this time, at most `limit`; return how many."""
        with transaction.atomic(using=self.db):
            oldest = self.filter(at__lt=before).order_by("at", "id")
            expired = list(oldest.values_list("pk", flat=True)[:limit])
            if expired:
                connection = transaction.get_connection(self.db)
                if connection.vendor == "postgresql":
                    with connection.cursor() as cursor:
                        # The trigger lets only this transaction delete.
                        cursor.execute("SET LOCAL filehub.audit_retention = 'on'")
                # No signals and no cascades: nothing refers to entries.
                self.filter(pk__in=expired)._raw_delete(self.db)
        return len(expired)


class AuditEntry(models.Model):
    """What somebody did: who, what, when, from where. Written once, and deleted by age alone.

    It copies names instead of referring to rows, because it outlives users, tokens and files. The
    page that shows entries is ordered by time and id, as each index is.
    """

    at = models.DateTimeField(_("time"))
    action = models.CharField(_("action"), max_length=30)
    outcome = models.CharField(_("outcome"), max_length=8)
    #: The owner string of the user, and the name that they had. "" without a known user.
    user_key = models.CharField(_("user id"), max_length=64, blank=True)
    user_name = models.CharField(_("user"), max_length=150, blank=True)
    #: The API token that authenticated the request.
    token_id = models.BigIntegerField(_("API token"), null=True, blank=True)
    #: What the action was about, such as `file`; its id, and the name that it had.
    object_kind = models.CharField(_("kind of object"), max_length=20, blank=True)
    object_id = models.CharField(_("object id"), max_length=255, blank=True)
    object_name = models.CharField(_("object"), max_length=255, blank=True)
    #: What else is to be known, in English: what changed, or the code of an error.
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    address = models.CharField(_("address"), max_length=64, blank=True)
    agent = models.CharField(_("user agent"), max_length=200, blank=True)
    request_id = models.CharField(_("request id"), max_length=128, blank=True)

    objects = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        base_manager_name = "objects"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=("at", "id"), name="uploads_audit_at"),
            models.Index(fields=("user_key", "at", "id"), name="uploads_audit_user"),
            models.Index(fields=("object_id", "at", "id"), name="uploads_audit_object"),
            models.Index(fields=("action", "at", "id"), name="uploads_audit_action"),
        ]

    def __str__(self) -> str:
        return f"{self.action_label} · {self.pk}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        raise AppendOnly

    # Not the fields' choices: each new action would need a migration.

    @property
    def action_label(self) -> str:
        return _label_of(AuditAction, self.action)

    @property
    def outcome_label(self) -> str:
        return _label_of(AuditOutcome, self.outcome)


def _label_of(choices: type[models.TextChoices], value: str) -> str:
    """The name of a choice, or the value itself if a later version wrote it."""
    return str(choices(value).label) if value in choices.values else value
