"""Idempotency keys: a repeated request to begin an upload gets the id that the first one got.

Signing writes nothing, so the id is not stored. It is computed from the owner, the key, the request
and the time, in steps of WINDOW: every process gets the same one. Another request with the same key
has another id, so that neither file can take the place of the other.

Django's cache remembers each key for a day: the time of its first request, which keeps the id the
same, and its digest, which tells that another request uses the key. If the cache has lost the key,
or each process has a cache of its own, as by default, a repetition after WINDOW begins another
upload, and the key may be used for another request. Neither harms: an upload that is never sent
leaves nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.cache import cache

from uploads.core import keys
from uploads.core.errors import IdempotencyKeyReused, InvalidRequest
from uploads.transfers.begin import FileRequest

logger = logging.getLogger(__name__)

#: How long every process computes the same id, even without a cache. Ids sort by time, and are
#: earlier than the request by this much at most.
WINDOW = timedelta(minutes=5)
#: How long a key belongs to its first request.
KEPT = timedelta(days=1)
#: Visible ASCII: what any HTTP library sends unchanged.
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def claim(owner: str, key: str, file: FileRequest, position: int = 0) -> FileRequest:
    """Return the request with the upload id that belongs to it and to this key of the owner.

    `position` is that of a file in a batch with one key. Raises IdempotencyKeyReused if the key
    belongs to another request, and InvalidRequest for a key that is not 1 to 255 visible ASCII
    characters.
    """
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            "Idempotency-Key must be 1 to 255 visible ASCII characters.",
            code="invalid_idempotency_key",
        )
    # Without a field as earlier versions compute it, which may still run during an upgrade.
    about = {name: value for name, value in asdict(file).items() if name != "field" or value}
    request = json.dumps(about, sort_keys=True, default=str)
    key = f"{position}:{key}"
    digest = _digest("request", owner, key, request)
    now = datetime.now(UTC).timestamp()
    started_at = now - now % WINDOW.total_seconds()
    first = _first(_digest("key", owner, key), (digest, started_at))
    if first[0] != digest:
        raise IdempotencyKeyReused
    upload_id = keys.upload_id_at(
        datetime.fromtimestamp(first[1], UTC),
        owner,
        settings.SECRET_KEY,
        int(digest, 16) & (2**42 - 1),
    )
    return replace(file, upload_id=upload_id)


def _digest(*parts: str) -> str:
    key = b"filehub idempotency:" + settings.SECRET_KEY.encode()
    return hmac.digest(key, json.dumps(parts).encode(), hashlib.sha256).hex()


def _first(key: str, this: tuple[str, float]) -> tuple[str, float]:
    """The digest and time that the cache has for a key, which are these if it has none."""
    try:
        first = cache.get_or_set(f"filehub-idempotency-{key}", this, KEPT.total_seconds())
    except Exception as exc:  # noqa: BLE001  # each backend has its own errors
        logger.warning("The cache does not keep idempotency keys: %r", exc)
        return this
    return first or this
