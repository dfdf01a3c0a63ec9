"""Typed, lazy view of the settings: overriding `settings.ENV` in a test just works."""

from __future__ import annotations

from django.conf import settings

from filehub.env import Env


def env() -> Env:
    """The validated environment that this process runs with."""
    value: Env = settings.ENV
    return value
