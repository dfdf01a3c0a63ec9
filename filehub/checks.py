"""System checks of the standalone project, for the environment variables of Django itself.

And for its Celery settings, without which tasks can be lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register

from filehub import env, mail, telemetry
from uploads.core.conf import conf
from uploads.core.setting_values import is_local
from uploads.core.sign_in_conf import NO_MAIL
from uploads.worker import broker


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


@register()
def check_celery(**kwargs: Any) -> list[CheckMessage]:
    """Check the Celery settings without which tasks can be lost."""
    if getattr(settings, "CELERY_BROKER_TRANSPORT", None) != broker.TRANSPORT:
        return [
            Error(
                "Celery's broker is not SQS through filehub's transport, so a task that fails "
                "would be lost.",
                hint=f"CELERY_BROKER_TRANSPORT = {broker.TRANSPORT!r}, and the other CELERY_… "
                "settings as in uploads/worker/configuration.py. Use other brokers only in other "
                "Celery apps.",
                id="filehub.E004",
            )
        ]
    messages: list[CheckMessage] = []
    hidden = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("visibility_timeout", 0)
    if hidden <= settings.CELERY_TASK_TIME_LIMIT:
        messages.append(
            Error(
                f"A task may run for {settings.CELERY_TASK_TIME_LIMIT} s but is redelivered to "
                f"another worker after {hidden} s.",
                hint="CELERY_TASK_TIME_LIMIT must be below VISIBILITY_TIMEOUT "
                "(uploads/core/limits.py). Run manage.py provision after changing the latter.",
                id="filehub.E001",
            )
        )
    required = {
        "CELERY_TASK_ACKS_LATE": True,
        "CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT": False,
        "CELERY_TASK_REJECT_ON_WORKER_LOST": True,
    }
    wrong = [name for name, value in required.items() if getattr(settings, name, None) is not value]
    if wrong:
        messages.append(
            Error(
                f"Tasks that fail or whose worker dies are lost, because of {' and '.join(wrong)}.",
                hint=", ".join(f"{name} = {required[name]}" for name in wrong),
                id="filehub.E002",
            )
        )
    return messages
