"""Upload a file from this process, by the same rules as an upload of a browser."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import IO

from django.conf import settings

from uploads.aws import s3, sending
from uploads.core import keys
from uploads.core.errors import BackendUnavailable, UploadCompleted
from uploads.core.fan_out import map_concurrently
from uploads.core.limits import MIB
from uploads.files import quotas
from uploads.transfers import begin, parts
from uploads.transfers.begin import FileRequest, Plan
from uploads.transfers.tokens import UploadToken

logger = logging.getLogger(__name__)

#: Parts that are held in memory and sent at a time.
CONCURRENCY = 4


def upload(owner: str, file: FileRequest, body: IO[bytes]) -> str:
    """Send a seekable file to S3, in parts if it is large; return its id. It is not recorded yet.

    Its size is measured. Raises the same errors as `begin_upload` before anything is sent, and
    BackendUnavailable; then nothing is left in S3 that can be removed.
    """
    body.seek(0, os.SEEK_END)
    planned = begin.plan_upload(replace(file, size=body.tell()))
    body.seek(0)
    quota = quotas.limit_of_owner(owner)
    quotas.check(owner, quota, planned.file.size)
    if planned.in_parts:
        return _send_parts(owner, planned, body, quota)
    return _send(owner, planned.file, body)


def discard(upload_id: str) -> None:
    """Delete the object of a failed upload. If that fails too, S3's event lists the file."""
    try:
        s3.delete(upload_id)
    except BackendUnavailable as exc:
        about = {"upload_id": upload_id}
        logger.warning("%s was not deleted: %r", upload_id, exc.__cause__ or exc, extra=about)


def _send(owner: str, file: FileRequest, body: IO[bytes]) -> str:
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    digest = hashlib.sha256()
    while data := body.read(MIB):
        digest.update(data)
    body.seek(0)
    try:
        with begin.upload_span(upload_id):
            sending.put(
                upload_id,
                body,
                size=file.size or 0,
                sha256=base64.b64encode(digest.digest()).decode(),
                owner=owner,
                file_name=file.file_name,
                folder=file.folder,
                content_type=file.content_type or "",
            )
    except BackendUnavailable:
        discard(upload_id)
        raise
    return upload_id


def _send_parts(owner: str, planned: Plan, body: IO[bytes], quota: int | None) -> str:
    started = begin.start_multipart(owner, planned)
    token = started.token
    try:
        pending = iter(enumerate(_pieces(body, planned.part_size or 0), 1))
        while group := list(islice(pending, CONCURRENCY)):
            map_concurrently(partial(_send_part, token), group, max_workers=CONCURRENCY)
        parts.complete(token, quota=quota)
    except BaseException:
        with suppress(BackendUnavailable, UploadCompleted):
            parts.abort(token)
        discard(token.upload_id)
        raise
    return token.upload_id


def _pieces(body: IO[bytes], size: int) -> Iterator[bytes]:
    while data := body.read(size):
        yield data


def _send_part(token: UploadToken, part: tuple[int, bytes]) -> None:
    number, data = part
    sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()
    sending.put_part(token.upload_id, token.s3_upload_id, number, data, sha256=sha256)
