"""Fake records for tests and benchmarks, with the attributes that the worker would have written.

They have no objects in S3, so reconciliation would mark them deleted. For a local AWS only.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings

from uploads.aws.dynamodb import table_errors
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import FilehubError
from uploads.core.names import MAX_NAME_BYTES, check_name
from uploads.core.reasons import Reason, dump
from uploads.files import counting
from uploads.files.record import Download, State, StoredFile
from uploads.files.states import in_state
from uploads.ingest import records

#: Percentage of records in each state.
_STATES: dict[State, int] = {"stored": 89, "trashed": 3, "rejected": 3, "deleted": 5}

#: Media types of every type group, with their file extensions.
_TYPES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "video/mp4": ".mp4",
    "audio/mpeg": ".mp3",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/x-tar": ".tar",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/json": ".json",
    "text/html": ".html",
    "text/x-python": ".py",
    "application/octet-stream": "",
}

_WORDS = (
    "Report", "report", "Invoice", "invoice", "IMG", "DSC", "scan", "Meeting notes", "budget",
    "Übersicht", "Straße", "Cafe\u0301", "café", "naïve", "Ångström", "İstanbul", "отчёт",
    "報告書", "写真", "한국어 문서", "تقرير", "דוח", "🎉 party", "final FINAL (2)", "a%20b+c",
    "quote's \"name\"", "path/to/file", "..", "<b>bold</b>", "=SUM(A1)", "x",
)  # fmt: skip

#: How long files stay in the trash.
_TRASH = timedelta(days=30)
#: Percentage of names that have almost the maximum length.
_LONG_NAMES = 2


class NotLocal(FilehubError):
    """The table is not on a local AWS."""

    code = "not_local"
    message = (
        "seed writes records of files that do not exist, so it works with a local AWS only: "
        "set AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_DYNAMODB."
    )


@dataclass(frozen=True)
class Seeded:
    """How many records were written in each state."""

    stored: int
    trashed: int
    rejected: int
    deleted: int


def seed(count: int, *, owners: Sequence[str], days: int, rng: random.Random) -> Seeded:
    """Write `count` records of these owners, spread over the last `days`, and update the counters.

    The same random generator gives the same records, relative to the current time. Counters are
    written last, so they are too low after an interruption. Raises NotLocal or BackendUnavailable.
    """
    host = urlsplit(conf().endpoint("dynamodb") or "").hostname or ""
    if not host or host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        raise NotLocal
    sums = counting.Sums()
    written: dict[str, int] = dict.fromkeys(_STATES, 0)
    with table_errors(), StoredFile.batch_write() as batch:
        for record in _records(count, owners, timedelta(days=days), rng):
            batch.save(record)
            written[record.state] += 1
            sums.add_arrival(record)
            sums.add_kept(record)
    sums.write()
    return Seeded(**written)


def _records(
    count: int, owners: Sequence[str], period: timedelta, rng: random.Random
) -> Iterator[StoredFile]:
    now = datetime.now(UTC).replace(microsecond=0)
    # A few owners have most of the files.
    weights = [1 / number for number in range(1, len(owners) + 1)]
    for _ in range(count):
        (state,) = rng.choices(list(_STATES), list(_STATES.values()))
        (owner,) = rng.choices(owners, weights)
        # Records of rejected and deleted files expire.
        max_age = period if state == "stored" else min(period, records.RETENTION)
        signed_at = now - max_age * rng.random()
        yield _record(state, owner, signed_at, now, rng)


def _record(
    state: State, owner: str, signed_at: datetime, now: datetime, rng: random.Random
) -> StoredFile:
    upload_id = keys.upload_id_at(signed_at, owner, settings.SECRET_KEY, rng.getrandbits(42))
    content_type = rng.choice(list(_TYPES))
    name = _name(_TYPES[content_type], rng)
    confirmed_at = min(keys.created_at(upload_id) + timedelta(seconds=rng.uniform(0.2, 90)), now)
    record = StoredFile(
        upload_id,
        version=1,
        key=keys.object_key(upload_id),
        sequencer=f"{rng.getrandbits(72):018X}".ljust(64, "0"),
        file_name=name,
        content_type=content_type,
        created_at=keys.created_at(upload_id),
        confirmed_at=confirmed_at,
        notified_at=confirmed_at,
        owner=owner,
        # From a few bytes to several GiB; most are small.
        size=int(rng.lognormvariate(12, 3)),
        etag=f"{rng.getrandbits(128):032x}",
        checksum=base64.b64encode(rng.randbytes(32)).decode() if rng.random() < 0.8 else None,
    )
    if state == "stored":
        if rng.random() < 0.2:
            downloads = sorted(
                confirmed_at + (now - confirmed_at) * rng.random() for _ in range(rng.randint(1, 3))
            )
            record.downloads = len(downloads)
            record.last_downloads = [Download(at=at, by=owner) for at in downloads]
    elif state == "trashed":
        record.trashed_at = confirmed_at + (now - confirmed_at) * rng.random()
        record.trashed_by, record.purge_at = owner, record.trashed_at + _TRASH
    elif state == "rejected":
        record.reason = dump(
            Reason("type_not_allowed", {"type": content_type, "allowed": "image/*"})
        )
        record.expires_at = confirmed_at + records.RETENTION
    else:
        removed_at = confirmed_at + (now - confirmed_at) * rng.random()
        record.removed_at = removed_at
        record.expires_at = removed_at + records.RETENTION
        if rng.random() < 0.3:
            record.reason = records.OBJECT_MISSING
        else:
            record.deletion_requested_at, record.deletion_requested_by = removed_at, owner
    return in_state(record, state)


def _name(extension: str, rng: random.Random) -> str:
    stem = f"{rng.choice(_WORDS)} {rng.randint(1, 9999)}"
    if rng.randrange(100) < _LONG_NAMES:
        fill = rng.choice(("long ", "länger ", "長"))
        while len(f"{stem}{fill}{extension}".encode()) <= MAX_NAME_BYTES:
            stem += fill
    return check_name(f"{stem}{extension}")


def fake_owners(count: int, existing: Iterable[str]) -> list[str]:
    """`count` owners: the existing ones first, then ids that no user has."""
    owners = list(existing)[:count]
    return owners + [str(1_000_001 + number) for number in range(count - len(owners))]
