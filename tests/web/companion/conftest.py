"""Uppy with and without an upload."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.web.companion.uppy import Uppy


@pytest.fixture
def uppy(aws: None, alice: User) -> Uppy:
    return Uppy(alice)


@pytest.fixture
def begun(uppy: Uppy) -> Uppy:
    assert uppy.create().status_code == 200
    return uppy
