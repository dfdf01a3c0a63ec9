"""Django models: four with a table, and three without one for the admin.

`ApiToken`, `Quota`, `Identity` and `AuditEntry` are stored in Django's database. `File`, `Queue`
and `StorageReport` have no table. They give data from DynamoDB, SQS and S3 a name, URLs and
permissions in the admin.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NoReturn

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.core.names import display_name

#: Display names for the states of a record (see `uploads.files.record`).
STATE_NAMES = {
    "stored": _("stored"),
    "trashed": _("in the trash"),
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
    state = models.CharField(_("state"), max_length=10, choices=STATE_NAMES)
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


class Quota(models.Model):
    """A user's own quota in bytes. Without one, FILEHUB_USER_QUOTA applies."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="quota", verbose_name=_("user")
    )
    limit = models.PositiveBigIntegerField(_("limit"), help_text=_("In bytes."))

    class Meta:
        verbose_name = _("quota")
        verbose_name_plural = _("quotas")

    def __str__(self) -> str:
        return gettext("quota of %(user)s") % {"user": self.user}


class Scope(models.TextChoices):
    """What a program may do with an API token. Each route of the API names the one it needs."""

    UPLOAD = "upload", _("upload and organize files")
    READ = "read", _("list and download files")
    DELETE = "delete", _("delete files")


class ApiToken(models.Model):
    """A bearer token. Only its SHA-256 is stored; the secret is shown once, on creation."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="api_tokens",
        # Tokens of inactive users are rejected.
        limit_choices_to={"is_active": True},
        verbose_name=_("user"),
    )
    name = models.CharField(
        _("name"),
        max_length=100,
        blank=True,
        help_text=_("What the token is used for."),
    )
    digest = models.CharField(max_length=64, unique=True)
    #: Names of scopes, separated by spaces. Without any, a token may do nothing.
    scopes = models.CharField(_("scopes"), max_length=100)
    #: The last day (UTC) on which it works.
    expires_on = models.DateField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return gettext("token %(id)s of %(user)s") % {"id": self.pk, "user": self.user}

    @property
    def scope_list(self) -> list[Scope]:
        """The scopes in their usual order. Names that this version does not know grant nothing."""
        names = self.scopes.split()
        return [scope for scope in Scope if scope in names]

    @property
    def has_expired(self) -> bool:
        return self.expires_on is not None and self.expires_on < datetime.now(UTC).date()

    @staticmethod
    def join_scopes(scopes: Iterable[Scope]) -> str:
        """Return the stored form of scopes."""
        chosen = set(scopes)
        return " ".join(scope for scope in Scope if scope in chosen)

    @staticmethod
    def new_secret() -> str:
        """Return a new secret: a prefix that secret scanners recognise, and 256 random bits."""
        return f"filehub_{secrets.token_urlsafe(32)}"

    @staticmethod
    def digest_of(secret: str) -> str:
        """Return the hash to store. Plain SHA-256 is enough for 256 random bits."""
        return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Identity(models.Model):
    """An account of a user at a provider of single sign-on: one subject is one user, for ever."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="identities",
        verbose_name=_("user"),
    )
    issuer = models.CharField(_("issuer"), max_length=255)
    subject = models.CharField(_("subject"), max_length=255)
    #: The username that the provider suggested last, so that only a new one renames the user.
    suggested_username = models.CharField(max_length=150)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("single sign-on")
        verbose_name_plural = _("single sign-on")
        constraints = [
            models.UniqueConstraint(fields=("issuer", "subject"), name="uploads_identity_unique")
        ]

    def __str__(self) -> str:
        return f"{display_name(self.subject)} · {self.issuer}"


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
    OWNER_CHANGED = "owner_changed", _("owner changed")
    FOLDER_CREATED = "folder_created", _("folder created")
    FOLDER_MOVED = "folder_moved", _("folder moved")
    FOLDER_DELETED = "folder_deleted", _("folder deleted")
    QUOTA_CHANGED = "quota_changed", _("quota changed")
    RIGHTS_CHANGED = "rights_changed", _("user or group changed")
    LETTERS_REPLAYED = "letters_replayed", _("dead letters replayed")
    LETTERS_DISCARDED = "letters_discarded", _("dead letters discarded")
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
    """Entries can be added and read. PostgreSQL also refuses the rest (migration 0004)."""

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
    action = models.CharField(_("action"), max_length=20)
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
