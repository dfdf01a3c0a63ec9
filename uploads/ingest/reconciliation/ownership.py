"""Whether the bucket is the one that the records are about.

A wrong bucket looks like one whose objects were all removed. So before a run that has seen no
object beside its record changes anything, it looks for a file of this installation in the bucket.
IAM: s3:ListBucket, s3:GetObject; dynamodb:BatchGetItem, dynamodb:Query on the index AllFeed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from django.conf import settings

from uploads.aws import s3
from uploads.core import keys
from uploads.files import queries
from uploads.ingest.reconciliation import comparison

#: Objects that are tried in each of the sixteen shards, the oldest first.
SAMPLE = 3

_LOWEST = str(UUID(int=0))


def is_own_bucket() -> bool:
    """Whether the bucket has a file of this installation, or the table has no stored files.

    A file is of this installation if its id has a record in any state, or was issued by this
    installation to the owner that the object names: its record may be lost. Without stored files,
    nothing can be missing. In the right bucket this costs a few requests; otherwise a listing and a
    query for each shard, and a HeadObject for each object that is tried. Raises BackendUnavailable.
    """
    until = keys.first_id_at(datetime.now(UTC))
    return any(_has_own_object(shard, until) for shard in keys.SHARDS) or not any(
        comparison.has_records(shard, until=until) for shard in keys.SHARDS
    )


def _has_own_object(shard: str, until: str) -> bool:
    listed = islice(s3.list_objects(shard, after=_LOWEST, until=until), SAMPLE)
    sample = [s3_object.id for s3_object in listed]
    return bool(queries.recorded(sample)) or any(map(_was_issued_here, sample))


def _was_issued_here(upload_id: str) -> bool:
    s3_object = s3.head(upload_id)
    secrets = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return (
        s3_object is not None
        and s3_object.owner is not None
        and keys.was_issued_to(upload_id, s3_object.owner, secrets)
    )
