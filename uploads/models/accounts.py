"""What belongs to a user: quota, API tokens, and accounts at providers of single sign-on."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from uploads.core.names import display_name


class Quota(models.Model):
    """A user's own quota in bytes. Without one, FILEHUB_USER_QUOTA applies."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="filehub_quota",
        verbose_name=_("user"),
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
        related_name="filehub_api_tokens",
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
        related_name="filehub_identities",
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
