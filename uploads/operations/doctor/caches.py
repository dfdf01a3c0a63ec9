"""Check Django's cache, and the server that counts requests for the rate limits."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from django.core.cache import cache
from limits.storage import MemoryStorage

from uploads.core import rate_storage
from uploads.core.conf import conf
from uploads.operations.doctor.finding import Finding


def inspect() -> Iterator[Finding]:
    yield _cache()
    yield _rate_storage()


def _cache() -> Finding:
    key, value = f"filehub-doctor-{secrets.token_hex(8)}", secrets.token_hex(8)
    fix = "Check CACHES in Django's settings, and that its server is running."
    try:
        cache.set(key, value, 60)
        found = cache.get(key)
        cache.delete(key)
    except Exception as exc:  # noqa: BLE001  # each backend has its own errors
        text = f"Django's cache is unavailable ({type(exc).__name__}), so /readyz fails."
        return Finding("FAIL", "cache", text, fix)
    if found != value:
        return Finding("warn", "cache", "Django's cache keeps nothing.", fix)
    return Finding("ok", "cache", "Django's cache works.")


def _rate_storage() -> Finding:
    subject = "rate limits"
    rates = (
        conf().sign_rate_user,
        conf().sign_rate_address,
        conf().sign_in_rate_user,
        conf().sign_in_rate_address,
    )
    if not any(rates):
        return Finding("ok", subject, "off.")
    try:
        storage = rate_storage.connect(conf().sign_rate_storage)
        is_reachable = storage.check()
    except Exception:  # noqa: BLE001  # each storage has its own, and texts may contain passwords
        is_reachable = False
    if not is_reachable:
        return Finding(
            "FAIL", subject,
            "the server in FILEHUB_SIGN_RATE_STORAGE is unreachable, so each web process counts "
            "by itself.",
            "Check that it is running and reachable from here, and the password in its URL.",
        )  # fmt: skip
    if isinstance(storage, MemoryStorage):
        return Finding("ok", subject, "each web process counts by itself, in its memory.")
    return Finding("ok", subject, "the web processes count together, and their server responds.")
