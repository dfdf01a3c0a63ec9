"""How long revoked API tokens may still work."""

from __future__ import annotations

import math

from django import template

from uploads.accounts import token_cache

register = template.Library()


@register.simple_tag
def revocation_delay() -> int:
    """Return the longest delay until other web processes refuse a token, in seconds."""
    return math.ceil(token_cache.SECONDS)
