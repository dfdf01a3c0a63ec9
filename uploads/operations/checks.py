"""Django system checks: faults that can be seen without a network.

What can only be seen on AWS is `uploads.operations.doctor`'s. There is no check of dangerous
content types: no file is ever shown from the site's origin, and none that can run script is shown
at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.http.request import validate_host

from uploads.core.conf import env

if TYPE_CHECKING:
    from filehub.env import Env

HOUR = 3600
#: Seconds. Longer than that a presigned address, once passed on, is a permission for anybody.
LONG_EXPIRY = 12 * HOUR
#: Seconds. In less a request that waits for its turn in a browser may expire before it is sent.
SHORT_EXPIRY = 60


@register()
def unknown_settings(**kwargs: Any) -> list[CheckMessage]:
    """A misspelt FILEHUB_ variable would otherwise be ignored in silence."""
    known = {name.upper() for name in type(env()).model_fields}
    return [
        Warning(
            f"{name} is not a setting of filehub.",
            hint="The README lists the settings. Is it a spelling mistake?",
            id="filehub.W001",
        )
        for name in sorted(os.environ)
        if name.startswith("FILEHUB_") and name not in known
    ]


@register()
def limits(**kwargs: Any) -> list[CheckMessage]:
    """Sizes and times that are allowed, and hardly meant."""
    return list(_limits(env()))


def _limits(values: Env) -> Iterator[CheckMessage]:
    if values.filehub_part_size > values.filehub_multipart_threshold:
        yield Warning(
            "FILEHUB_PART_SIZE is above FILEHUB_MULTIPART_THRESHOLD: some files go “in parts” with "
            "one part, which is slower than one request and cannot be gone on with.",
            hint="Make the part size at most the threshold.",
            id="filehub.W002",
        )
    if values.filehub_url_expiry > LONG_EXPIRY:
        yield Warning(
            f"FILEHUB_URL_EXPIRY is {values.filehub_url_expiry / HOUR:.0f} hours: whoever gets "
            "hold of a presigned address can use it for so long.",
            hint="The client asks for a new one when it needs it; minutes are enough.",
            id="filehub.W003",
        )
    if values.filehub_url_expiry < SHORT_EXPIRY:
        yield Warning(
            f"FILEHUB_URL_EXPIRY is {values.filehub_url_expiry} s: requests may expire before they "
            "are sent, and downloads before they are clicked.",
            hint=f"At least {SHORT_EXPIRY} s.",
            id="filehub.W004",
        )
    if values.filehub_user_quota == 0:
        yield Warning(
            "FILEHUB_USER_QUOTA is 0: users without a quota of their own may store nothing.",
            hint="Unset it for no limit. If only some users are to upload, this is right: silence "
            "the check (SILENCED_SYSTEM_CHECKS).",
            id="filehub.W005",
        )


@register()
def origins(**kwargs: Any) -> list[CheckMessage]:
    """The bucket answers pages of these origins only, and the site's own must be among them."""
    hosts = list(env().django_allowed_hosts)
    named = [urlsplit(origin).hostname or "" for origin in env().filehub_cors_origins]
    if any(validate_host(f"[{host}]" if ":" in host else host, hosts) for host in named):
        return []
    text = "is empty" if not named else "has no host of DJANGO_ALLOWED_HOSTS"
    return [
        Warning(
            f"FILEHUB_CORS_ORIGINS {text}: browsers cannot upload from the site's own page.",
            hint="Set it to the site's origin, such as https://files.example.com, and run "
            "manage.py provision.",
            id="filehub.W006",
        )
    ]


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
    """What is right on one's own machine, and hardly where others come in."""
    return list(_production(env()))


def _production(values: Env) -> Iterator[CheckMessage]:
    hosts = values.django_allowed_hosts
    if "*" in hosts:
        yield Warning(
            "DJANGO_ALLOWED_HOSTS has *: whoever sends a request decides what host the site's "
            "links name.",
            hint="Name the hosts that the site has.",
            id="filehub.W007",
        )
    elif all(_is_local(host.strip("[]")) for host in hosts):
        yield Warning(
            "DJANGO_ALLOWED_HOSTS has no name but this machine's own: everybody else gets 400.",
            hint="Add the site's host, such as files.example.com.",
            id="filehub.W008",
        )
    endpoints = {
        name: urlsplit(url).hostname or ""
        for name in type(env()).model_fields
        if name.startswith("aws_endpoint_url") and (url := getattr(values, name))
    }
    for name, host in endpoints.items():
        if _is_local(host):
            yield Warning(
                f"{name.upper()} is on this machine ({host}).",
                hint="Unset it to use AWS.",
                id="filehub.W009",
            )
    if values.django_https and any(
        origin.startswith("http://") for origin in values.filehub_cors_origins
    ):
        yield Warning(
            "FILEHUB_CORS_ORIGINS has an origin without TLS, while DJANGO_HTTPS is on.",
            hint="The site's page has an origin that begins with https://.",
            id="filehub.W010",
        )
    # The proxy that ends TLS is the only one who calls.
    if (
        values.django_https
        and values.filehub_sign_rate_address
        and not values.filehub_trusted_proxies
    ):
        yield Warning(
            "FILEHUB_TRUSTED_PROXIES is 0 behind a proxy: all visitors count as one address, and "
            "together have the rate of one.",
            hint="Set it to the number of proxies that add the caller to X-Forwarded-For, or "
            "FILEHUB_SIGN_RATE_ADDRESS to off.",
            id="filehub.W011",
        )
    if values.database_url.startswith("sqlite:"):
        yield Info(
            "Django's database is SQLite: web and worker have to be on one machine.",
            hint="With more than one, set DATABASE_URL to a PostgreSQL.",
            id="filehub.I001",
        )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
