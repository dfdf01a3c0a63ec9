"""Each system check warns of its problem, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from pytest_django import Settings

from tests.support.processes import ROOT
from uploads.core import conf
from uploads.core.limits import MIB
from uploads.operations.checks import check_sqlite

#: Of the app, and of Django.
PRODUCTION: dict[str, Any] = {
    "ENDPOINT_URL": None,
    "CORS_ORIGINS": ("https://files.example.com",),
    "TRUSTED_PROXIES": 1,
}
DJANGO: dict[str, Any] = {
    "ALLOWED_HOSTS": ["files.example.com"],
    "SECURE_SSL_REDIRECT": True,
}


def override(settings: Settings, values: dict[str, Any]) -> None:
    """Set the app's settings and Django's."""
    for name, value in values.items():
        if name in conf.KEYS:
            settings.FILEHUB = settings.FILEHUB | {name: value}
        else:
            setattr(settings, name, value)


def check_messages() -> list[CheckMessage]:
    """The messages of filehub's own checks."""
    messages = run_checks(include_deployment_checks=True)
    return [message for message in messages if str(message.id).startswith("filehub.")]


@pytest.fixture(autouse=True)
def production(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    override(settings, PRODUCTION | DJANGO)
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")


def test_a_production_installation_like_the_documented_one_has_no_warnings() -> None:
    assert check_messages() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, ["filehub.W048"]), ({"transaction_mode": "DEFERRED"}, ["filehub.W048"]),
     ({"transaction_mode": "immediate"}, []), ({"transaction_mode": "EXCLUSIVE"}, [])],
)  # fmt: skip
def test_sqlite_needs_transactions_that_wait(
    options: dict[str, str],
    expected: list[str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(settings.DATABASES["default"], "OPTIONS", options)
    assert [message.id for message in check_sqlite()] == expected


FROM_ENVIRONMENT: dict[str, tuple[str, dict[str, Any]]] = {
    "parts above the threshold": ("W002", {"PART_SIZE": 65 * MIB}),
    "addresses for a day": ("W003", {"URL_EXPIRY": 86_400}),
    "addresses for a moment": ("W004", {"URL_EXPIRY": 5}),
    "nobody may store": ("W005", {"USER_QUOTA": 0}),
    "no origin": ("W006", {"CORS_ORIGINS": ()}),
    "only others' origins": ("W006", {"CORS_ORIGINS": ("https://other.example",)}),
    "any host": ("W007", {"ALLOWED_HOSTS": ("*",)}),
    "no host from outside": (
        "W008",
        {"ALLOWED_HOSTS": ("localhost", "127.0.0.1", "[::1]"),
         "CORS_ORIGINS": ("https://localhost",)},
    ),
    "a local AWS": ("W009", {"ENDPOINT_URL": "http://localhost:4566"}),
    "a local S3": ("W009", {"ENDPOINT_URL_S3": "http://127.0.0.1:9000"}),
    "webhooks to private addresses": ("W037", {"WEBHOOK_PRIVATE_ADDRESSES": "on"}),
    "a proxy that is not known": ("W011", {"TRUSTED_PROXIES": 0}),
    "an origin without TLS": (
        "W010",
        {"CORS_ORIGINS": ("https://files.example.com", "http://old.example.com")},
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("number", "values"), FROM_ENVIRONMENT.values(), ids=FROM_ENVIRONMENT.keys()
)
def test_a_suspicious_setting_causes_a_warning(
    settings: Settings, number: str, values: dict[str, Any]
) -> None:
    override(settings, values)
    (message,) = check_messages()
    assert message.id == f"filehub.{number}"
    assert message.hint


FROM_SETTINGS: dict[str, tuple[str, str, Any]] = {
    "time limit": ("E001", "CELERY_TASK_TIME_LIMIT", 180),
    "early acknowledgement": ("E002", "CELERY_TASK_ACKS_LATE", False),
    "failures acknowledged": ("E002", "CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT", True),
    "dead workers' tasks": ("E002", "CELERY_TASK_REJECT_ON_WORKER_LOST", False),
    "kombu's choice of a broker": ("E004", "CELERY_BROKER_TRANSPORT", None),
    "kombu's own SQS": ("E004", "CELERY_BROKER_TRANSPORT", "sqs"),
    "another broker": ("E004", "CELERY_BROKER_TRANSPORT", "redis"),
}


@pytest.mark.parametrize(
    ("number", "name", "value"), FROM_SETTINGS.values(), ids=FROM_SETTINGS.keys()
)
def test_a_django_setting_that_loses_tasks_causes_a_warning(
    settings: Settings, number: str, name: str, value: Any
) -> None:
    setattr(settings, name, value)
    (message,) = check_messages()
    assert message.id == f"filehub.{number}"
    assert message.hint


STORAGES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "with an owner": ([], {"owner": "7"}),
    "with a function": ([], {"get_owner": "uploads.accounts.owners.usernames"}),
    "without an owner": (["filehub.W047"], {}),
    "with a function that does not exist": (["filehub.E007"], {"get_owner": "no.such"}),
    "with an unknown option": (["filehub.E007"], {"bucket_name": "x"}),
    "in an invalid folder": (["filehub.E007"], {"owner": "7", "folder": "a//b"}),
}


@pytest.mark.parametrize(("ids", "options"), STORAGES.values(), ids=STORAGES.keys())
def test_a_storage_that_cannot_save_causes_a_message(
    settings: Settings, ids: list[str], options: dict[str, Any]
) -> None:
    storage = {"BACKEND": "uploads.storages.FilehubStorage", "OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": storage}
    assert [message.id for message in check_messages()] == ids


@pytest.mark.parametrize(
    ("hosts", "origin"),
    [
        ((".example.com",), "https://files.example.com"),
        (("*",), "https://anything.example"),
        (("[::1]",), "http://[::1]:8000"),
    ],
    ids=["subdomains", "any", "IPv6"],
)
def test_the_sites_own_origin_is_recognised(
    settings: Settings, hosts: tuple[str, ...], origin: str
) -> None:
    override(settings, {"ALLOWED_HOSTS": list(hosts), "CORS_ORIGINS": (origin,)})
    assert "filehub.W006" not in {message.id for message in check_messages()}


def test_production_settings_pass_djangos_deployment_check_and_filehubs_own() -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_"))
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=ROOT,
        env=environment
        | {
            "DJANGO_SECRET_KEY": "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT-uV_wX.yZ~0aB1cD2eF3gH4iJ5kL6",
            "DJANGO_HTTPS": "1",
            "DJANGO_ALLOWED_HOSTS": "files.example.com",
            "DATABASE_URL": "postgres://filehub:secret@db.example.com/filehub",
            "FILEHUB_BUCKET": "example-files",
            "FILEHUB_TRUSTED_PROXIES": "1",
            "FILEHUB_CORS_ORIGINS": "https://files.example.com",
            "EMAIL_URL": "smtp://filehub:secret@mail.example.com",
            "EMAIL_FROM": "filehub@example.com",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
