"""Every write: begin, complete, confirm, remove. Web, tasks and commands all come through here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from filehub.env import S3_MAX_PUT_SIZE
from uploads import keys, multipart, policy, selectors, storage, tokens
from uploads.conf import env
from uploads.events import NO_SEQUENCER, ObjectEvent
from uploads.exceptions import (
    FilehubError,
    InvalidRequest,
    NotAllowed,
    PartsMissing,
    UploadCompleted,
    UploadNotFound,
)
from uploads.models import ApiToken, StoredFile
from uploads.selectors import table_errors

logger = logging.getLogger(__name__)

#: How long a tombstone or a rejection is kept. Twice the 14 days that SQS can hold a late event.
RETENTION = timedelta(days=28)

#: How fine the time of a token's last use is. It spares a write on every request.
USE_PRECISION = timedelta(minutes=5)
#: How long noting a use waits for a locked SQLite.
NOTE_PATIENCE_MS = 250

#: Parts that one call may have signed: what S3 lists on one page.
MAX_SIGNED_PARTS = 1_000

Outcome = Literal["stored", "rejected", "removed", "absent", "unchanged"]


@dataclass(frozen=True)
class BegunUpload:
    """A new upload: its id and the request that carries its bytes."""

    id: str
    request: storage.SignedRequest


@dataclass(frozen=True)
class BegunMultipart:
    """A new upload in parts; the requests for its parts are signed one by one with the token."""

    token: tokens.UploadToken
    expires_at: datetime


@dataclass(frozen=True)
class IssuedToken:
    """A new API token: its row's id, and the token itself, which is kept out of logs."""

    id: int
    secret: str = field(repr=False)


def rules() -> policy.Rules:
    """The policy in force."""
    return policy.Rules(env().filehub_max_size, S3_MAX_PUT_SIZE, env().filehub_allowed_types)


def begin(
    owner: str,
    *,
    file_name: str,
    content_type: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
) -> BegunUpload:
    """Sign a request for one file. Writes nothing, anywhere.

    Raises InvalidRequest, FileTooLarge or TypeNotAllowed; BackendUnavailable without credentials.
    """
    content_type = _check(file_name, content_type, sha256)
    if size is not None:
        policy.check_size(size, rules())
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    request = storage.sign_put(
        upload_id,
        owner=owner,
        file_name=file_name,
        content_type=content_type,
        size=size,
        sha256=sha256,
    )
    return BegunUpload(upload_id, request)


def begin_sized(
    owner: str,
    *,
    file_name: str,
    size: int,
    content_type: str | None = None,
    sha256: str | None = None,
    part_checksums: bool = True,
) -> BegunUpload | BegunMultipart:
    """Begin an upload of `size` bytes: in one request, or in parts when it is large.

    Parts need S3 to know of the upload beforehand; filehub itself writes nothing in either case.
    `part_checksums` says whether the client will send the SHA-256 of each part. Of a file in parts
    S3 can verify no SHA-256 of the whole: `sha256` is then not used. Raises as `begin` does.
    """
    if size <= env().filehub_multipart_threshold:
        return begin(
            owner, file_name=file_name, content_type=content_type, size=size, sha256=sha256
        )
    content_type = _check(file_name, content_type, sha256)
    policy.check_size(size, rules(), in_parts=True)
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    s3_upload_id = multipart.create(
        upload_id,
        owner=owner,
        file_name=file_name,
        content_type=content_type,
        checksums=part_checksums,
    )
    part_size = policy.part_size_for(size, env().filehub_part_size)
    return BegunMultipart(
        tokens.UploadToken(upload_id, s3_upload_id, owner, size, part_size),
        datetime.now(UTC) + tokens.LIFETIME,
    )


def _check(file_name: str, content_type: str | None, sha256: str | None) -> str:
    """Raise unless these are acceptable; returns the type in one spelling."""
    policy.check_name(file_name)
    if sha256 is not None:
        policy.check_sha256(sha256)
    return policy.check_type(content_type, rules())


def sign_parts(
    token: tokens.UploadToken, parts: list[tuple[int, str | None]]
) -> list[storage.SignedRequest]:
    """Sign one request for each part (number, base64 SHA-256 or None). Asks nobody.

    Raises InvalidRequest for no parts, too many, or a part that the file does not have.
    """
    if not parts:
        raise InvalidRequest("Missing parts", code="missing_parts")
    if len(parts) > MAX_SIGNED_PARTS:
        raise InvalidRequest(f"At most {MAX_SIGNED_PARTS} parts at a time.", code="too_many_parts")
    for number, sha256 in parts:
        if not 1 <= number <= token.part_count:
            raise InvalidRequest(
                f"part_number must be between 1 and {token.part_count}.", code="invalid_part_number"
            )
        if sha256 is not None:
            policy.check_sha256(sha256)
    return [
        storage.sign_part(
            token.upload_id,
            token.s3_upload_id,
            number,
            size=token.size_of(number),
            sha256=sha256,
        )
        for number, sha256 in parts
    ]


def arrived_parts(token: tokens.UploadToken) -> list[multipart.Part]:
    """The parts that S3 has. Raises UploadCompleted, or UploadNotFound when it was ended."""
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    if parts is None:
        raise UploadCompleted if _is_whole(token) else UploadNotFound
    return parts


def complete(token: tokens.UploadToken) -> bool:
    """Let S3 put the parts together; False when it had done so before. Safe to repeat.

    The parts are those that S3 lists, never what a client says. Raises PartsMissing, UploadNotFound
    when the upload was ended, and BackendUnavailable.
    """
    parts = multipart.parts(token.upload_id, token.s3_upload_id)
    if parts is not None:
        _check_parts(token, parts)
        if multipart.complete(token.upload_id, token.s3_upload_id, parts, size=token.size):
            return True
    # Completed before, perhaps by a request whose answer got lost, or ended. The object tells, and
    # the record if the object was rejected or deleted meanwhile.
    if not _is_whole(token) and not selectors.recorded([token.upload_id]):
        raise UploadNotFound
    if parts is not None:
        # S3 keeps parts that it refused to put together, and charges for them.
        multipart.abort(token.upload_id, token.s3_upload_id)
    return False


def _check_parts(token: tokens.UploadToken, parts: list[multipart.Part]) -> None:
    sizes = {part.number: part.size for part in parts}
    wanted = range(1, token.part_count + 1)
    missing = [number for number in wanted if sizes.get(number) != token.size_of(number)]
    if missing:
        named = ", ".join(map(str, missing[:5])) + (" …" if len(missing) > 5 else "")
        raise PartsMissing(
            f"S3 has not received {len(missing)} of {token.part_count} parts in full: {named}."
        )


def abort(token: tokens.UploadToken) -> None:
    """End an upload in parts; S3 drops what it has. Safe to repeat. Raises UploadCompleted.

    The object has to be looked for whatever S3 answers: for some hours after a completion AWS
    confirms an abort as well. https://github.com/minio/minio/issues/2250
    """
    multipart.abort(token.upload_id, token.s3_upload_id)
    if _is_whole(token):
        raise UploadCompleted


def _is_whole(token: tokens.UploadToken) -> bool:
    """Whether the object itself is there: S3 forgets an upload once it is complete."""
    found = storage.head(token.upload_id)
    return found is not None and found.size == token.size


def apply_event(event: ObjectEvent) -> Outcome:
    """Bring the record in line with what S3 reported. Safe to repeat, in any order."""
    if event.kind == "removed":
        return _bury(event.upload_id, event.sequencer)
    return confirm(event.upload_id, event.sequencer)


def confirm(upload_id: str, sequencer: str = NO_SEQUENCER) -> Outcome:
    """Look at the object and record what is there.

    Without a sequencer (a hint, a reconciliation) only a missing record is written: whatever event
    was applied before knows better.
    """
    found = storage.head(upload_id)
    if found is None:
        return "absent"
    try:
        record = _stored(upload_id, sequencer, found)
    except FilehubError as exc:
        # Record first: the object's removal event must find out why it went.
        if _put_if_newer(_rejected(upload_id, sequencer, found, exc.message)):
            storage.delete(upload_id)
            return "rejected"
        # An earlier try may have died before it deleted. But what was stored under yesterday's
        # rules stays: a repeated event must not destroy it.
        with table_errors():
            rejected = StoredFile.get(upload_id, consistent_read=True).state == "rejected"
        if rejected:
            storage.delete(upload_id)
        return "unchanged"
    return "stored" if _put_if_newer(record) else "unchanged"


def _stored(upload_id: str, sequencer: str, found: storage.StoredObject) -> StoredFile:
    """The record of an object that breaks no rule; raises FilehubError otherwise."""
    limits = rules()
    if found.owner is None or found.file_name is None:
        raise FilehubError("It was not uploaded through filehub: owner or name is missing.")
    policy.check_name(found.file_name)
    policy.check_type(found.content_type, limits)
    if found.size > limits.max_size:
        policy.check_size(found.size, limits)
    record = _record(upload_id, sequencer, "stored")
    _describe(record, found)
    record.owner_feed = found.owner
    record.name_key = policy.search_key(found.file_name)
    return record


def _rejected(
    upload_id: str, sequencer: str, found: storage.StoredObject, reason: str
) -> StoredFile:
    record = _record(upload_id, sequencer, "rejected")
    _describe(record, found)
    record.reason = reason
    record.expires_at = datetime.now(UTC) + RETENTION
    return record


def _record(upload_id: str, sequencer: str, state: str) -> StoredFile:
    return StoredFile(
        upload_id,
        key=keys.object_key(upload_id),
        state=state,
        feed=f"{state}#{keys.shard(upload_id)}",
        sequencer=sequencer,
        created_at=keys.created_at(upload_id),
    )


def _describe(record: StoredFile, found: storage.StoredObject) -> None:
    record.owner = found.owner
    record.file_name = found.file_name
    record.content_type = found.content_type
    record.size = found.size
    record.etag = found.etag
    record.checksum = found.checksum or None
    record.version_id = found.version_id or None
    record.confirmed_at = datetime.now(UTC)


def _newer(sequencer: str) -> Condition:
    newer: Condition = StoredFile.id.does_not_exist() | (StoredFile.sequencer < sequencer)
    return newer


def _put_if_newer(record: StoredFile) -> bool:
    """Write the record unless an event at least as new was applied; says whether it was written."""
    with table_errors():
        try:
            record.save(condition=_newer(record.sequencer))
        except PutError as exc:
            if exc.cause_response_code == "ConditionalCheckFailedException":
                return False
            raise
    return True


def _bury(upload_id: str, sequencer: str) -> Outcome:
    """Leave a tombstone, so that a late creation event cannot bring the file back."""
    record = StoredFile(upload_id)
    tombstone: list[Action] = [
        StoredFile.state.set("deleted"),
        StoredFile.feed.set(f"deleted#{keys.shard(upload_id)}"),
        StoredFile.sequencer.set(sequencer),
        StoredFile.key.set(keys.object_key(upload_id)),
        StoredFile.created_at.set(keys.created_at(upload_id)),
        StoredFile.expires_at.set(datetime.now(UTC) + RETENTION),
        StoredFile.owner_feed.remove(),
        StoredFile.name_key.remove(),
    ]
    is_rejected = StoredFile.state == "rejected"
    # A rejected object is deleted by filehub itself: the rejection and its reason stay.
    attempts: tuple[tuple[list[Action], Condition], ...] = (
        (tombstone, _newer(sequencer) & ~is_rejected),
        ([StoredFile.sequencer.set(sequencer)], is_rejected & (StoredFile.sequencer < sequencer)),
    )
    with table_errors():
        for actions, condition in attempts:
            try:
                record.update(actions=actions, condition=condition)
            except UpdateError as exc:
                if exc.cause_response_code != "ConditionalCheckFailedException":
                    raise
            else:
                return "removed"
    return "unchanged"


def remove(upload_id: str) -> None:
    """Delete the object. The record follows when S3 reports the removal."""
    storage.delete(upload_id)


def issue_api_token(
    user: AbstractBaseUser, *, name: str = "", by: AbstractBaseUser | AnonymousUser | None = None
) -> IssuedToken:
    """Make an API token. `name` says what it is for; `by` is who asks, None for the command line.

    Raises NotAllowed if that one may not make tokens for this user, and InvalidRequest for an
    inactive user or an unusable name.
    """
    if by is not None and not selectors.token_holders(by).filter(pk=user.pk).exists():
        raise NotAllowed("You may make API tokens only for yourself.")
    if not user.is_active:
        raise InvalidRequest(f"“{user}” is not active: an API token would not work.")
    secret = ApiToken.new_secret()
    token = ApiToken.objects.create(
        user_id=user.pk, name=policy.check_token_name(name), digest=ApiToken.digest_of(secret)
    )
    return IssuedToken(token.pk, secret)


def create_api_token(user: AbstractBaseUser, *, name: str = "") -> str:
    """Make an API token for a user and return it: the only time that it can be seen."""
    return issue_api_token(user, name=name).secret


def note_use(token: ApiToken) -> None:
    """Remember that a token was used, to within USE_PRECISION.

    It is a note for people: a database that is busy just then is logged, and nothing else.
    """
    now = timezone.now()
    due = now - USE_PRECISION
    if token.last_used_at is not None and token.last_used_at > due:
        return
    # Of several requests at the same time, one writes.
    stale = Q(last_used_at=None) | Q(last_used_at__lte=due)
    try:
        with _impatient():
            ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    except DatabaseError as exc:
        logger.warning("the use of %s was not noted: %r", token, exc)


@contextmanager
def _impatient() -> Iterator[None]:
    """With SQLite, wait for other writers a moment only, instead of the settings' 20 seconds."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        (patience,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {NOTE_PATIENCE_MS}")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(patience)}")
