"""System checks of the standalone project, for the environment variables of Django itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Tags, Warning, register

from filehub import env, mail, telemetry
from uploads.core.conf import conf
from uploads.core.setting_values import is_local
from uploads.core.sign_in_conf import NO_MAIL


@register()
def unknown_variables(**kwargs: Any) -> list[CheckMessage]:
    """Warn about unknown FILEHUB_ variables, which would otherwise be ignored silently."""
    return [
        Warning(
            f"{name} is not a filehub setting.",
            hint="Check the spelling. docs/reference.md lists all settings.",
            id="filehub.W001",
        )
        for name in env.unknown_variables()
    ]


@register()
def traces(**kwargs: Any) -> list[CheckMessage]:
    """Warn if there are no traces although the OTEL_ variables ask for them."""
    if not telemetry.problem:
        return []
    hint = "Or unset the OTEL_ variables."
    return [Warning(f"There are no traces: {telemetry.problem}", hint=hint, id="filehub.W038")]


@register(Tags.security, deploy=True)
def production(**kwargs: Any) -> list[CheckMessage]:
    """Find settings that are fine for development but not in production."""
    return list(_production())


def _production() -> Iterator[CheckMessage]:
    hosts = settings.ALLOWED_HOSTS
    if "*" in hosts:
        yield Warning(
            "DJANGO_ALLOWED_HOSTS contains *, so any client can choose the host name in the site's "
            "links.",
            hint="List the site's host names.",
            id="filehub.W007",
        )
    elif all(is_local(host.strip("[]")) for host in hosts):
        yield Warning(
            "DJANGO_ALLOWED_HOSTS contains only local names, so requests from elsewhere get 400.",
            hint="Add the site's host name, such as files.example.com.",
            id="filehub.W008",
        )
    yield from _sign_in()
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        yield Info(
            "Django's database is SQLite, so web and worker must run on the same machine.",
            hint="To use several machines, set DATABASE_URL to a PostgreSQL database.",
            id="filehub.I001",
        )


def _sign_in() -> Iterator[CheckMessage]:
    if conf().has_local_accounts and settings.EMAIL_BACKEND == NO_MAIL:
        yield Warning(
            "EMAIL_URL is not set, so users cannot reset a password that they have forgotten.",
            hint="Set EMAIL_URL and EMAIL_FROM. Or set FILEHUB_LOCAL_ACCOUNTS to off, if all users "
            "sign in at a provider.",
            id="filehub.W031",
        )
    if mail.is_exposed(settings):
        yield Warning(
            "EMAIL_URL sends mail unencrypted to another machine, so that others may read links "
            "that reset passwords.",
            hint="Use smtp:// or smtps://.",
            id="filehub.W032",
        )
    if conf().has_single_sign_on and not settings.SECURE_SSL_REDIRECT:
        yield Warning(
            "DJANGO_HTTPS is not set, so the provider would send users back to an http:// address.",
            hint="Set DJANGO_HTTPS, and register https://<host>/accounts/sso/callback at the "
            "provider.",
            id="filehub.W033",
        )
