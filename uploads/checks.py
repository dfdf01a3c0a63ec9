"""Django system checks: faults that can be seen without a network."""

from __future__ import annotations

import os
from typing import Any

from django.core.checks import CheckMessage, Warning, register

from filehub.env import Env


@register()
def unknown_settings(**kwargs: Any) -> list[CheckMessage]:
    """A misspelt FILEHUB_ variable would otherwise be ignored in silence."""
    known = {name.upper() for name in Env.model_fields}
    return [
        Warning(
            f"{name} is not a setting of filehub.",
            hint="The README lists the settings. Is it a spelling mistake?",
            id="filehub.W001",
        )
        for name in sorted(os.environ)
        if name.startswith("FILEHUB_") and name not in known
    ]
