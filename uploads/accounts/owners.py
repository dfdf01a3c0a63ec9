"""Records name owners by the primary key of the user, as text: here is the way back."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError


def pk_of(owner: str) -> Any:
    """The primary key that records write so; None for what no user can have."""
    field: Any = get_user_model()._meta.pk
    try:
        pk = field.clean(owner, None)
    except (ValidationError, OverflowError):  # an owner from before another user model was chosen
        return None
    return pk if str(pk) == owner else None
