"""Django system checks for the app's settings, without network access.

Messages use the names of the environment variables: FILEHUB_PART_SIZE is `PART_SIZE` in
`settings.FILEHUB`. Checks of the stand-alone project are in filehub/checks.py, and checks of AWS
resources in `uploads.operations.doctor`. Dangerous content types need no check: files are never
served from the site's origin, and files that can run scripts are never shown inline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import storages
from django.http.request import validate_host
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from uploads.core.conf import Conf, conf
from uploads.core.errors import FilehubError
from uploads.core.setting_values import is_local

HOUR = 3600
#: Seconds. With a longer expiry, a leaked presigned URL grants access for too long.
LONG_EXPIRY = 12 * HOUR
#: Seconds. With a shorter expiry, a request may expire while it is queued in the browser.
SHORT_EXPIRY = 60
#: Providers at which anyone can have an account.
OPEN_TO_ALL = {"accounts.google.com", "gitlab.com", "appleid.apple.com"}


@register()
def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Report unknown keys and invalid values in `settings.FILEHUB`."""
    try:
        conf()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="filehub.E003")]
    return []


def _on_valid_settings(check: Callable[[Conf], Iterator[CheckMessage]]) -> list[CheckMessage]:
    """Run a check, unless the settings are invalid, which `check_settings` reports."""
    try:
        values = conf()
    except ImproperlyConfigured:
        return []
    return list(check(values))


@register()
def check_limits(**kwargs: Any) -> list[CheckMessage]:
    """Warn of sizes and times that are valid but suspicious."""
    return _on_valid_settings(_limits)


def _limits(values: Conf) -> Iterator[CheckMessage]:
    if values.part_size > values.multipart_threshold:
        yield Warning(
            "FILEHUB_PART_SIZE is above FILEHUB_MULTIPART_THRESHOLD: some multipart uploads have a "
            "single part, which is slower than one request and cannot be resumed.",
            hint="Set the part size to at most the threshold.",
            id="filehub.W002",
        )
    if values.url_expiry > LONG_EXPIRY:
        yield Warning(
            f"FILEHUB_URL_EXPIRY is {values.url_expiry / HOUR:.0f} hours: a leaked "
            "presigned URL works for that long.",
            hint="Minutes are enough, because clients request a new URL when they need one.",
            id="filehub.W003",
        )
    if values.url_expiry < SHORT_EXPIRY:
        yield Warning(
            f"FILEHUB_URL_EXPIRY is {values.url_expiry} s: requests may expire before they "
            "are sent, and downloads before they are clicked.",
            hint=f"Set it to at least {SHORT_EXPIRY} s.",
            id="filehub.W004",
        )
    if values.user_quota == 0:
        yield Warning(
            "FILEHUB_USER_QUOTA is 0: users without their own quota cannot store anything.",
            hint="Unset it for no limit. If only some users may upload, silence this check "
            "(SILENCED_SYSTEM_CHECKS).",
            id="filehub.W005",
        )


@register()
def check_sqlite(**kwargs: Any) -> list[CheckMessage]:
    """Warn if SQLite refuses to write while another process does.

    A transaction that has read before it writes cannot wait for its turn, whatever the timeout.
    https://docs.djangoproject.com/en/5.2/ref/databases/#database-is-locked-errors
    """
    database = settings.DATABASES["default"]
    mode = str(database.get("OPTIONS", {}).get("transaction_mode", "")).upper()
    if not database["ENGINE"].endswith("sqlite3") or mode in {"IMMEDIATE", "EXCLUSIVE"}:
        return []
    return [
        Warning(
            "The database is SQLite, and its transactions begin without a lock: pages fail with "
            "“database is locked” while a worker writes.",
            hint='Set DATABASES["default"]["OPTIONS"]["transaction_mode"] to "IMMEDIATE".',
            id="filehub.W048",
        )
    ]


@register()
def check_origins(**kwargs: Any) -> list[CheckMessage]:
    """Warn if the bucket's CORS rules do not include the site's own origin."""
    return _on_valid_settings(_origins)


def _origins(values: Conf) -> Iterator[CheckMessage]:
    hosts = settings.ALLOWED_HOSTS
    names = [urlsplit(origin).hostname or "" for origin in values.cors_origins]
    if any(validate_host(f"[{name}]" if ":" in name else name, hosts) for name in names):
        return
    text = "includes no host of ALLOWED_HOSTS" if names else "is empty"
    yield Warning(
        f"FILEHUB_CORS_ORIGINS {text}: browsers cannot upload from the site's own page.",
        hint="Set it to the site's origin, for example https://files.example.com, and run "
        "manage.py provision.",
        id="filehub.W006",
    )


@register(Tags.urls)
def check_project(**kwargs: Any) -> list[CheckMessage]:
    """Say what a project lacks that has installed the app (docs/integrating.md)."""
    return list(_project())


def _project() -> Iterator[CheckMessage]:
    try:
        reverse("filehub:home")
    except NoReverseMatch:
        yield Error(
            "The app uploads is installed, but its routes are not in ROOT_URLCONF.",
            hint='urlpatterns += [path("files/", include("uploads.urls"))]',
            id="filehub.E005",
        )
    if "uploads.web.errors.ErrorMiddleware" not in settings.MIDDLEWARE:
        yield Warning(
            "The admin pages of files answer with a bare 500 while AWS is unavailable.",
            hint='MIDDLEWARE += ["uploads.web.errors.ErrorMiddleware"]',
            id="filehub.W038",
        )
    if not apps.is_installed("ninja"):
        yield Warning(
            "The page of the API loads its scripts from another site, because ninja's are not "
            "served.",
            hint='INSTALLED_APPS += ["ninja"]',
            id="filehub.W039",
        )


@register()
def check_storages(**kwargs: Any) -> list[CheckMessage]:
    """Say which of the project's storages cannot save files (`uploads.storages`)."""
    return list(_storages())


def _storages() -> Iterator[CheckMessage]:
    for alias, configured in settings.STORAGES.items():
        if configured.get("BACKEND") != "uploads.storages.FilehubStorage":
            continue
        where = f'STORAGES["{alias}"]'
        try:
            storages.create_storage(configured)
            get_owner = configured.get("OPTIONS", {}).get("get_owner")
            if isinstance(get_owner, str):
                import_string(get_owner)
        except (FilehubError, ImportError, ImproperlyConfigured, TypeError) as exc:
            yield Error(f"{where} cannot be used: {exc}", id="filehub.E007")
            continue
        if not configured.get("OPTIONS", {}).keys() & {"owner", "get_owner"}:
            yield Warning(
                f"{where} has no owner, so it saves files only within "
                "uploads.storages.as_owner(user).",
                hint="Set the option owner or get_owner, or silence this check "
                "(SILENCED_SYSTEM_CHECKS) if all code that saves files uses as_owner.",
                id="filehub.W047",
            )


@register(Tags.security, deploy=True)
def check_production(**kwargs: Any) -> list[CheckMessage]:
    """Warn of settings that are fine for development but not in production."""
    return _on_valid_settings(_production)


def _production(values: Conf) -> Iterator[CheckMessage]:
    for name in Conf.model_fields:
        if not name.startswith("endpoint_url"):
            continue
        host = urlsplit(getattr(values, name) or "").hostname or ""
        if is_local(host):
            yield Warning(
                f"AWS_{name.upper()} points to this machine ({host}).",
                hint="Unset it to use AWS.",
                id="filehub.W009",
            )
    if values.allows_private_webhooks:
        yield Warning(
            "FILEHUB_WEBHOOK_PRIVATE_ADDRESSES is on: anyone who may add webhook endpoints can "
            "send requests to addresses of the internal network.",
            hint="Unset it. Webhooks then go to public addresses only.",
            id="filehub.W037",
        )
    https = settings.SECURE_SSL_REDIRECT
    if https and any(origin.startswith("http://") for origin in values.cors_origins):
        yield Warning(
            "FILEHUB_CORS_ORIGINS contains an http:// origin, but the site uses HTTPS.",
            hint="Use the https:// origin of the site.",
            id="filehub.W010",
        )
    # All requests come from the proxy that terminates TLS.
    if https and values.sign_rate_address and not values.trusted_proxies:
        yield Warning(
            "FILEHUB_TRUSTED_PROXIES is 0 behind a proxy: all visitors share one address and its "
            "rate limit.",
            hint="Set it to the number of proxies that append to X-Forwarded-For, or set "
            "FILEHUB_SIGN_RATE_ADDRESS to off.",
            id="filehub.W011",
        )


@register(Tags.security, deploy=True)
def check_single_sign_on(**kwargs: Any) -> list[CheckMessage]:
    """Warn of incomplete settings of single sign-on."""
    return _on_valid_settings(_single_sign_on)


def _single_sign_on(values: Conf) -> Iterator[CheckMessage]:
    if not values.has_single_sign_on:
        return
    if not values.oidc_client_secret:
        yield Warning(
            "FILEHUB_OIDC_CLIENT_SECRET is not set: anyone who intercepts a response of the "
            "provider knows all that filehub knows.",
            hint="Register filehub as a confidential client (“web application”) at the provider.",
            id="filehub.W034",
        )
    if urlsplit(values.oidc_issuer or "").hostname in OPEN_TO_ALL and not values.oidc_required:
        yield Warning(
            "FILEHUB_OIDC_REQUIRED is empty: anyone in the world with an account at "
            f"{values.oidc_issuer} can sign in and upload.",
            hint="Require a claim that only your organization has, such as hd=example.com.",
            id="filehub.W035",
        )
    grants = values.oidc_staff or values.oidc_superusers or values.oidc_groups
    if not values.has_local_accounts and not grants:
        yield Warning(
            "FILEHUB_LOCAL_ACCOUNTS is off and no claim makes a user staff, so nobody new can "
            "reach the admin site.",
            hint="Set FILEHUB_OIDC_STAFF or FILEHUB_OIDC_SUPERUSERS.",
            id="filehub.W036",
        )
