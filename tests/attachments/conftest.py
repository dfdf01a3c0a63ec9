from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from tests.attachments.shop import MODELS


@pytest.fixture(scope="session")
def _tables(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables of tests/attachments/shop.py, an app that the settings do not install."""
    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)


@pytest.fixture
def shop(_tables: None, db: None, settings: Settings) -> None:
    """Forms and rows with files, in pages whose static files are not collected."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture
def installed(shop: None, settings: Settings) -> None:
    """The models belong to an installed app, as those of a project do."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.attachments"]
