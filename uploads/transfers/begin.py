"""Start an upload: validate the request, create an id, sign the first S3 request.

Whether the object is accepted is decided later, by `uploads.ingest`, from what S3 reports.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from django.conf import settings

from uploads.aws import forms, multipart, s3
from uploads.core import keys, media_types, policy, tracing
from uploads.core.conf import conf, rules
from uploads.core.errors import UploadCompleted
from uploads.core.fields import FieldRules
from uploads.core.folders import check_folder
from uploads.core.labels import NO_LABELS, Labels, encode
from uploads.core.limits import MULTIPART_LIFETIME, S3_MIN_PART_SIZE
from uploads.core.logs import context
from uploads.core.names import check_name
from uploads.files import queries, quotas
from uploads.transfers import tokens


@dataclass(frozen=True)
class FileRequest:
    """What a client says about a file. Sizes are in bytes; None if it does not know the size.

    `part_checksums` says whether the client will send the SHA-256 of each part, if there are parts.
    `part_size` is the largest part that suits its connection. `folder` is a path; "": the root.
    `destination` is the name of one that its user may choose; "": none. `field` is the form field
    that it is for; with one there is no destination. `upload_id` is the id of a request that may be
    repeated (see `uploads.transfers.idempotency`); None for a new one.
    """

    file_name: str
    size: int | None = None
    content_type: str | None = None
    sha256: str | None = None
    part_checksums: bool = True
    part_size: int | None = None
    folder: str = ""
    labels: Labels = NO_LABELS
    destination: str = ""
    field: FieldRules | None = None
    upload_id: str | None = None

    @property
    def extra_metadata(self) -> dict[str, str]:
        """What is signed besides owner, name and folder."""
        named = {"destination": self.destination} if self.destination else {}
        return encode(self.labels) | named | (self.field.metadata if self.field else {})

    @property
    def limits(self) -> policy.Rules:
        """The limits of its destination and field. Raises InvalidRequest."""
        return rules().at(self.destination, self.field)


@dataclass(frozen=True)
class Plan:
    """A valid request: the file with its normalised type and folder, and how it is sent.

    `part_size` is None if the size is unknown, or the file is sent in one request.
    """

    file: FileRequest
    in_parts: bool
    part_size: int | None = None


@dataclass(frozen=True)
class StartedUpload:
    """A new upload in a single request: its id, and the presigned PUT."""

    id: str
    request: s3.SignedRequest

    @property
    def upload_id(self) -> str:
        return self.id


@dataclass(frozen=True)
class StartedForm:
    """A new upload in a single request, which is a form: its id, and the signed fields."""

    id: str
    form: forms.SignedForm


@dataclass(frozen=True)
class StartedMultipart:
    """A new multipart upload. The token is needed to sign the requests for its parts."""

    token: tokens.UploadToken
    expires_at: datetime

    @property
    def upload_id(self) -> str:
        return self.token.upload_id


Started = StartedUpload | StartedMultipart


def begin_put(
    owner: str,
    *,
    file_name: str,
    folder: str = "",
    content_type: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
    labels: Labels = NO_LABELS,
    destination: str = "",
    quota: int | None = None,
) -> StartedUpload:
    """Presign the PUT of one file. Writes nothing.

    `quota` is the owner's limit in bytes; with one, their usage is read. Raises InvalidRequest,
    FileTooLarge, QuotaExceeded, TypeNotAllowed, or BackendUnavailable (no credentials, or the usage
    cannot be read).
    """
    file = FileRequest(
        file_name, size, content_type, sha256,
        folder=folder, labels=labels, destination=destination,
    )  # fmt: skip
    planned = plan_put(file)
    quotas.check(owner, quota, size)
    return _sign_put(owner, planned.file)


def begin_form(
    owner: str,
    *,
    file_name: str,
    folder: str = "",
    content_type: str | None = None,
    labels: Labels = NO_LABELS,
    destination: str = "",
) -> StartedForm:
    """Sign the form of one file, for clients that can only send forms. Writes nothing.

    S3 refuses a file that is too large. Raises InvalidRequest, TypeNotAllowed or
    BackendUnavailable.
    """
    requested = FileRequest(
        file_name, None, content_type, folder=folder, labels=labels, destination=destination
    )
    file = plan_put(requested).file
    limits = file.limits
    upload_id = keys.new_upload_id(owner, settings.SECRET_KEY)
    with upload_span(upload_id):
        form = forms.sign_form(
            upload_id,
            owner=owner,
            file_name=file.file_name,
            folder=file.folder,
            content_type=file.content_type or "",
            max_size=min(limits.max_size, limits.max_put_size),
            extra=file.extra_metadata,
        )
    return StartedForm(upload_id, form)


def begin_upload(owner: str, file: FileRequest, *, quota: int | None = None) -> Started:
    """Start an upload of known size: in a single request, or in parts if the file is large.

    Raises the same errors as `begin_put`.
    """
    planned = plan_upload(file)
    quotas.check(owner, quota, file.size)
    return start(owner, planned)


def begin_multipart(
    owner: str,
    *,
    file_name: str,
    folder: str = "",
    content_type: str | None = None,
    part_checksums: bool = True,
    labels: Labels = NO_LABELS,
    destination: str = "",
) -> StartedMultipart:
    """Start a multipart upload, whose size is unknown until it is completed.

    Raises the same errors as `begin_put`.
    """
    file = FileRequest(
        file_name, None, content_type,
        part_checksums=part_checksums, folder=folder, labels=labels, destination=destination,
    )  # fmt: skip
    return start_multipart(owner, plan_multipart(file))


def plan_upload(file: FileRequest) -> Plan:
    """Validate a file of known size, and decide whether it goes in parts. Calls no service.

    A client on a slow connection may request smaller parts; then every file that is larger than one
    of these parts goes in parts. Raises InvalidRequest, FileTooLarge and TypeNotAllowed.
    """
    threshold = conf().multipart_threshold
    if file.part_size is not None:
        file = replace(file, part_size=max(file.part_size, S3_MIN_PART_SIZE))
        threshold = min(file.part_size or threshold, threshold)
    in_parts = file.size is not None and file.size > threshold
    return plan_multipart(file) if in_parts else plan_put(file)


def plan_put(file: FileRequest) -> Plan:
    """Validate a file that is sent in a single request. Raises as `plan_upload`."""
    file = _validated(file)
    if file.size is not None:
        policy.check_size(file.size, file.limits)
    return Plan(file, in_parts=False)


def plan_multipart(file: FileRequest) -> Plan:
    """Validate a file that is sent in parts. Raises as `plan_upload`.

    S3 cannot verify the SHA-256 of a complete multipart upload: it is validated but not used.
    """
    file = _validated(file)
    if file.size is None:
        return Plan(file, in_parts=True)
    policy.check_size(file.size, file.limits, in_parts=True)
    part_size = policy.part_size_for(file.size, conf().part_size, file.part_size)
    return Plan(file, in_parts=True, part_size=part_size)


def start(owner: str, planned: Plan) -> Started:
    """Sign the PUT, or create the multipart upload in S3. filehub itself writes nothing.

    Raises BackendUnavailable.
    """
    if planned.in_parts:
        return start_multipart(owner, planned)
    return _sign_put(owner, planned.file)


def _sign_put(owner: str, file: FileRequest) -> StartedUpload:
    upload_id = file.upload_id or keys.new_upload_id(owner, settings.SECRET_KEY)
    with upload_span(upload_id):
        request = s3.sign_put(
            upload_id,
            owner=owner,
            file_name=file.file_name,
            folder=file.folder,
            content_type=file.content_type or "",
            size=file.size,
            sha256=file.sha256,
            extra=file.extra_metadata,
        )
    return StartedUpload(upload_id, request)


def start_multipart(owner: str, planned: Plan) -> StartedMultipart:
    """Create the multipart upload in S3. Raises BackendUnavailable."""
    file = planned.file
    upload_id = file.upload_id or keys.new_upload_id(owner, settings.SECRET_KEY)
    with context.about(upload_id=upload_id), upload_span(upload_id):
        begun = _begun_before(upload_id) if file.upload_id else None
        s3_upload_id = begun or multipart.create(
            upload_id,
            owner=owner,
            file_name=file.file_name,
            folder=file.folder,
            content_type=file.content_type or "",
            checksums=file.part_checksums,
            extra=file.extra_metadata,
        )
    token = tokens.UploadToken(
        upload_id, s3_upload_id, owner, file.size, planned.part_size, file.destination
    )
    # S3 removes the parts of an upload that an earlier request began when that one says.
    begun_at = keys.created_at(upload_id) if file.upload_id else datetime.now(UTC)
    return StartedMultipart(token, begun_at + MULTIPART_LIFETIME)


def _begun_before(upload_id: str) -> str | None:
    """S3's id of the upload that an earlier request with the same key began; None: there is none.

    Raises UploadCompleted if its parts have been sent already.
    """
    s3_upload_id = multipart.find(upload_id)
    if s3_upload_id is None and (s3.head(upload_id) or queries.recorded([upload_id])):
        raise UploadCompleted
    return s3_upload_id


def upload_span(upload_id: str) -> AbstractContextManager[None]:
    """The span whose id goes into the object's metadata, so one for each file of a batch."""
    return tracing.span("sign upload", "producer", attributes={"filehub.upload_id": upload_id})


def _validated(file: FileRequest) -> FileRequest:
    """Check checksum, name, folder and type; return the file with type and folder normalised.

    The folder of a destination contains the client's.
    """
    limits = file.limits
    if file.sha256 is not None:
        policy.check_sha256(file.sha256)
    check_name(file.file_name)
    folder = check_folder(file.folder)
    if file.destination:
        folder = check_folder(limits.destinations[file.destination].folder_for(folder))
    content_type = media_types.check_type(file.content_type, limits)
    return replace(file, folder=folder, content_type=content_type)
