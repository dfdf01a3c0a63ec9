"""Webhook endpoints, and what was sent to them."""

from __future__ import annotations

import base64
import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from uploads.core.names import display_name


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
