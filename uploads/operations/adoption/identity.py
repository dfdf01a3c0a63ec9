"""The upload id of an adopted object: always the same, so that no object is adopted twice. Pure.

A journal on disk would be lost with the machine, and a mark on the original would change it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta

from uploads.aws.foreign import ForeignObject
from uploads.core.keys import upload_id_at


def upload_ids(source: ForeignObject, owner: str, secrets: Iterable[str]) -> list[str]:
    """The ids that one version of an object has or had as a file of this owner.

    The first one is that of the first secret; the others are those of earlier secrets (key
    rotation). The time in an id is that of the last change of the original, which users see as the
    date of the file. It is known to the second; the milliseconds are derived, like the random
    bits: 52 bits in all, so that no two objects of the same second get the same id.
    """
    identity = json.dumps([source.bucket, source.key, source.etag]).encode()
    number = int.from_bytes(hashlib.sha256(identity).digest()[:16], "big")
    number, milliseconds = divmod(number, 1000)
    moment = source.modified_at + timedelta(milliseconds=milliseconds)
    return [upload_id_at(moment, owner, secret, number & (2**42 - 1)) for secret in secrets]
