"""The policy in force: the limits of `uploads.core.policy`, from the settings."""

from __future__ import annotations

from filehub.env import S3_MAX_PUT_SIZE
from uploads.core.conf import env
from uploads.core.policy import Rules


def rules() -> Rules:
    """What may be uploaded just now."""
    return Rules(env().filehub_max_size, S3_MAX_PUT_SIZE, env().filehub_allowed_types)
