"""Every read. Nothing here scans the table: a page costs a few Query calls, whatever its size."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from pynamodb.exceptions import PynamoDBException

from uploads import keys, policy, queues, storage
from uploads.conf import env
from uploads.exceptions import BackendUnavailable, FileNotFound, InvalidRequest, UploadNotFound
from uploads.models import ApiToken, Quota, State, StoredFile

#: How many matches of a name search are read from the name index at most.
SEARCH_WINDOW = 500
#: How many of a user's files one page of a wide search may look through.
SEARCH_BUDGET = 2000
#: DynamoDB's BatchGetItem takes at most 100 keys.
MAX_IDS = 100


@dataclass(frozen=True)
class FileInfo:
    """A file as callers see it. `size` is bytes; `checksum` base64 SHA-256 or ""."""

    id: str
    file_name: str
    content_type: str
    size: int
    checksum: str
    owner: str
    state: State
    reason: str
    created_at: datetime
    confirmed_at: datetime | None

    @property
    def key(self) -> str:
        return keys.object_key(self.id)

    @property
    def kind(self) -> policy.Kind:
        return policy.kind(self.content_type)


@dataclass(frozen=True)
class Page:
    """Some files, newest first, and the cursor of the next page (None: this was the last)."""

    files: list[FileInfo]
    next_cursor: str | None


@dataclass(frozen=True)
class UploadStatus:
    """Where an upload stands. `file` is there once it is stored."""

    id: str
    state: Literal["pending", "stored", "rejected", "deleted"]
    reason: str = ""
    file: FileInfo | None = None


@contextmanager
def table_errors() -> Iterator[None]:
    """Turn any failure of DynamoDB into one BackendUnavailable with its cause."""
    try:
        yield
    except PynamoDBException as exc:
        raise BackendUnavailable(
            "The list of files cannot be reached just now. Try again in a moment."
        ) from exc


def owner_of(user: AbstractBaseUser) -> str:
    """How a record names its owner: the primary key, for a username may change."""
    return str(user.pk)


def api_token(secret: str) -> ApiToken | None:
    """The API token that this is, with its user, if that user is active."""
    return (
        ApiToken.objects.select_related("user")
        .filter(digest=ApiToken.digest_of(secret), user__is_active=True)
        .first()
    )


def user_of_token(secret: str) -> AbstractBaseUser | None:
    """The active user whose API token this is."""
    token = api_token(secret)
    return token.user if token else None


def token_holders(maker: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]:
    """The users for whom somebody may make API tokens.

    Whoever has a token is its user to the API. So superusers may make tokens for everybody who is
    active, and everybody else for themselves alone: nobody becomes somebody mightier.
    """
    active = get_user_model()._default_manager.filter(is_active=True)
    if getattr(maker, "is_superuser", False):
        return active
    return active.filter(pk__in=[maker.pk])


def own_quota_of(user: AbstractBaseUser) -> int | None:
    """The user's own quota in bytes, if an operator has given them one."""
    own: Quota | None = getattr(user, "quota", None)
    return own.limit if own else None


def quota_of(user: AbstractBaseUser) -> int | None:
    """How many bytes a user may have stored: their own quota or the default; None: no limit."""
    own = own_quota_of(user)
    return env().filehub_user_quota if own is None else own


def usernames(owners: Iterable[str]) -> dict[str, str]:
    """Owner -> username for those who still exist, in one SQL query."""
    model = get_user_model()
    field = model._meta.pk
    wanted = [pk for owner in set(owners) if (pk := _to_pk(field, owner)) is not None]
    return {
        str(user.pk): user.get_username() for user in model._default_manager.filter(pk__in=wanted)
    }


def _to_pk(field: Any, owner: str) -> Any:
    try:
        return field.to_python(owner)
    except ValidationError:  # an owner from before another user model was chosen
        return None


def stored_file(upload_id: str, owner: str) -> FileInfo:
    """One stored file of this owner. Raises FileNotFound, also for other people's files."""
    record = _record(upload_id)
    if record is None or record.state != "stored" or record.owner != owner:
        raise FileNotFound
    return _info(record)


def any_file(upload_id: str) -> FileInfo | None:
    """One file in whatever state, of whatever owner: for the admin."""
    record = _record(upload_id)
    return _info(record) if record else None


def upload_status(upload_id: str, owner: str) -> UploadStatus:
    """Where one upload stands. Raises UploadNotFound unless this owner started it."""
    statuses = upload_statuses([upload_id], owner)
    if not statuses:
        raise UploadNotFound
    return statuses[0]


def upload_statuses(upload_ids: list[str], owner: str) -> list[UploadStatus]:
    """Where several uploads stand, in the order asked; unknown and foreign ids are left out.

    Raises InvalidRequest for more than MAX_IDS.
    """
    if len(upload_ids) > MAX_IDS:
        raise InvalidRequest(f"At most {MAX_IDS} ids at a time.", code="too_many_ids")
    wanted = list(dict.fromkeys(filter(None, map(keys.parse_upload_id, upload_ids))))
    with table_errors():
        found = {record.id: record for record in StoredFile.batch_get(wanted, consistent_read=True)}
    secrets = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    statuses = []
    for upload_id in wanted:
        record = found.get(upload_id)
        # An object that was removed unseen left a tombstone without an owner; the id still tells.
        issued = (record is None or record.owner is None) and keys.was_issued_to(
            upload_id, owner, secrets
        )
        if record is not None and (record.owner == owner or issued):
            info = _info(record)
            statuses.append(
                UploadStatus(
                    upload_id, info.state, info.reason, info if info.state == "stored" else None
                )
            )
        elif issued:
            statuses.append(UploadStatus(upload_id, "pending"))
    return statuses


def recorded(upload_ids: Iterable[str]) -> set[str]:
    """Which of these ids (at most MAX_IDS) have a record, in whatever state."""
    with table_errors():
        return {
            record.id for record in StoredFile.batch_get(list(upload_ids), consistent_read=True)
        }


def files_of(owner: str, *, limit: int, cursor: str | None = None, prefix: str = "") -> Page:
    """A page of one user's stored files, newest first, optionally those whose name starts so.

    The cursor is the last id seen: valid whatever was added or removed since. Raises
    InvalidRequest for a cursor that filehub did not hand out.
    """
    before = _cursor(cursor)
    if prefix:
        return _search(owner, policy.search_key(prefix), limit, before)
    with table_errors():
        found = StoredFile.by_owner.query(
            owner,
            StoredFile.id < before if before else None,
            scan_index_forward=False,
            limit=limit + 1,
            page_size=limit + 1,
        )
        return _page([_info(record) for record in found], limit)


def _search(owner: str, prefix: str, limit: int, before: str | None) -> Page:
    """Name-prefix search, newest first.

    The name index gives the matches by name, not by time. A narrow search is read whole and sorted.
    A wide one has so many matches that walking the owner's feed soon fills the page; each page
    looks through a bounded stretch of it, and may come back short but with a cursor. Both orders
    are the same, so a cursor stays good if the search changes from one kind to the other.
    """
    with table_errors():
        narrow = list(
            StoredFile.by_owner_name.query(
                owner,
                StoredFile.name_key.startswith(prefix),
                limit=SEARCH_WINDOW + 1,
                page_size=SEARCH_WINDOW + 1,
            )
        )
        if len(narrow) <= SEARCH_WINDOW:
            matches = [_info(record) for record in narrow if not before or record.id < before]
            return _page(
                sorted(matches, key=lambda info: info.id, reverse=True)[: limit + 1], limit
            )

        matches = []
        last = None
        feed = StoredFile.by_owner.query(
            owner,
            StoredFile.id < before if before else None,
            scan_index_forward=False,
            limit=SEARCH_BUDGET,
            page_size=SEARCH_BUDGET // 4,
        )
        seen = 0
        for record in feed:
            seen, last = seen + 1, record.id
            if record.name_key.startswith(prefix):
                matches.append(_info(record))
                if len(matches) > limit:
                    return _page(matches, limit)
    return Page(matches, last if seen == SEARCH_BUDGET else None)


def all_files(state: State, *, limit: int, cursor: str | None = None) -> Page:
    """A page of everybody's files in one state, newest first: for the admin.

    The feed is in 16 shards; their pages are merged by id.
    """
    before = _cursor(cursor)
    # A shard holds about a sixteenth of the page; twice that rarely needs a second call.
    page_size = max(limit // len(keys.SHARDS) * 2, 8)
    with table_errors():
        shards = [
            StoredFile.by_state.query(
                f"{state}#{shard}",
                StoredFile.id < before if before else None,
                scan_index_forward=False,
                page_size=page_size,
            )
            for shard in keys.SHARDS
        ]
        merged = heapq.merge(*shards, key=lambda record: record.id, reverse=True)
        return _page([_info(record) for record in islice(merged, limit + 1)], limit)


def readiness() -> dict[str, str]:
    """What filehub needs -> "ok" or what is wrong with it."""
    checks = {
        "database": _ping_database,
        "bucket": storage.ping,
        "queues": queues.ping,
        "table": _ping_table,
    }
    result = {}
    for name, check in checks.items():
        try:
            check()
        except BackendUnavailable as exc:
            result[name] = exc.message
        else:
            result[name] = "ok"
    return result


def _ping_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as exc:
        raise BackendUnavailable("Django's database does not answer.") from exc


def _ping_table() -> None:
    with table_errors():
        list(StoredFile.batch_get(["readiness"]))


def _record(upload_id: str) -> StoredFile | None:
    parsed = keys.parse_upload_id(upload_id)
    if parsed is None:
        return None
    with table_errors():
        try:
            return StoredFile.get(parsed, consistent_read=True)
        except StoredFile.DoesNotExist:
            return None


def _cursor(text: str | None) -> str | None:
    if not text:
        return None
    parsed = keys.parse_upload_id(text)
    if parsed is None:
        raise InvalidRequest("The cursor is not one that filehub gave.", code="invalid_cursor")
    return parsed


def _page(found: list[FileInfo], limit: int) -> Page:
    """Cut one more than a page down to a page, which tells whether there is a next one."""
    files = found[:limit]
    return Page(files, files[-1].id if len(found) > limit else None)


def _info(record: StoredFile) -> FileInfo:
    return FileInfo(
        id=record.id,
        file_name=record.file_name or "",
        content_type=record.content_type or "",
        size=int(record.size or 0),
        checksum=record.checksum or "",
        owner=record.owner or "",
        state=record.state,  # type: ignore[arg-type]  # only services write it
        reason=record.reason or "",
        created_at=record.created_at,
        confirmed_at=record.confirmed_at,
    )
