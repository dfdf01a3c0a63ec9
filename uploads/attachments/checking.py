"""Whether a field may have these files: stored, the user's own, uploaded for this field, unused.

A file whose event is late is waited for. Every way in uses this: forms, the admin, DRF and ninja.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from uploads.accounts.owners import owner_of
from uploads.attachments import gateway
from uploads.attachments.attached import AttachedFile
from uploads.aws.s3 import StoredObject
from uploads.core import keys, media_types
from uploads.core.errors import BackendUnavailable
from uploads.core.fields import FieldRules
from uploads.core.names import display_name
from uploads.core.reasons import Reason
from uploads.core.texts import describe, describe_error
from uploads.files import references
from uploads.files.record import FileInfo

#: The most files of a field: one request reads them.
MAX_FILES = 100
#: A file that expires so soon is refused, so that it cannot expire while its row is being written.
MARGIN = timedelta(hours=1)
#: Seconds between two looks for a late file: the first, and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0
#: How many requests of a process wait for late files at a time. Others do not wait.
_waiting = threading.BoundedSemaphore(4)

MESSAGES = {
    "no_user": _("Sign in to send files."),
    "not_found": _("This file does not exist, or it is not yours. Choose it again."),
    "other_field": _("“%(name)s” was uploaded for something else. Choose it again here."),
    "rejected": _("“%(name)s” was rejected. %(reason)s"),
    "deleted": _("“%(name)s” was deleted. Choose it again."),
    "expired": _("“%(name)s” was uploaded too long ago. Choose it again."),
    "claimed": _("“%(name)s” is already used. If you have sent this form before, it has arrived."),
    "pending": _("“%(name)s” has not arrived yet. Send the form again in a moment."),
    "not_uploaded": _("A file is not uploaded yet. Wait until it is, and send the form again."),
    "scanning": _("“%(name)s” is still being checked for malware. Try again in a moment."),
    "one_file": _("Choose one file only."),
    "too_many": _("Choose at most %(limit)s files."),
}


@dataclass(frozen=True)
class Field:
    """What a field accepts. `wait` is how many seconds a late file is waited for.

    `allow_pending` accepts a file that is in S3 but still without a record after that: it may be
    rejected later. `owner` is that of the user who sends the form; None: nobody, who has no files.
    """

    rules: FieldRules
    owner: str | None
    wait: float = 5.0
    allow_pending: bool = False


@dataclass(frozen=True)
class Problem:
    """Why a field does not accept a file: a stable code, and a sentence for the user."""

    id: str
    code: str
    parameters: dict[str, Any] = field(default_factory=dict)
    #: Instead of that of the code.
    sentence: str = ""

    @property
    def message(self) -> str:
        return self.sentence or str(MESSAGES[self.code]) % self.parameters


@dataclass(frozen=True)
class Checked:
    """The accepted files, in the order of the ids, and what is wrong with the others."""

    files: tuple[AttachedFile, ...] = ()
    problems: tuple[Problem, ...] = ()


def owner_of_user(user: Any) -> str | None:
    """The owner string of a signed-in user; None for anybody else."""
    return owner_of(user) if getattr(user, "is_authenticated", False) else None


def check(ids: Sequence[str], accepts: Field, *, initial: Collection[str] = ()) -> Checked:
    """Check these files, each once. Those of `initial`, which the field has already, are accepted.

    Costs one read of the records if all are stored. An outage of AWS is a problem of each file.
    """
    given = list(dict.fromkeys(keys.parse_upload_id(each) or each for each in ids))
    new = [each for each in given if each not in initial]
    if len(given) > MAX_FILES:
        return Checked(problems=(Problem("", "too_many", {"limit": MAX_FILES}),))
    if new and accepts.owner is None:
        return Checked(problems=(Problem("", "no_user"),))
    try:
        found = _unused(_settled(new, accepts)) if new else {}
    except BackendUnavailable as exc:
        problem = Problem("", exc.code, sentence=describe_error(exc))
        return Checked(problems=(problem,))
    files, problems = [], []
    for each in given:
        outcome = found.get(each, AttachedFile(each))
        if isinstance(outcome, Problem):
            problems.append(outcome)
        else:
            files.append(outcome)
    return Checked(tuple(files), tuple(problems))


def _unused(found: dict[str, AttachedFile | Problem]) -> dict[str, AttachedFile | Problem]:
    """Refuse files that a row has although nothing has claimed them, as after `bulk_create`."""
    accepted = {each.id: each for each in found.values() if isinstance(each, AttachedFile)}
    used = references.find(accepted) if accepted else {}
    refused = {key: Problem(key, "claimed", _named(accepted[key].name or key)) for key in used}
    return found | refused


def _settled(ids: Iterable[str], accepts: Field) -> dict[str, AttachedFile | Problem]:
    """What is to be said about each file, after late ones were waited for."""
    parsed = {each: keys.parse_upload_id(each) for each in ids}
    own = [each for each in parsed.values() if each is not None]
    records = gateway.current().read(own)
    objects = gateway.current().heads(
        [each for each in own if each not in records and was_issued(each, accepts)]
    )
    late = {
        each
        for each in own
        if (each in records and _is_scanning(records[each], accepts))
        or (each in objects and _broken(each, objects[each], accepts) is None)
    }
    if late:
        gateway.current().hint([each for each in late if each not in records])
        records |= _wait(late, accepts)
    return {
        given: _outcome(given, records.get(each or ""), objects.get(each or ""), accepts)
        for given, each in parsed.items()
    }


def _wait(late: set[str], accepts: Field) -> dict[str, FileInfo]:
    """The records of late files, once they are all there or the time is over."""
    found: dict[str, FileInfo] = {}
    if accepts.wait <= 0 or not _waiting.acquire(blocking=False):
        return found
    try:
        pause, ends_at = FIRST_PAUSE, time.monotonic() + accepts.wait
        missing = set(late)
        while missing and (left := ends_at - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, LONGEST_PAUSE)
            found |= gateway.current().read(missing)
            missing = {
                each for each in late if each not in found or _is_scanning(found[each], accepts)
            }
        return found
    finally:
        _waiting.release()


def was_issued(upload_id: str, accepts: Field) -> bool:
    """Whether the id was made for this user, who may not have sent the file so far."""
    secrets = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    return keys.was_issued_to(upload_id, accepts.owner or "", secrets)


def _is_scanning(info: FileInfo, accepts: Field) -> bool:
    return info.state == "scanning" and info.owner == accepts.owner


def _outcome(
    given: str, info: FileInfo | None, s3_object: StoredObject | None, accepts: Field
) -> AttachedFile | Problem:
    if info is not None:
        return _recorded(given, info, accepts)
    upload_id = keys.parse_upload_id(given)
    if upload_id is None or not was_issued(upload_id, accepts):
        return Problem(given, "not_found")
    if s3_object is None:
        return Problem(given, "not_uploaded")
    broken = _broken(given, s3_object, accepts)
    if broken is not None:
        return broken
    if accepts.allow_pending:
        return AttachedFile(upload_id)
    return Problem(given, "pending", _named(s3_object.file_name))


def _recorded(given: str, info: FileInfo, accepts: Field) -> AttachedFile | Problem:
    """What is to be said about a file with a record. Others' files look like unknown ids."""
    # The tombstone of an object that was never confirmed has no owner, but the id has a tag.
    is_own = info.owner == accepts.owner or (not info.owner and was_issued(info.id, accepts))
    if not is_own:
        return Problem(given, "not_found")
    name = _named(info.file_name or info.id)
    if info.state in {"rejected", "quarantined"}:
        return Problem(given, "rejected", name | {"reason": describe(info.reason)})
    if info.state in {"trashed", "deleted"} or info.deletion_requested_at is not None:
        return Problem(given, "deleted", name)
    if info.field != accepts.rules.key:
        return Problem(given, "other_field", name)
    if info.claimed_by:
        return Problem(given, "claimed", name)
    if info.kept_until is not None and info.kept_until < datetime.now(UTC) + MARGIN:
        return Problem(given, "expired", name)
    if info.state == "scanning" and not accepts.allow_pending:
        return Problem(given, "scanning", name)
    broken = _broken_limit(given, info.size, info.content_type, accepts.rules)
    return broken or AttachedFile(info.id, info)


def _broken(given: str, s3_object: StoredObject, accepts: Field) -> Problem | None:
    """What is wrong with an object that has no record, by what was signed for it."""
    if s3_object.owner != accepts.owner:
        return Problem(given, "not_found")
    if s3_object.field is None or s3_object.field.key != accepts.rules.key:
        return Problem(given, "other_field", _named(s3_object.file_name))
    return _broken_limit(given, s3_object.size, s3_object.content_type, accepts.rules)


def _broken_limit(given: str, size: int, content_type: str, rules: FieldRules) -> Problem | None:
    """The field's limits may be stricter than when the page with the form was opened."""
    if rules.max_size is not None and size > rules.max_size:
        about: dict[str, str | int] = {"size": size, "limit": rules.max_size}
        return _by_reason(given, Reason("file_too_large", about))
    essence = media_types.essence_of(content_type)
    if rules.types and not media_types.is_type_allowed(essence, rules.types):
        about = {"type": essence, "allowed": ", ".join(rules.types)}
        return _by_reason(given, Reason("type_not_allowed", about))
    return None


def _by_reason(given: str, reason: Reason) -> Problem:
    return Problem(given, reason.code, sentence=describe(reason))


def _named(name: str | None) -> dict[str, Any]:
    """A name for a sentence. It may be hostile; templates escape it."""
    return {"name": display_name(name or "")}
