"""Upload a small test file and follow it: PUT, event, record, thumbnail; then deletion, no record.

No message is received from a queue: the queue depths show where it is stuck.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from uploads.aws import s3, sqs, thumbnails
from uploads.core import media_types
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable, FilehubError
from uploads.core.keys import object_key
from uploads.core.texts import describe_stored
from uploads.files import actions, store
from uploads.files.listing import FileFilter, find
from uploads.files.record import StoredFile, has_thumbnail
from uploads.ingest.events import NO_SEQUENCER
from uploads.operations import queue_status
from uploads.operations.doctor import http
from uploads.operations.doctor.finding import UNREACHABLE, Finding, explain
from uploads.thumbnails import eligible
from uploads.transfers import begin

logger = logging.getLogger(__name__)

SUBJECT = "round trip"
#: Not a primary key, so it can never be the owner of a user's file.
OWNER = "filehub-doctor"
TEXT_NAME = "filehub doctor.txt"
TEXT = b"manage.py doctor uploaded this file and will delete it.\n"
IMAGE_NAME = "filehub doctor.png"
#: One black pixel.
IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
#: Seconds between two reads of the record.
POLL_INTERVAL = 0.25
#: A test file older than this was left by a killed run; a newer one may still be in use.
LEFTOVER_AGE = timedelta(hours=1)

Depths = Mapping[str, sqs.Depth | None]


@dataclass
class RoundTrip:
    """One round trip. It always deletes its object, including after `stop`."""

    #: Seconds to wait for the record, and again for its deletion.
    timeout: float
    findings: list[Finding] = field(default_factory=list)
    _is_stopped: bool = False

    def stop(self) -> None:
        """Make `run` stop soon. Safe in signal handlers: it takes no lock and raises nothing.

        An exception raised in a handler can be lost if it interrupts a finalizer or a library's
        callback.
        """
        self._is_stopped = True

    def run(self) -> list[Finding]:
        """Return the findings. Raises KeyboardInterrupt if it was stopped."""
        try:
            self._run()
        except BackendUnavailable as exc:
            self.findings.append(explain(SUBJECT, exc.__cause__ or exc))
        except FilehubError as exc:
            text = f"filehub rejects the test file: {exc.message}"
            self._fail(text, "Check FILEHUB_MAX_SIZE and FILEHUB_ALLOWED_TYPES.")
        self._check_stopped()
        return self.findings

    def _run(self) -> None:
        _delete_leftovers()
        name, content_type, body = _test_file()
        upload = begin.begin_put(
            OWNER,
            file_name=name,
            content_type=content_type,
            size=len(body),
            sha256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
        )
        # Send nothing unless records can be read.
        store.get(upload.id)
        before = depths()
        self._check_stopped()
        is_deleted = False
        try:
            status = self._put(upload.request, body)
            # On 4xx there is no object; without a response there may be one.
            is_deleted = status // 100 == 4
            if status == HTTPStatus.OK:
                is_deleted = self._follow(upload.id, before)
        finally:
            if not is_deleted:
                self._clean_up(upload.id)

    def _put(self, request: s3.SignedRequest, body: bytes) -> int:
        """Send the file. Returns S3's status code, or 0 without a response."""
        origins = conf().cors_origins
        origin = {"Origin": origins[0]} if origins else {}
        try:
            response = http.send(request.method, request.url, {**request.headers, **origin}, body)
        except http.NoResponse as exc:
            self._fail(f"PUT: no response from {conf().s3_bucket_url} ({exc}).", UNREACHABLE)
            return 0
        if response.status != HTTPStatus.OK:
            fix = _PUT_FIXES.get(response.code, "Look up S3's error code, and see the other lines.")
            self._fail(f"PUT refused: {response.status} {response.code}".rstrip() + ".", fix)
        return response.status

    def _follow(self, upload_id: str, before: Depths) -> bool:
        """Wait for the record, then for its deletion. Returns whether the object is deleted."""
        began = time.monotonic()
        record = self._wait_for(upload_id, _is_in("stored", "quarantined", "rejected", "deleted"))
        if record is None:
            found = store.get(upload_id)
            if found is not None and found.state == "scanning":
                text = f"the file arrived, but has not been checked within {self.timeout:g} s."
                self._fail(text, _SCAN_FIX)
            else:
                self._report_timeout("the file was not recorded", before)
            return False
        stored_after = time.monotonic() - began
        if record.sequencer == NO_SEQUENCER and not record.notified_at:
            self._fail(
                "the file was recorded without an event: reconciliation found the object.",
                "See “bucket, notifications” and the queues.",
            )
            return False
        if record.state != "stored":
            self.findings.append(
                Finding(
                    "warn", SUBJECT,
                    f"the event arrived after {stored_after:.1f} s, but the test file was "
                    f"{record.state}: {describe_stored(record.reason or '')}",
                    "Nothing to fix if that rule is intended.",
                )
            )  # fmt: skip
            return record.state == "rejected"
        self._check_thumbnail(record)
        before = depths()
        began = time.monotonic()
        actions.remove(upload_id, OWNER)
        if self._wait_for(upload_id, _is_in("deleted")) is None:
            self._report_timeout("the deletion was not recorded", before)
        else:
            deleted_after = time.monotonic() - began
            text = f"stored after {stored_after:.1f} s, deleted after {deleted_after:.1f} s."
            self.findings.append(Finding("ok", SUBJECT, text))
        return True

    def _check_thumbnail(self, record: StoredFile) -> None:
        """Wait for the thumbnail, if the test file should have one, and download it."""
        if not eligible.is_missing(record) and not record.thumbnail:
            return
        found = self._wait_for(record.id, lambda record: bool(record.thumbnail))
        if found is None:
            depth = queue_status.low_depth()
            waiting = f"; about {depth.total} tasks are in {conf().low_queue}" if depth else ""
            text = f"no thumbnail was made within {self.timeout:g} s{waiting}."
            self._fail(text, _THUMBNAIL_FIX)
            return
        if not has_thumbnail(found.thumbnail):
            self._fail("no thumbnail could be made of the test file.", "See the worker's log.")
            return
        try:
            response = http.send("GET", thumbnails.sign(record.id))
        except http.NoResponse as exc:
            self._fail(f"thumbnail: no response from {conf().s3_bucket_url} ({exc}).", UNREACHABLE)
            return
        if response.status != HTTPStatus.OK:
            self._fail(
                f"the thumbnail is refused: {response.status} {response.code}".rstrip() + ".",
                "These credentials lack s3:GetObject on thumbnails/: attach WebPolicyArn or "
                "OperatorPolicyArn. An earlier version's policies do not have it: provision.",
            )

    def _check_stopped(self) -> None:
        if self._is_stopped:
            raise KeyboardInterrupt

    def _wait_for(self, upload_id: str, is_done: Callable[[StoredFile], bool]) -> StoredFile | None:
        deadline = time.monotonic() + self.timeout
        while True:
            self._check_stopped()
            record = store.get(upload_id)
            if record is not None and is_done(record):
                return record
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_INTERVAL)

    def _report_timeout(self, problem: str, before: Depths) -> None:
        where, fix = locate(before, depths())
        self._fail(f"{problem} within {self.timeout:g} s: {where}", fix)

    def _fail(self, text: str, fix: str) -> None:
        self.findings.append(Finding("FAIL", SUBJECT, text, fix))

    def _clean_up(self, upload_id: str) -> None:
        try:
            s3.delete(upload_id)
        except BackendUnavailable as exc:
            address = f"s3://{conf().bucket}/{object_key(upload_id)}"
            # Logged too, because the findings are not shown after Ctrl-C.
            logger.error("cannot delete the test file %s: %r", address, exc.__cause__ or exc)
            self._fail(f"the test file may still be at {address}.", f"aws s3 rm {address}")


_THUMBNAIL_FIX = (
    "Files are stored all the same. Start a worker of this version, with FILEHUB_THUMBNAILS=on, or "
    "more of them if it is only behind. If it is running, its log names what is missing, such as "
    "s3:PutObject on thumbnails/ (WorkerPolicyArn)."
)
_SCAN_FIX = (
    "See “malware”. If that is in order, a worker must process low-priority tasks (clamd), or "
    "GuardDuty may only need longer: --timeout 120."
)
_SEE_CLOCK = "See “clock”."
_SEE_CREDENTIALS = "See “credentials”; every process needs valid ones."
#: S3's error code for the PUT -> how to fix it.
_PUT_FIXES = {
    "AccessDenied": (
        "These credentials lack s3:PutObject on uploads/ (attach WebPolicyArn), or a bucket "
        "policy denies it."
    ),
    "InvalidAccessKeyId": _SEE_CREDENTIALS,
    "SignatureDoesNotMatch": (
        f"{_SEE_CREDENTIALS} A proxy that changes request headers also causes this."
    ),
    "ExpiredToken": _SEE_CREDENTIALS,
    "InvalidToken": _SEE_CREDENTIALS,
    "RequestTimeTooSkewed": _SEE_CLOCK,
    "NoSuchBucket": "See “bucket”.",
    "PermanentRedirect": "See “bucket”: it is not in AWS_REGION.",
    "AuthorizationHeaderMalformed": "See “bucket”: it may not be in AWS_REGION.",
    "SlowDown": "S3 is busy. Try again.",
}


def _is_in(*states: str) -> Callable[[StoredFile], bool]:
    return lambda record: record.state in states


def _test_file() -> tuple[str, str, bytes]:
    """Its name, type and content: an image if that tests more."""
    rules = conf()
    if (
        rules.makes_thumbnails
        and media_types.is_type_allowed("image/png", rules.allowed_types)
        and len(IMAGE) <= rules.max_size
    ):
        return IMAGE_NAME, "image/png", IMAGE
    return TEXT_NAME, _content_type(rules.allowed_types), TEXT[: rules.max_size]


def _content_type(allowed: tuple[str, ...]) -> str:
    """An allowed media type: plain text if possible."""
    if {"*", "*/*", "text/*", "text/plain"} & set(allowed):
        return "text/plain"
    return allowed[0].replace("/*", "/x-filehub-doctor")


def _delete_leftovers() -> None:
    """Delete the test files of runs that were killed."""
    until = datetime.now(UTC) - LEFTOVER_AGE
    for file in find(FileFilter(owner=OWNER, until=until), limit=50).files:
        actions.remove(file.id, OWNER)


def _queue_names() -> list[str]:
    live_queues = (conf().events_queue, conf().tasks_queue)
    return [name for live in live_queues for name in (live, sqs.dead_letter_queue(live))]


def depths() -> dict[str, sqs.Depth | None]:
    """The depth of each of the four queues by name; None if it is unavailable."""
    result: dict[str, sqs.Depth | None] = {}
    for name in _queue_names():
        try:
            result[name] = sqs.depth(name)
        except BackendUnavailable as exc:
            logger.debug("the depth of %s is unavailable: %r", name, exc.__cause__ or exc)
            result[name] = None
    return result


def locate(before: Depths, after: Depths) -> tuple[str, str]:
    """Work out from the queue depths where a message is stuck. Returns that and how to fix it."""
    events, events_dead, tasks, tasks_dead = _queue_names()

    def count(name: str, depths: Depths = after) -> int:
        depth = depths[name]
        return depth.total if depth else 0

    for dead, kind in ((events_dead, "events"), (tasks_dead, "tasks")):
        if count(dead) > count(dead, before):
            return (
                f"{dead} grew: a message could not be processed.",
                f"See the reason in the admin (/admin/, Queues), then run manage.py redrive "
                f"--queue {kind}",
            )
    waiting = after[events]
    if waiting is not None and waiting.visible:
        return (
            f"about {waiting.visible} messages wait in {events}, and no consumer receives them.",
            "Start the consumer (python manage.py consume_events). If it is running, check its "
            "log, or start more of them if it is only behind.",
        )
    if count(events):
        return (
            f"about {count(events)} messages of {events} are in flight.",
            "A consumer received them but cannot queue tasks, or it was killed. Check its log.",
        )
    if count(tasks):
        return (
            f"about {count(tasks)} tasks in {tasks} are unfinished.",
            "Start the worker (celery -A filehub worker). If it is running, check its log, or "
            "start more of them if it is only behind.",
        )
    unknown = [name for name, depth in after.items() if depth is None]
    if unknown:
        return (
            f"its position is unknown, because {', '.join(unknown)} cannot be read.",
            "See the lines about the queues.",
        )
    return (
        f"no event arrived in {events}, or it was lost.",
        "See “bucket, notifications” and the queue's policy. The consumer is not the cause: "
        "unreceived messages would still be in the queue.",
    )
