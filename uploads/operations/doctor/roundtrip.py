"""The whole way, with a small file of doctor's own: PUT, event, record; delete, event, no record.

Nothing takes a message from a queue: where it is stuck is told by how full they are.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from uploads.aws import s3, sqs
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable, FilehubError
from uploads.core.keys import object_key
from uploads.files import actions, store
from uploads.files.listing import FileFilter, find
from uploads.files.record import StoredFile
from uploads.ingest.events import NO_SEQUENCER
from uploads.operations.doctor import http
from uploads.operations.doctor.finding import UNREACHABLE, Finding, explain
from uploads.transfers import begin

logger = logging.getLogger(__name__)

SUBJECT = "round trip"
#: No user's primary key: nobody else's file can be meant.
OWNER = "filehub-doctor"
NAME = "filehub doctor.txt"
BODY = b"manage.py doctor put this here, and takes it away again.\n"
#: Seconds between two looks at the record.
EVERY = 0.25
#: A run that was killed may have left its file; a younger one may still be at work.
LEFTOVER = timedelta(hours=1)

Depths = Mapping[str, sqs.Depth | None]


@dataclass
class RoundTrip:
    """One run. Whatever happens, its object is deleted in the end, also when `stop` is called."""

    #: Seconds to wait for the record, and again for its end.
    timeout: float
    findings: list[Finding] = field(default_factory=list)
    _is_stopped: bool = False

    def stop(self) -> None:
        """Make `run` end soon. For signal handlers: it takes no lock and raises nothing.

        An exception that a handler raises can be lost, in a finalizer or a callback of a library
        that happens to run just then.
        """
        self._is_stopped = True

    def run(self) -> list[Finding]:
        """What was found. Raises KeyboardInterrupt once it was stopped."""
        try:
            self._run()
        except BackendUnavailable as exc:
            self.findings.append(explain(SUBJECT, exc.__cause__ or exc))
        except FilehubError as exc:
            text = f"filehub itself refuses the test file: {exc.message}"
            self._fail(text, "Look at FILEHUB_MAX_SIZE and FILEHUB_ALLOWED_TYPES.")
        self._check_stopped()
        return self.findings

    def _run(self) -> None:
        _sweep()
        body = BODY[: conf().max_size]
        upload = begin.begin_put(
            OWNER,
            file_name=NAME,
            content_type=_content_type(conf().allowed_types),
            size=len(body),
            sha256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
        )
        # Nothing is sent before it is known that the end can be seen.
        store.get(upload.id)
        before = depths()
        self._check_stopped()
        is_gone = False
        try:
            status = self._put(upload.request, body)
            # What S3 has refused is not there. Without an answer nobody knows.
            is_gone = status // 100 == 4
            if status == HTTPStatus.OK:
                is_gone = self._follow(upload.id, before)
        finally:
            if not is_gone:
                self._clean_up(upload.id)

    def _put(self, request: s3.SignedRequest, body: bytes) -> int:
        """S3's status; 0 without an answer."""
        origins = conf().cors_origins
        origin = {"Origin": origins[0]} if origins else {}
        try:
            answer = http.send(request.method, request.url, {**request.headers, **origin}, body)
        except http.NoAnswer as exc:
            self._fail(f"PUT: no answer from {conf().s3_bucket_url} ({exc}).", UNREACHABLE)
            return 0
        if answer.status != HTTPStatus.OK:
            mend = _PUT.get(answer.code, "S3's code says why; see also the other lines.")
            self._fail(f"PUT refused: {answer.status} {answer.code}".rstrip() + ".", mend)
        return answer.status

    def _follow(self, upload_id: str, before: Depths) -> bool:
        """From the event to the end of the record; True if the object is known to be gone."""
        began = time.monotonic()
        record = self._await(upload_id, {"stored", "rejected", "deleted"})
        if record is None:
            self._stuck("the record did not come", before)
            return False
        stored_after = time.monotonic() - began
        if record.sequencer == NO_SEQUENCER:
            self._fail(
                "the record came without an event: reconciliation found the object.",
                "See “bucket, notifications” and the queues.",
            )
            return False
        if record.state != "stored":
            self.findings.append(
                Finding(
                    "warn", SUBJECT,
                    f"the event arrived after {stored_after:.1f} s, but the test file was "
                    f"{record.state}: {record.reason}",
                    "If this rule is meant, all is well.",
                )
            )  # fmt: skip
            return record.state == "rejected"
        before = depths()
        began = time.monotonic()
        actions.remove(upload_id, OWNER)
        if self._await(upload_id, {"deleted"}) is None:
            self._stuck("the object was deleted, and its record stays", before)
        else:
            gone_after = time.monotonic() - began
            text = f"stored after {stored_after:.1f} s, gone after {gone_after:.1f} s."
            self.findings.append(Finding("ok", SUBJECT, text))
        return True

    def _check_stopped(self) -> None:
        if self._is_stopped:
            raise KeyboardInterrupt

    def _await(self, upload_id: str, states: set[str]) -> StoredFile | None:
        deadline = time.monotonic() + self.timeout
        while True:
            self._check_stopped()
            found = store.get(upload_id)
            if found is not None and found.state in states:
                return found
            if time.monotonic() >= deadline:
                return None
            time.sleep(EVERY)

    def _stuck(self, what: str, before: Depths) -> None:
        where, mend = locate(before, depths())
        self._fail(f"{what} within {self.timeout:g} s: {where}", mend)

    def _fail(self, text: str, mend: str) -> None:
        self.findings.append(Finding("FAIL", SUBJECT, text, mend))

    def _clean_up(self, upload_id: str) -> None:
        try:
            s3.delete(upload_id)
        except BackendUnavailable as exc:
            address = f"s3://{conf().bucket}/{object_key(upload_id)}"
            # Also in the log: on Ctrl-C nobody reads the findings any more.
            logger.error("the test file stays at %s: %r", address, exc.__cause__ or exc)
            self._fail(f"the test file may still be at {address}.", f"aws s3 rm {address}")


_CLOCK_SEE = "See “clock”."
_CREDENTIALS_SEE = "See “credentials”; every process has to have good ones."
#: What S3 says -> how to mend it.
_PUT = {
    "AccessDenied": (
        "These credentials lack s3:PutObject under uploads/ (attach WebPolicyArn), or a bucket "
        "policy forbids it."
    ),
    "InvalidAccessKeyId": _CREDENTIALS_SEE,
    "SignatureDoesNotMatch": (
        f"{_CREDENTIALS_SEE} A proxy that changes the request's headers breaks it too."
    ),
    "ExpiredToken": _CREDENTIALS_SEE,
    "InvalidToken": _CREDENTIALS_SEE,
    "RequestTimeTooSkewed": _CLOCK_SEE,
    "NoSuchBucket": "See “bucket”.",
    "PermanentRedirect": "See “bucket”: it is in another region than AWS_REGION says.",
    "AuthorizationHeaderMalformed": "See “bucket”: it may be in another region.",
    "SlowDown": "S3 is busy. Try again.",
}


def _content_type(allowed: tuple[str, ...]) -> str:
    """A type that may be uploaded: plain text if possible."""
    if {"*", "*/*", "text/*", "text/plain"} & set(allowed):
        return "text/plain"
    return allowed[0].replace("/*", "/x-filehub-doctor")


def _sweep() -> None:
    """Remove what a run that was killed has left."""
    until = datetime.now(UTC) - LEFTOVER
    for each in find(FileFilter(owner=OWNER, until=until), limit=50).files:
        actions.remove(each.id, OWNER)


def _names() -> list[str]:
    live = (conf().events_queue, conf().tasks_queue)
    return [name for each in live for name in (each, sqs.dead_letter_queue(each))]


def depths() -> dict[str, sqs.Depth | None]:
    """Each of the four queues -> how full it is; None: it does not say."""
    found: dict[str, sqs.Depth | None] = {}
    for name in _names():
        try:
            found[name] = sqs.depth(name)
        except BackendUnavailable as exc:
            logger.debug("%s cannot be counted: %r", name, exc.__cause__ or exc)
            found[name] = None
    return found


def locate(before: Depths, after: Depths) -> tuple[str, str]:
    """Which hop a message is stuck at, and how to mend it, from how full the queues are."""
    events, events_dead, tasks, tasks_dead = _names()

    def count(name: str, depth: Depths = after) -> int:
        found = depth[name]
        return found.total if found else 0

    for dead, kind in ((events_dead, "events"), (tasks_dead, "tasks")):
        if count(dead) > count(dead, before):
            return (
                f"{dead} grew, something cannot be processed.",
                f"The admin (/admin/, Queues) says why; then manage.py redrive --queue {kind}",
            )
    waiting = after[events]
    if waiting is not None and waiting.visible:
        return (
            f"about {waiting.visible} messages wait in {events}, and nobody takes them.",
            "Is the consumer running (python manage.py consume_events)? If it is, its log says "
            "what holds it up; if it is only behind, start more of them.",
        )
    if count(events):
        return (
            f"about {count(events)} messages of {events} are in a consumer's hands.",
            "It received them and cannot pass them on, or was killed with them: see its log.",
        )
    if count(tasks):
        return (
            f"about {count(tasks)} tasks in {tasks} are not done.",
            "Is the worker running (celery -A filehub worker)? If it is, its log says what fails; "
            "if it is only behind, start more of them.",
        )
    unknown = [name for name, depth in after.items() if depth is None]
    if unknown:
        return (
            f"where it is cannot be told, since {', '.join(unknown)} cannot be counted.",
            "See the lines of the queues.",
        )
    return (
        f"no event arrived in {events}, or it was lost.",
        "See “bucket, notifications” and the policy of the queue. A consumer that does not run "
        "leaves messages, and there are none.",
    )
