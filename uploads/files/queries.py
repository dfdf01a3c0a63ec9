"""Reads of single files and of where uploads stand. Lists come from `uploads.files.listing`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from uploads.accounts.owners import pk_of
from uploads.aws.dynamodb import batch_get
from uploads.core import keys
from uploads.core.errors import FileNotFound, InvalidRequest, UploadNotFound
from uploads.files import store
from uploads.files.listing import Page, Wanted, find
from uploads.files.record import FileInfo, StoredFile, info_of
from uploads.models import ApiToken

#: DynamoDB's BatchGetItem takes at most 100 keys.
MAX_IDS = 100


@dataclass(frozen=True)
class UploadStatus:
    """Where an upload stands. `file` is there once it is stored."""

    id: str
    state: Literal["pending", "stored", "rejected", "deleted"]
    reason: str = ""
    file: FileInfo | None = None


def owner_of(user: AbstractBaseUser) -> str:
    """How a record names its owner: the primary key, for a username may change."""
    return str(user.pk)


def api_token(secret: str) -> ApiToken | None:
    """The API token that this is, with its user, if that user is active."""
    return (
        ApiToken.objects.select_related("user__quota")
        .filter(digest=ApiToken.digest_of(secret), user__is_active=True)
        .first()
    )


def token_holders(maker: AbstractBaseUser | AnonymousUser) -> QuerySet[Any]:
    """The users for whom somebody may make API tokens.

    Whoever has a token is its user to the API. So superusers may make tokens for everybody who is
    active, and everybody else for themselves alone: nobody becomes somebody mightier.
    """
    active = get_user_model()._default_manager.filter(is_active=True)
    if getattr(maker, "is_superuser", False):
        return active
    return active.filter(pk__in=[maker.pk])


def usernames(owners: Iterable[str]) -> dict[str, str]:
    """Owner -> username for those who still exist, in one SQL query."""
    wanted = [pk for owner in set(owners) if (pk := pk_of(owner)) is not None]
    users = get_user_model()._default_manager.filter(pk__in=wanted)
    return {owner_of(user): user.get_username() for user in users}


def user_of_owner(owner: str) -> AbstractBaseUser | None:
    """The user whom records name so, if there still is one."""
    pk = pk_of(owner)
    return get_user_model()._default_manager.filter(pk=pk).first() if pk is not None else None


def owner_of_username(username: str) -> str | None:
    """How records name the user with this name; None when there is none."""
    model = get_user_model()
    if not username.isprintable():  # PostgreSQL would not even be asked for a NUL
        return None
    try:
        return owner_of(model._default_manager.get_by_natural_key(username))
    except model.DoesNotExist:
        return None


def owner_named(text: str) -> str:
    """What an operator means by a name: a user, or an owner whose user is gone."""
    return owner_of_username(text) or text


def stored_file(upload_id: str, owner: str) -> FileInfo:
    """One stored file of this owner. Raises FileNotFound, also for other people's files."""
    record = _record(upload_id)
    if record is None or record.state != "stored" or record.owner != owner:
        raise FileNotFound
    return info_of(record)


def any_file(upload_id: str) -> FileInfo | None:
    """One file in whatever state, of whatever owner: for the admin."""
    record = _record(upload_id)
    return info_of(record) if record else None


def any_files(upload_ids: Iterable[str]) -> list[FileInfo]:
    """The files with these ids that exist, in the order asked, at most MAX_IDS of them."""
    wanted = list(dict.fromkeys(filter(None, map(keys.parse_upload_id, upload_ids))))[:MAX_IDS]
    found = {record.id: record for record in batch_get(StoredFile, wanted, consistent_read=True)}
    return [info_of(found[upload_id]) for upload_id in wanted if upload_id in found]


def any_stored_file(upload_id: str) -> FileInfo:
    """One stored file of whatever owner: for the admin. Raises FileNotFound."""
    info = any_file(upload_id)
    if info is None or info.state != "stored":
        raise FileNotFound
    return info


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
    found = {record.id: record for record in batch_get(StoredFile, wanted, consistent_read=True)}
    secrets = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    statuses = []
    for upload_id in wanted:
        record = found.get(upload_id)
        # An object that was removed unseen left a tombstone without an owner; the id still tells.
        issued = (record is None or record.owner is None) and keys.was_issued_to(
            upload_id, owner, secrets
        )
        if record is not None and (record.owner == owner or issued):
            info = info_of(record)
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
    return {record.id for record in batch_get(StoredFile, upload_ids, consistent_read=True)}


def files_of(owner: str, *, limit: int, cursor: str | None = None, prefix: str = "") -> Page:
    """A page of one user's stored files, newest first, optionally those whose name starts so.

    Raises as `uploads.files.listing.find` does.
    """
    return find(Wanted(owner=owner, name=prefix), limit=limit, cursor=cursor)


def _record(upload_id: str) -> StoredFile | None:
    parsed = keys.parse_upload_id(upload_id)
    return store.get(parsed) if parsed else None
