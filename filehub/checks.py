"""System checks of the stand-alone project: what the environment says about Django itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Tags, Warning, register

from filehub import env
from uploads.operations.checks import is_local


@register()
def unknown_variables(**kwargs: Any) -> list[CheckMessage]:
    """A misspelt FILEHUB_ variable would otherwise be ignored silently."""
    return [
        Warning(
            f"{name} is not a setting of filehub.",
            hint="docs/reference.md lists the settings. Is it a spelling mistake?",
            id="filehub.W001",
        )
        for name in env.unknown_variables()
    ]


@register(Tags.security, deploy=True)
def production(**kwargs: Any) -> list[CheckMessage]:
    """What is fine on your own machine, but not on a site that others use."""
    return list(_production())


def _production() -> Iterator[CheckMessage]:
    hosts = settings.ALLOWED_HOSTS
    if "*" in hosts:
        yield Warning(
            "DJANGO_ALLOWED_HOSTS has *: the sender of a request decides which host the site's "
            "links name.",
            hint="Name the hosts that the site has.",
            id="filehub.W007",
        )
    elif all(is_local(host.strip("[]")) for host in hosts):
        yield Warning(
            "DJANGO_ALLOWED_HOSTS has no name but this machine's own: everybody else gets 400.",
            hint="Add the site's host, such as files.example.com.",
            id="filehub.W008",
        )
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
        yield Info(
            "Django's database is SQLite: web and worker have to be on one machine.",
            hint="With more than one, set DATABASE_URL to a PostgreSQL.",
            id="filehub.I001",
        )
