"""Rules for tests of names, sizes and types."""

from __future__ import annotations

from uploads.core import policy

ANY = policy.Rules(max_size=1000, max_put_size=1000, allowed_types=("*",))


def allowing(*types: str) -> policy.Rules:
    return policy.Rules(max_size=1000, max_put_size=1000, allowed_types=types)
