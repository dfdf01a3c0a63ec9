"""Typed, lazy view of the settings: overriding `settings.ENV` in a test just works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from uploads.core.limits import S3_MAX_PUT_SIZE
from uploads.core.policy import Rules

if TYPE_CHECKING:
    # For its type alone: the project imports the app, and not the other way round.
    from filehub.env import Env


def env() -> Env:
    """The validated environment that this process runs with."""
    value: Env = settings.ENV
    return value


def rules() -> Rules:
    """What may be uploaded just now: the limits of `uploads.core.policy`, from the settings."""
    return Rules(env().filehub_max_size, S3_MAX_PUT_SIZE, env().filehub_allowed_types)
