"""Adopt the objects under a prefix: list, identify, inspect, admit, copy, in batches.

Which of them are here already follows from their ids (`uploads.operations.adoption.identity`), the
records and the bucket. So a run may be killed at any point, and another one goes on, anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from uploads.aws import foreign, s3
from uploads.aws.foreign import ForeignObject, Target
from uploads.core import policy
from uploads.core.conf import conf, rules
from uploads.core.errors import BackendUnavailable, FilehubError
from uploads.core.fan_out import map_concurrently
from uploads.core.keys import OWN_PREFIXES
from uploads.core.texts import describe
from uploads.files import quotas
from uploads.operations.adoption import copying
from uploads.operations.adoption.copying import Sizes
from uploads.operations.adoption.lookup import Known, look_up
from uploads.operations.adoption.placement import Placement, place

#: Objects that are handled together: one BatchGetItem.
BATCH = 100

#: "present": adopted before, whatever has become of the file. "waiting": copied before, but not
#: recorded yet. "refused": another attempt would not help. "failed": it may.
State = Literal["copied", "planned", "present", "waiting", "skipped", "refused", "failed"]


@dataclass(frozen=True)
class Plan:
    """What to adopt, and for whom. `quota` is the owner's in bytes; `folder` is valid.

    `prefix` is empty or ends with a slash. `progress` is called by several threads.
    """

    owner: str
    bucket: str
    prefix: str
    folder: str = ""
    quota: int | None = None
    dry_run: bool = False
    progress: copying.Progress = lambda _: None
    sizes: Sizes = field(default_factory=lambda: copying.SIZES)


@dataclass(frozen=True)
class Outcome:
    """What became of an object, or what would in a dry run."""

    source: ForeignObject
    state: State
    upload_id: str = ""
    placement: Placement | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Ready:
    """An object that can be copied."""

    source: ForeignObject
    upload_id: str
    placement: Placement


def adopt(plan: Plan) -> Iterator[list[Outcome]]:
    """Adopt these objects; yield the outcomes in batches, each in the order of the keys.

    What goes wrong with one object is its outcome. Raises BackendUnavailable if filehub's bucket
    cannot be reached, objects cannot be listed or records cannot be read.
    """
    # It needs s3:ListBucket, without which S3 does not say that a copy does not exist yet.
    s3.ping()
    room = quotas.Room(plan.owner, plan.quota)
    for page in foreign.list_objects(plan.bucket, plan.prefix):
        sources = [source for source in page if not _is_own(source)]
        for start in range(0, len(sources), BATCH):
            yield _adopt_batch(plan, room, sources[start : start + BATCH])


def _is_own(source: ForeignObject) -> bool:
    return source.bucket == conf().bucket and source.key.startswith(OWN_PREFIXES)


def _adopt_batch(plan: Plan, room: quotas.Room, batch: Sequence[ForeignObject]) -> list[Outcome]:
    markers = [source for source in batch if _marks_directory(source)]
    known = look_up([source for source in batch if not _marks_directory(source)], plan.owner)
    examined = map_concurrently(partial(_examine, plan), known, max_workers=copying.CONCURRENCY)
    admitted = [_admit(room, item) if isinstance(item, _Ready) else item for item in examined]
    ready = [item for item in admitted if isinstance(item, _Ready)]
    outcomes = [
        *(Outcome(source, "skipped", reason="It only marks a directory.") for source in markers),
        *(item for item in admitted if isinstance(item, Outcome)),
        *(_dry_run(ready) if plan.dry_run else _copy_all(plan, ready)),
    ]
    return sorted(outcomes, key=lambda outcome: outcome.source.key)


def _marks_directory(source: ForeignObject) -> bool:
    """Whether it is an empty object such as S3's console creates for a folder."""
    return source.size == 0 and source.key.endswith("/")


def _examine(plan: Plan, known: Known) -> _Ready | Outcome:
    """Look for the copy, then at the original. Runs in a thread."""
    source = known.source
    if known.state == "adopted":
        return Outcome(source, "present")
    try:
        copies = [upload_id for upload_id in known.upload_ids if s3.head(upload_id)]
        if copies and known.state == "rejected":
            return Outcome(source, "refused", copies[0], reason=describe(known.reason))
        if copies:
            return Outcome(source, "waiting", copies[0])
        headers = foreign.inspect(source)
        path = source.key.removeprefix(plan.prefix)
        placement = place(
            path, plan.folder, headers.content_type, headers.content_encoding, rules()
        )
        policy.check_size(source.size, rules(), in_parts=True)
    except FilehubError as exc:
        return _failed(source, exc)
    return _Ready(source, known.upload_ids[0], placement)


def _admit(room: quotas.Room, ready: _Ready) -> _Ready | Outcome:
    """Refuse what does not fit into the owner's quota beside the objects before it."""
    try:
        room.take(ready.source.size)
    except FilehubError as exc:
        return _failed(ready.source, exc)
    return ready


def _dry_run(ready: Sequence[_Ready]) -> list[Outcome]:
    return [_outcome(item, "planned") for item in ready]


def _copy_all(plan: Plan, ready: Sequence[_Ready]) -> list[Outcome]:
    """Copy small objects side by side, then large ones one by one: their parts are side by side."""
    small = [item for item in ready if item.source.size <= plan.sizes.threshold]
    large = [item for item in ready if item.source.size > plan.sizes.threshold]
    copy = partial(_copy, plan)
    outcomes = map_concurrently(copy, small, max_workers=copying.CONCURRENCY)
    return outcomes + [copy(item) for item in large]


def _copy(plan: Plan, ready: _Ready) -> Outcome:
    source, placement = ready.source, ready.placement
    target = Target(
        ready.upload_id,
        plan.owner,
        placement.file_name,
        placement.folder,
        placement.content_type,
    )
    try:
        if source.size > plan.sizes.threshold:
            copying.copy_in_parts(source, target, plan.sizes, plan.progress)
        else:
            copying.copy(source, target)
            plan.progress(source.size)
    except FilehubError as exc:
        return _failed(source, exc)
    return _outcome(ready, "copied")


def _outcome(ready: _Ready, state: State) -> Outcome:
    return Outcome(ready.source, state, ready.upload_id, ready.placement)


def _failed(source: ForeignObject, error: FilehubError) -> Outcome:
    if isinstance(error, BackendUnavailable):
        cause = f" ({error.__cause__!r})" if error.__cause__ else ""
        return Outcome(source, "failed", reason=f"{error.message}{cause}")
    return Outcome(source, "refused", reason=error.message)
