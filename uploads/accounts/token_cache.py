"""Keep API tokens and their users in memory for seconds, so that requests need no SQL query.

A change that this process makes through Django's models applies at once: every entry is dropped,
and again when the change is committed. Other processes, and changes without signals
(`QuerySet.update`, SQL), take at most SECONDS.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from uploads.models import ApiToken, Quota

#: How long a revoked token, a deactivated user or an old quota may still be used in processes other
#: than the one that changed it.
SECONDS = 5.0
#: The most tokens in memory. Beyond that, the one that was looked up first is dropped.
MAX_TOKENS = 1_000


@dataclass(frozen=True)
class _Entry:
    token: ApiToken
    #: When to read the token again (monotonic seconds).
    expires_at: float


class TokenCache:
    """Digest -> token with its user and quota. Unknown tokens are not kept."""

    def __init__(self, seconds: float = SECONDS, size: int = MAX_TOKENS) -> None:
        self._seconds = seconds
        self._size = size
        self._entries: dict[str, _Entry] = {}
        #: Increases with each change, so that what was read before it is not kept.
        self._version = 0
        self._lock = threading.Lock()

    def get(self, digest: str, find: Callable[[str], ApiToken | None]) -> ApiToken | None:
        """Return the token with this digest, which `find` reads if it is not in memory."""
        entry = self._entries.get(digest)
        if entry is not None and monotonic() < entry.expires_at:
            return entry.token
        version, read_at = self._version, monotonic()
        token = find(digest)
        with self._lock:
            self._entries.pop(digest, None)
            if token is not None and version == self._version:
                self._entries[digest] = _Entry(token, read_at + self._seconds)
                if len(self._entries) > self._size:
                    del self._entries[next(iter(self._entries))]
        return token

    def clear(self) -> None:
        with self._lock:
            self._version += 1
            self._entries.clear()


#: The tokens of this process.
cache = TokenCache()


def watch_changes() -> None:
    """Drop all tokens whenever a token, a user or a quota is saved or deleted.

    Models that extend these, such as proxies, send signals of their own. Permissions and groups do
    not matter: users in memory are copied for each request, and so are what Django notes on them.
    """
    for model in apps.get_models():
        if issubclass(model, (ApiToken, Quota, get_user_model())):
            post_save.connect(_on_change, sender=model, dispatch_uid="filehub.token_cache")
            post_delete.connect(_on_change, sender=model, dispatch_uid="filehub.token_cache")


def _on_change(using: str, **_: Any) -> None:
    cache.clear()
    # Until then, other threads still read the previous state.
    transaction.on_commit(cache.clear, using=using)
