"""Send local files to S3: small ones several at a time, then several parts of each large one.

`Signer` is the side that signs: the HTTP API (`filehub_client.api.Api`), or filehub itself in
`manage.py upload`. A file is read twice, once for its checksum and once to send it, and never held
in memory. Only the calling flow begins uploads; spawned flows only send, and sign parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from filehub_client.errors import (
    ApiError,
    FilehubError,
    LocalFileError,
    NotFound,
)
from filehub_client.flow import Flow, join, pause, spawn, work
from filehub_client.journal import Entry, Journal, Key
from filehub_client.local_files import (
    FileSlice,
    Inspected,
    LocalFile,
    Progress,
    absolute,
    inspect,
    sha256,
    type_of,
)
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
from filehub_client.putting import Sign, put
from filehub_client.retry import Retries

MIB = 1024**2
#: Files that are begun at once, and their bytes: what is signed should be sent before it expires.
GROUP_FILES, GROUP_BYTES = 100, 64 * MIB


class Signer(Protocol):
    """Begins uploads, signs their parts, and knows their states. See `filehub_client.api.Api`."""

    def begin(self, files: Sequence[FileSpec]) -> Flow[list[Begun]]: ...
    def sign_part(self, plan: PartsPlan, number: int, sha256: str) -> Flow[SignedRequest]: ...
    def parts(self, plan: PartsPlan) -> Flow[dict[int, str]]: ...
    def complete(self, plan: PartsPlan) -> Flow[None]: ...
    def abort(self, plan: PartsPlan) -> Flow[None]: ...
    def confirm(self, upload_id: str) -> Flow[None]: ...
    def statuses(self, ids: Sequence[str]) -> Flow[dict[str, UploadStatus]]: ...


@dataclass(frozen=True)
class Options:
    """How to send. `part_size` (bytes): larger files go in parts of this size, or smaller ones.

    `on_outcome` is called, perhaps by another thread, as soon as a file is in S3 or has failed.
    """

    site: str = ""
    part_size: int = 16 * MIB
    group_bytes: int = GROUP_BYTES
    group_files: int = GROUP_FILES
    retries: Retries = field(default_factory=Retries)
    journal: Journal = field(default_factory=Journal)
    about: About = NOTHING
    progress: Progress = lambda _: None
    on_outcome: Callable[[Outcome], None] = lambda _: None


@dataclass(frozen=True)
class _Prepared:
    """A file that fits in one request, with its digest."""

    inspected: Inspected
    spec: FileSpec


def send_files(signer: Signer, files: Iterable[LocalFile], options: Options) -> Flow[list[Outcome]]:
    """Upload these files; the outcomes are in the order of their ends.

    A file that fails does not stop the others. Parts of a file that failed are discarded, unless a
    journal on disk makes it possible to resume it.
    """
    return (yield from _Sending(signer, options).run(files))


class _Sending:
    def __init__(self, signer: Signer, options: Options) -> None:
        self._signer, self._options = signer, options
        self._journal = options.journal
        self._outcomes: list[Outcome] = []
        self._large: list[tuple[Inspected, PartsPlan | None]] = []
        #: Why nothing more can be begun, after the server has refused a whole request.
        self._refusal: FilehubError | None = None

    def run(self, files: Iterable[LocalFile]) -> Flow[list[Outcome]]:
        sent = yield from self._sent_before()
        group: list[_Prepared] = []
        for file in files:
            prepared = yield from self._prepare(file, sent)
            if prepared is None:
                continue
            if group and not self._fits(group, prepared):
                yield from self._send_group(group)
                group = []
            group.append(prepared)
        if group:
            yield from self._send_group(group)
        yield from join()
        for inspected, plan in self._large:
            yield from self._send_large(inspected, plan)
        return self._outcomes

    def _fits(self, group: list[_Prepared], other: _Prepared) -> bool:
        total = sum(prepared.spec.size for prepared in group) + other.spec.size
        return len(group) < self._options.group_files and total <= self._options.group_bytes

    def _sent_before(self) -> Flow[dict[Key, str]]:
        """What an earlier run has sent completely: the upload's id by file.

        The server is asked, because an upload may belong to another user or be deleted since then,
        and because a killed run may not know that its last requests have arrived.
        """
        entries = self._journal.entries()
        ids = [entry.id for entry in entries.values()]
        statuses = (yield from self._signer.statuses(ids)) if ids else {}
        sent: dict[Key, str] = {}
        for key, entry in entries.items():
            status = statuses.get(entry.id)
            is_there = status is not None and (
                status.state == "stored"
                or (status.state in {"pending", "scanning"} and entry.is_sent)
            )
            if is_there:
                sent[key] = entry.id
        return sent

    def _prepare(self, file: LocalFile, sent: dict[Key, str]) -> Flow[_Prepared | None]:
        """Inspect and hash a small file; None if it ends here, or is large and waits."""
        try:
            inspected = yield from work(partial(inspect, file))
            _check_unicode(file)
            if upload_id := sent.get(self._key(inspected)):
                self._options.progress(inspected.size)
                self._end(file, upload_id)
                return None
            if inspected.size > self._options.part_size:
                self._large.append((inspected, None))
                return None
            digest = yield from work(partial(sha256, file.path, 0, inspected.size))
        except LocalFileError as exc:
            self._end(file, error=exc)
            return None
        return _Prepared(inspected, self._spec(inspected, digest))

    def _spec(self, inspected: Inspected, digest: str | None = None) -> FileSpec:
        file = inspected.file
        return FileSpec(
            file_name=file.name,
            folder=file.folder,
            size=inspected.size,
            content_type=type_of(file.name),
            sha256=digest,
            part_size=self._options.part_size,
            about=self._options.about,
        )

    def _send_group(self, group: list[_Prepared]) -> Flow[None]:
        results = yield from self._begin([prepared.spec for prepared in group])
        for prepared, begun in zip(group, results, strict=True):
            if isinstance(begun, FilehubError):
                self._end(prepared.inspected.file, error=begun)
            elif isinstance(begun, PartsPlan):
                self._large.append((prepared.inspected, begun))
            else:
                self._journal.record(self._key(prepared.inspected), Entry(begun.id))
                yield from spawn(self._send_small(prepared, begun))

    def _begin(self, specs: list[FileSpec]) -> Flow[list[Begun]]:
        """Begin these; again those that are refused for the time being."""
        if self._refusal:
            return [self._refusal] * len(specs)
        try:
            results = yield from self._signer.begin(specs)
            for failures in range(1, self._options.retries.attempts):
                again = [i for i, found in enumerate(results) if _is_temporary(found)]
                seconds = max((self._pause(failures, results[i]) for i in again), default=-1.0)
                if seconds < 0:
                    break
                yield from pause(seconds)
                renewed = yield from self._signer.begin([specs[i] for i in again])
                for i, result in zip(again, renewed, strict=True):
                    results[i] = result
            return results
        except FilehubError as exc:
            self._refusal = exc
            return [exc] * len(specs)

    def _pause(self, failures: int, begun: Begun) -> float:
        """Seconds until this may be begun again; negative to give up."""
        if not isinstance(begun, FilehubError):
            return -1.0
        seconds = self._options.retries.pause_after(failures, begun)
        return -1.0 if seconds is None else seconds

    def _send_small(self, prepared: _Prepared, first: SignedPut) -> Flow[None]:
        inspected, current = prepared.inspected, first

        def sign(is_renewal: bool, is_uncertain: bool) -> Flow[SignedRequest | None]:
            nonlocal current
            if not is_renewal:
                return current.request
            if is_uncertain and (yield from self._has_arrived(current.id)):
                return None
            (begun,) = yield from self._signer.begin([prepared.spec])
            if not isinstance(begun, SignedPut):
                raise begun if isinstance(begun, FilehubError) else LocalFileError("Try again.")
            current = begun
            self._journal.record(self._key(inspected), Entry(begun.id))
            return current.request

        try:
            yield from self._put(inspected, 0, inspected.size, sign)
        except FilehubError as exc:
            self._journal.forget(self._key(inspected))
            self._end(inspected.file, error=exc)
        else:
            self._journal.record(self._key(inspected), Entry(current.id, is_sent=True))
            self._end(inspected.file, current.id)

    def _has_arrived(self, upload_id: str) -> Flow[bool]:
        """Whether an attempt without a response has stored the object, although its signature has
        expired since: beginning again would store the file twice.
        """
        yield from self._signer.confirm(upload_id)
        for _ in range(self._options.retries.attempts):
            statuses = yield from self._signer.statuses([upload_id])
            if upload_id in statuses and statuses[upload_id].state != "pending":
                return True
            yield from pause(min(1.0, self._options.retries.longest_pause))
        return False

    def _send_large(self, inspected: Inspected, plan: PartsPlan | None) -> Flow[None]:
        key, resumed = self._key(inspected), self._journal.entries().get(self._key(inspected))
        try:
            received: dict[int, str] = {}
            if plan is None and resumed and resumed.plan:
                plan = resumed.plan
                known = yield from self._resume(plan)
                if known == "completed":
                    self._sent(inspected, plan)
                    return
                plan, received = (plan, known) if isinstance(known, dict) else (None, {})
            plan = plan or (yield from self._begin_parts(inspected))
            self._journal.record(key, Entry(plan.id, plan=plan))
        except FilehubError as exc:
            self._end(inspected.file, error=exc)
            return
        yield from self._send_in_parts(inspected, plan, received)

    def _resume(self, plan: PartsPlan) -> Flow[dict[int, str] | str]:
        """The parts that S3 has, or `completed`, or `unknown` after which it is begun again."""
        try:
            return (yield from self._signer.parts(plan))
        except NotFound:
            return "unknown"
        except ApiError as exc:
            if exc.code != "upload_completed":
                raise
            return "completed"

    def _begin_parts(self, inspected: Inspected) -> Flow[PartsPlan]:
        (begun,) = yield from self._begin([self._spec(inspected)])
        if isinstance(begun, FilehubError):
            raise begun
        if not isinstance(begun, PartsPlan):
            raise LocalFileError(
                "The server does not accept files in parts of this size.", code="no_parts"
            )
        return begun

    def _send_in_parts(
        self, inspected: Inspected, plan: PartsPlan, received: dict[int, str]
    ) -> Flow[None]:
        try:
            for number in range(1, plan.part_count + 1):
                part = self._send_part(inspected, plan, number, received.get(number, ""))
                yield from spawn(part)
            yield from join()
            yield from self._signer.complete(plan)
        except FilehubError as exc:
            yield from self._end_in_parts(inspected, plan, exc)
        except BaseException:
            if not self._journal.is_durable:
                with suppress(FilehubError):
                    yield from self._signer.abort(plan)
            raise
        else:
            self._sent(inspected, plan)

    def _end_in_parts(
        self, inspected: Inspected, plan: PartsPlan, error: FilehubError
    ) -> Flow[None]:
        """Discard the parts if nothing can resume them; an earlier completion may have worked."""
        if error.code != "upload_completed" and not self._journal.is_durable:
            try:
                yield from self._signer.abort(plan)
            except FilehubError as exc:
                if exc.code == "upload_completed":
                    error = exc
        if error.code == "upload_completed":
            self._sent(inspected, plan)
        else:
            self._end(inspected.file, error=error)

    def _send_part(
        self, inspected: Inspected, plan: PartsPlan, number: int, received: str
    ) -> Flow[None]:
        path = inspected.file.path
        start, size = plan.slice_of(number, inspected.size)
        digest = yield from work(partial(sha256, path, start, size))
        if digest == received:
            self._options.progress(size)
            return
        signed: SignedRequest | None = None

        def sign(is_renewal: bool, is_uncertain: bool) -> Flow[SignedRequest | None]:
            nonlocal signed
            if signed is None or is_renewal:
                signed = yield from self._signer.sign_part(plan, number, digest)
            return signed

        yield from self._put(inspected, start, size, sign)

    def _put(self, inspected: Inspected, start: int, size: int, sign: Sign) -> Flow[None]:
        body = FileSlice(inspected.file.path, start, size, self._options.progress)
        yield from put(body, sign, self._options.retries)

    def _key(self, inspected: Inspected) -> Key:
        file = inspected.file
        return Key(
            site=self._options.site,
            path=str(absolute(file.path)),
            name=file.name,
            folder=file.folder,
            size=inspected.size,
            changed_ns=inspected.changed_ns,
            destination=self._options.about.destination,
        )

    def _sent(self, inspected: Inspected, plan: PartsPlan) -> None:
        self._journal.record(self._key(inspected), Entry(plan.id, is_sent=True))
        self._end(inspected.file, plan.id)

    def _end(self, file: LocalFile, upload_id: str = "", error: FilehubError | None = None) -> None:
        outcome = Outcome(file.path, file.name, file.folder, upload_id, error)
        self._outcomes.append(outcome)
        self._options.on_outcome(outcome)


def _is_temporary(begun: Begun) -> bool:
    return isinstance(begun, FilehubError) and begun.is_temporary


def _check_unicode(file: LocalFile) -> None:
    """Raise LocalFileError for a name or folder that cannot be sent as JSON."""
    for text, what, code in (
        (file.name, "file name", "invalid_name"),
        (file.folder, "folder", "invalid_folder"),
    ):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise LocalFileError(f"The {what} is not valid Unicode.", code=code) from None
