"""Django system checks: faults of the app's settings that can be seen without a network.

Settings are called here as the environment calls them: FILEHUB_PART_SIZE is `PART_SIZE` in
`settings.FILEHUB`. What concerns the stand-alone project alone is in filehub/checks.py.
What can only be seen on AWS is `uploads.operations.doctor`'s. There is no check of dangerous
content types: no file is ever shown from the site's origin, and none that can run script is shown
at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

from uploads.core.conf import Conf, conf

HOUR = 3600
#: Seconds. Longer than that a presigned address, once passed on, is a permission for anybody.
LONG_EXPIRY = 12 * HOUR
#: Seconds. In less a request that waits for its turn in a browser may expire before it is sent.
SHORT_EXPIRY = 60


@register()
def valid(**kwargs: Any) -> list[CheckMessage]:
    """Unknown keys and wrong values of `settings.FILEHUB`."""
    try:
        conf()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="filehub.E003")]
    return []


def _on_valid_settings(check: Callable[[Conf], Iterator[CheckMessage]]) -> list[CheckMessage]:
    """The findings of a check; none while the settings are invalid, which `valid` reports."""
    try:
        values = conf()
    except ImproperlyConfigured:
        return []
    return list(check(values))


@register()
def limits(**kwargs: Any) -> list[CheckMessage]:
    """Sizes and times that are allowed but suspicious."""
    return _on_valid_settings(_limits)


def _limits(values: Conf) -> Iterator[CheckMessage]:
    if values.part_size > values.multipart_threshold:
        yield Warning(
            "FILEHUB_PART_SIZE is above FILEHUB_MULTIPART_THRESHOLD: some files go “in parts” with "
            "one part, which is slower than one request and cannot be resumed.",
            hint="Make the part size at most the threshold.",
            id="filehub.W002",
        )
    if values.url_expiry > LONG_EXPIRY:
        yield Warning(
            f"FILEHUB_URL_EXPIRY is {values.url_expiry / HOUR:.0f} hours: anybody who "
            "gets hold of a presigned address can use it for that long.",
            hint="The client asks for a new one when it needs it; minutes are enough.",
            id="filehub.W003",
        )
    if values.url_expiry < SHORT_EXPIRY:
        yield Warning(
            f"FILEHUB_URL_EXPIRY is {values.url_expiry} s: requests may expire before they "
            "are sent, and downloads before they are clicked.",
            hint=f"At least {SHORT_EXPIRY} s.",
            id="filehub.W004",
        )
    if values.user_quota == 0:
        yield Warning(
            "FILEHUB_USER_QUOTA is 0: users without a quota of their own may store nothing.",
            hint="Unset it for no limit. If only some users are to upload, this is right: silence "
            "the check (SILENCED_SYSTEM_CHECKS).",
            id="filehub.W005",
        )


@register()
def origins(**kwargs: Any) -> list[CheckMessage]:
    """The bucket answers pages of these origins only, and the site's own must be among them."""
    return _on_valid_settings(_origins)


def _origins(values: Conf) -> Iterator[CheckMessage]:
    hosts = settings.ALLOWED_HOSTS
    named = [urlsplit(origin).hostname or "" for origin in values.cors_origins]
    if any(validate_host(f"[{host}]" if ":" in host else host, hosts) for host in named):
        return
    text = "is empty" if not named else "has no host of ALLOWED_HOSTS"
    yield Warning(
        f"FILEHUB_CORS_ORIGINS {text}: browsers cannot upload from the site's own page.",
        hint="Set it to the site's origin, such as https://files.example.com, and run "
        "manage.py provision.",
        id="filehub.W006",
    )


@register()
def celery_loses_nothing(**kwargs: Any) -> list[CheckMessage]:
    """Settings that the promise to lose no work rests on (filehub/settings.py)."""
    messages: list[CheckMessage] = []
    hidden = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout", 0)
    if hidden <= settings.CELERY_TASK_TIME_LIMIT:
        messages.append(
            Error(
                f"A task may run for {settings.CELERY_TASK_TIME_LIMIT} s, and is given to another "
                f"worker after {hidden} s.",
                hint="CELERY_TASK_TIME_LIMIT must be below VISIBILITY_TIMEOUT "
                "(uploads/core/limits.py); after a change of the latter run manage.py provision.",
                id="filehub.E001",
            )
        )
    wanted = {
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT": False,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
    }
    wrong = [name for name, value in wanted.items() if getattr(settings, name, None) is not value]
    if wrong:
        messages.append(
            Error(
                f"With {' and '.join(wrong)} as set, a task that fails or whose worker dies is "
                "lost.",
                hint=", ".join(f"{name} = {wanted[name]}" for name in wrong),
                id="filehub.E002",
            )
        )
    return messages


@register(Tags.security, deploy=True)
def production(**kwargs: Any) -> list[CheckMessage]:
    """What is fine on your own machine, but not on a site that others use."""
    return _on_valid_settings(_production)


def _production(values: Conf) -> Iterator[CheckMessage]:
    for name in Conf.model_fields:
        if not name.startswith("endpoint_url"):
            continue
        host = urlsplit(getattr(values, name) or "").hostname or ""
        if is_local(host):
            yield Warning(
                f"AWS_{name.upper()} is on this machine ({host}).",
                hint="Unset it to use AWS.",
                id="filehub.W009",
            )
    https = settings.SECURE_SSL_REDIRECT
    if https and any(origin.startswith("http://") for origin in values.cors_origins):
        yield Warning(
            "FILEHUB_CORS_ORIGINS has an origin without TLS, while the site uses HTTPS.",
            hint="The site's page has an origin that begins with https://.",
            id="filehub.W010",
        )
    # The proxy that ends TLS is the only one who calls.
    if https and values.sign_rate_address and not values.trusted_proxies:
        yield Warning(
            "FILEHUB_TRUSTED_PROXIES is 0 behind a proxy: all visitors count as one address, and "
            "together have the rate of one.",
            hint="Set it to the number of proxies that add the caller to X-Forwarded-For, or "
            "FILEHUB_SIGN_RATE_ADDRESS to off.",
            id="filehub.W011",
        )


def is_local(host: str) -> bool:
    """Whether a host name or an address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
