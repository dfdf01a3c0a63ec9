"""Many uploads in one request: each file is validated, counted and started by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from uploads.accounts.destinations import Choice
from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.core.conf import conf
from uploads.core.errors import FilehubError, InvalidRequest, RateLimited
from uploads.files import quotas
from uploads.transfers import batch
from uploads.transfers.begin import FileRequest, StartedUpload
from uploads.web.api import auditing
from uploads.web.api.app import invalid_field
from uploads.web.api.auth import owner
from uploads.web.api.schemas import (
    BatchOut,
    FailedUpload,
    MultipartUpload,
    SignedUpload,
    UploadRequest,
)
from uploads.web.api.throttling import count_signatures

logger = logging.getLogger(__name__)


#: Turns pydantic's errors about one file into one.
Invalid = Callable[[ValidationError], FilehubError]
#: Gives the file at this position of the request the id of an upload.
Claim = Callable[[int, FileRequest], FileRequest]


def begin_uploads(request: AuthenticatedHttpRequest, files: Any) -> BatchOut:
    """Start an upload for each of these bodies of `POST /uploads`; see `start_all`."""
    return BatchOut(results=[_result(outcome) for outcome in start_all(request, files)])


def _first_error(exc: ValidationError) -> FilehubError:
    return invalid_field(exc.errors(include_url=False)[0])


def start_all(
    request: AuthenticatedHttpRequest,
    files: Any,
    *,
    schema: type[UploadRequest] = UploadRequest,
    invalid: Invalid = _first_error,
    claim: Claim | None = None,
) -> list[batch.Outcome]:
    """Start an upload for each of these bodies, which have this schema.

    Each counts as a request; those beyond the rate are not started. Raises InvalidRequest if these
    are not 1 to `batch.MAX_FILES`.
    """
    _check_number(files)
    counted = count_signatures(request, len(files))
    choice = Choice(request.user)
    parsed = [
        _parse(
            index, file, owner(request), choice=choice, schema=schema, invalid=invalid, claim=claim
        )
        for index, file in enumerate(files[: counted.within])
    ]
    outcomes = batch.begin_uploads(owner(request), parsed, quota=quotas.limit_of(request.user))
    auditing.uploads_signed(
        request,
        [
            (outcome.upload_id, file.file_name)
            for file, outcome in zip(parsed, outcomes, strict=True)
            if isinstance(file, FileRequest) and not isinstance(outcome, FilehubError)
        ],
    )
    for outcome in outcomes:
        if not (conf().has_audit_log or isinstance(outcome, FilehubError)):
            # The lines of the audit log have the id, and that of a request for one file.
            logger.info("signed %s", outcome.upload_id, extra={"upload_id": outcome.upload_id})
    refused = [RateLimited(counted.wait)] * (len(files) - counted.within)
    return [*outcomes, *refused]


def _check_number(files: Any) -> None:
    if files is None or files == []:
        raise InvalidRequest("Missing files", code="missing_files")
    if not isinstance(files, list):
        raise InvalidRequest("Invalid files: it must be a list.", code="invalid_files")
    if len(files) > batch.MAX_FILES:
        raise InvalidRequest(f"At most {batch.MAX_FILES} files at a time.", code="too_many_files")


def _parse(
    index: int,
    file: Any,
    by: str,
    *,
    choice: Choice,
    schema: type[UploadRequest],
    invalid: Invalid,
    claim: Claim | None,
) -> FileRequest | FilehubError:
    if isinstance(file, FilehubError):  # found by the parser of the body
        return file
    if not isinstance(file, dict):
        return InvalidRequest("Each file must be a JSON object.", code="invalid_json")
    try:
        body = schema.model_validate(file)
        choice.check(body.destination)
        parsed = body.as_file(by)
        return claim(index, parsed) if claim else parsed
    except FilehubError as exc:
        return exc
    except ValidationError as exc:
        return invalid(exc)


def _result(outcome: batch.Outcome) -> SignedUpload | MultipartUpload | FailedUpload:
    if isinstance(outcome, FilehubError):
        return FailedUpload.of(outcome)
    if isinstance(outcome, StartedUpload):
        return SignedUpload.of(outcome)
    return MultipartUpload.of(outcome)
