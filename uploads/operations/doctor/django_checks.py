"""Django's system checks, the database connection and pending migrations."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from uploads.core.conf import conf
from uploads.operations.doctor.finding import Finding, Level


def is_production() -> bool:
    """Whether this looks like a production site: it uses HTTPS or the real AWS."""
    return settings.SECURE_SSL_REDIRECT or conf().endpoint("s3") is None


def inspect() -> Iterator[Finding]:
    yield from _settings()
    yield _database()


def _settings() -> Iterator[Finding]:
    messages = checks.run_checks(include_deployment_checks=is_production())
    for message in messages:
        if not message.is_silenced():
            subject, text = f"settings ({message.id})", str(message.msg)
            yield Finding(_level(message), subject, text, message.hint or "")
    if settings.DEBUG and is_production():
        yield Finding(
            "FAIL", "settings", "DJANGO_DEBUG is on: error pages show settings and source code.",
            "Unset DJANGO_DEBUG.",
        )  # fmt: skip
    if not messages:
        yield Finding("ok", "settings", "no issues (manage.py check).")


def _level(message: checks.CheckMessage) -> Level:
    if message.is_serious():
        return "FAIL"
    return "warn" if message.level >= checks.WARNING else "ok"


def _database() -> Finding:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as exc:
        return Finding(
            "FAIL", "database", f"{connection.vendor} is unavailable ({type(exc).__name__}).",
            "Check that it is running and that DATABASE_URL is correct.",
        )  # fmt: skip
    if pending:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in pending[:3])
        more = f" and {len(pending) - 3} more" if len(pending) > 3 else ""
        return Finding(
            "FAIL", "database", f"migrations are pending: {names}{more}.",
            "python manage.py migrate",
        )  # fmt: skip
    return Finding(
        "ok", "database", f"{connection.vendor} is reachable, and no migrations are pending."
    )
