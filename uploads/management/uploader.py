"""Upload files from the local disk to S3: the sending of `filehub_client`, signed in this process.

Used by the command `upload`, which needs no API token and no web process. Only the calling thread
uses Django's database; other threads only sign parts and send.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import httpx

from filehub_client import waiting
from filehub_client.drivers import CONCURRENCY, TIMEOUT, ThreadDriver
from filehub_client.errors import FilehubError as ClientError
from filehub_client.errors import api_error
from filehub_client.flow import Flow
from filehub_client.local_files import LocalFile, Progress
from filehub_client.models import (
    NOTHING,
    About,
    Begun,
    FileSpec,
    Outcome,
    PartsPlan,
    SignedPut,
    SignedRequest,
    UploadStatus,
)
from filehub_client.retry import Retries
from filehub_client.sending import Options, send_files
from uploads.aws import clients, s3
from uploads.core import labels
from uploads.core.conf import conf, rules
from uploads.core.errors import FilehubError
from uploads.core.texts import describe
from uploads.files import queries, quotas
from uploads.transfers import batch, begin, parts
from uploads.transfers.tokens import UploadToken

#: How often a request is sent before its file fails.
ATTEMPTS = 6
#: Seconds of the longest pause between two attempts. Pauses double, with jitter.
LONGEST_PAUSE = 20
#: Bytes per second of the slowest connection for which several files are signed ahead.
SLOWEST = 16 * 1024
#: Seconds between two requests for the state of uploads.
POLL_INTERVAL = 1.0

T = TypeVar("T")


def send(
    files: Iterable[LocalFile],
    owner: str,
    *,
    about: About = NOTHING,
    concurrency: int = CONCURRENCY,
    progress: Progress = lambda _: None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Upload these files; the outcomes are in the order of their ends.

    Raises InvalidRequest if what is said about the files is not valid, and the client's errors.
    `on_outcome` is called, perhaps by another thread, as soon as a file is in S3 or has failed. A
    file that fails does not stop the others, and leaves no parts in S3.
    """
    labels.check(about.tags, about.context)
    rules().at(about.destination)
    options = replace(_options(), about=about, progress=progress, on_outcome=on_outcome)
    with http_client() as http:
        driver = ThreadDriver(http, concurrency)
        return driver.run(send_files(_Signer(owner), files, options))


def http_client() -> httpx.Client:
    """A client that trusts the certificates that botocore trusts."""
    certificates = ssl.create_default_context(cafile=clients.ca_bundle())
    return httpx.Client(timeout=TIMEOUT, verify=certificates)


def _options() -> Options:
    """Files are signed in groups that even a slow connection sends before they expire."""
    return Options(
        part_size=conf().multipart_threshold,
        group_bytes=conf().url_expiry * SLOWEST,
        group_files=min(batch.MAX_FILES, conf().url_expiry),
        retries=Retries(attempts=ATTEMPTS, longest_pause=LONGEST_PAUSE),
    )


def statuses(ids: Sequence[str], owner: str, *, timeout: float) -> dict[str, UploadStatus]:
    """Wait until no upload is pending, or `timeout` seconds, and return the states of all.

    Raises the client's FilehubError.
    """
    flow = waiting.settled(_Signer(owner), ids, timeout=timeout, interval=POLL_INTERVAL)
    with http_client() as http:
        return ThreadDriver(http).run(flow)


class _Signer:
    """Signs for one owner what the HTTP API would sign: `filehub_client.sending.Signer`."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._quota = quotas.limit_of_owner(owner)
        self._tokens: dict[str, UploadToken] = {}

    def begin(self, files: Sequence[FileSpec]) -> Flow[list[Begun]]:
        # Without the client's part size: this site's own settings decide.
        requests = [
            begin.FileRequest(
                file.file_name,
                file.size,
                file.content_type,
                file.sha256,
                folder=file.folder,
                labels=labels.check(file.about.tags, file.about.context),
                destination=file.about.destination,
            )
            for file in files
        ]
        begun = yield from _call(
            lambda: batch.begin_uploads(self._owner, requests, quota=self._quota)
        )
        return [self._begun(outcome) for outcome in begun]

    def _begun(self, outcome: batch.Outcome) -> Begun:
        if isinstance(outcome, FilehubError):
            return _client_error(outcome)
        if isinstance(outcome, begin.StartedUpload):
            return SignedPut(outcome.id, _signed(outcome.request))
        token = outcome.token
        self._tokens[token.upload_id] = token
        return PartsPlan(token.upload_id, "", token.part_size or 0, token.part_count)

    def sign_part(self, plan: PartsPlan, number: int, sha256: str) -> Flow[SignedRequest]:
        part = (number, sha256)
        (request,) = yield from _call(lambda: parts.sign_parts(self._tokens[plan.id], [part]))
        return _signed(request)

    def parts(self, plan: PartsPlan) -> Flow[dict[int, str]]:
        received = yield from _call(lambda: parts.uploaded_parts(self._tokens[plan.id]))
        return {part.number: part.checksum for part in received}

    def complete(self, plan: PartsPlan) -> Flow[None]:
        yield from _call(lambda: parts.complete(self._tokens[plan.id], quota=self._quota))

    def abort(self, plan: PartsPlan) -> Flow[None]:
        yield from _call(lambda: parts.abort(self._tokens[plan.id]))

    def confirm(self, upload_id: str) -> Flow[None]:
        """Nothing to ask for: S3 reports the object."""
        yield from ()

    def statuses(self, ids: Sequence[str]) -> Flow[dict[str, UploadStatus]]:
        found: dict[str, UploadStatus] = {}
        for start in range(0, len(ids), queries.MAX_IDS):
            group = list(ids[start : start + queries.MAX_IDS])
            found |= yield from _call(partial(self._statuses, group))
        return found

    def _statuses(self, ids: list[str]) -> dict[str, UploadStatus]:
        return {
            status.id: UploadStatus(status.id, status.state, describe(status.reason))
            for status in queries.upload_statuses(ids, self._owner)
        }


def _call(function: Callable[[], T]) -> Flow[T]:
    """A flow without effects: it calls filehub itself, whose errors become the client's."""
    yield from ()
    try:
        return function()
    except FilehubError as exc:
        raise _client_error(exc) from exc


def _client_error(error: FilehubError) -> ClientError:
    return api_error(error.status, error.message, error.code, error.retry_after)


def _signed(request: s3.SignedRequest) -> SignedRequest:
    return SignedRequest(request.method, request.url, request.headers)
