"""Django models: five with a table, and three without one for the admin.

`ApiToken`, `Quota`, `Identity`, `WebhookEndpoint` and `WebhookDelivery` are stored in Django's
database. `File`, `Queue` and
`StorageReport` have no table. They give data from DynamoDB, SQS and S3 a name, URLs and permissions
in the admin.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import models
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
    """A user's account at a provider of single sign-on. One subject is always the same user."""

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


class WebhookEndpoint(models.Model):
    """A URL that is told what happens to files (docs/webhooks.md)."""

    name = models.CharField(_("name"), max_length=100)
    url = models.URLField(_("URL"), max_length=500)
    #: Types of events, separated by spaces (`uploads.files.file_events`).
    events = models.CharField(_("events"), max_length=200)
    #: Signs what is sent; see `new_secret`. It has to be known, so it is not hashed.
    secret = models.CharField(_("secret"), max_length=100, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    #: Why filehub itself has disabled it: `gone`, `failing`, or "".
    disabled_reason = models.CharField(max_length=20, blank=True, editable=False)
    #: Since when every attempt has failed; None after one that succeeded.
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    #: Consecutive failures of the endpoint as a whole, because of which nothing is sent for a time.
    failures = models.PositiveIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(_("paused until"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")

    def __str__(self) -> str:
        return display_name(self.name)

    @property
    def event_list(self) -> list[str]:
        return self.events.split()

    @staticmethod
    def new_secret() -> str:
        """Return a new secret in the form of Standard Webhooks, with 256 random bits."""
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class DeliveryStatus(models.TextChoices):
    """What has become of a delivery."""

    PENDING = "pending", _("pending")
    DELIVERED = "delivered", _("delivered")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("skipped")


class WebhookDelivery(models.Model):
    """One event for one endpoint: what is sent, and how the attempts went."""

    endpoint = models.ForeignKey(
        WebhookEndpoint, models.CASCADE, related_name="deliveries", verbose_name=_("endpoint")
    )
    event_id = models.CharField(_("event"), max_length=64)
    type = models.CharField(_("type"), max_length=40)
    file_id = models.CharField(_("file"), max_length=36, blank=True)
    #: Of two events of one file, the greater one is the newer one.
    sequence = models.CharField(max_length=100, blank=True)
    #: The JSON that is signed and sent, the same in each attempt.
    body = models.TextField(_("payload"))
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=DeliveryStatus.choices,
        default=DeliveryStatus.PENDING,
    )
    #: An operator has requested it again: it is sent even if newer events have been.
    is_replay = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"))
    next_attempt_at = models.DateTimeField(_("next attempt"))
    #: Afterwards it has failed for good.
    expires_at = models.DateTimeField()
    #: While a worker sends it. Expires, in case that the worker dies.
    claimed_until = models.DateTimeField(null=True)
    last_attempt_at = models.DateTimeField(_("last attempt"), null=True)
    #: The last answer: its HTTP status, or why there was none (`uploads.integrations.webhooks`).
    response_status = models.PositiveSmallIntegerField(_("response"), null=True)
    problem = models.CharField(max_length=20, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(
                fields=("endpoint", "event_id"), name="uploads_webhookdelivery_unique"
            )
        ]
        indexes = [
            models.Index(fields=("status", "next_attempt_at"), name="uploads_delivery_due"),
            models.Index(fields=("endpoint", "file_id"), name="uploads_delivery_file"),
            models.Index(fields=("created_at",), name="uploads_delivery_created"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
