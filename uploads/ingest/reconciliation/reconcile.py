"""Making records and objects agree, both ways, whatever outcome of the events.

A run walks through a window of ids, shard by shard, and has `uploads.ingest.confirm.check` look at
each id on which the two sides differ. It can stop anywhere and be gone on with: what is done is
remembered every few seconds, and doing some of it twice changes nothing.

Records without an object are believed only in a plausible number. If most objects seem to be gone,
this is more likely another bucket than the records' own: the run stops and marks nothing deleted.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded

from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.errors import BackendUnavailable
from uploads.core.limits import MULTIPART_LIFETIME
from uploads.ingest import confirm
from uploads.ingest.confirm import Finding
from uploads.ingest.reconciliation import checkpoints, comparison
from uploads.ingest.reconciliation.checkpoints import Checkpoint, Counts, Kind, Run
from uploads.ingest.reconciliation.comparison import Pair

logger = logging.getLogger(__name__)

#: How far back the periodic run looks beyond the last moment in which a request could be used.
MARGIN = timedelta(hours=1)
#: What happened since is left alone: its event is probably on its way.
MIN_AGE = timedelta(minutes=2)
#: How long a periodic run may take, well inside a task's time limit (filehub/settings.py).
BUDGET = timedelta(seconds=45)
#: How often a run remembers where it is.
SAVE_EVERY = timedelta(seconds=2)

#: So many records without an object are plausible, whatever else there is: many people delete now
#: and then. More are, if they are at most half of all records that were seen.
PLAUSIBLE_MISSING = 50

#: Seconds between two reports of progress.
_SHOW_EVERY = 0.2

_LOWEST = str(UUID(int=0))
_COUNTED: dict[Finding, str] = {
    "confirmed": "orphaned",
    "missing": "missing",
    "rejected": "rejected",
    "corrected": "corrected",
}


@dataclass(frozen=True)
class Plan:
    """What to look at. `since` is a time before now, over the moment of signing; None for all."""

    kind: Kind
    since: timedelta | None = None
    min_age: timedelta = MIN_AGE
    #: The time after which to stop, and be gone on with by the next run of this kind.
    budget: timedelta | None = None
    #: Whether the position is remembered.
    resumable: bool = False
    #: Change nothing, neither files nor what is remembered of runs.
    dry_run: bool = False
    #: Believe that objects are gone, however many.
    force: bool = False


@dataclass(frozen=True)
class Result:
    """How far a run came and what it found; `run` is stored once it is finished.

    A run that was aborted (`counts.withheld`) is finished too: the next one begins again.
    """

    run: Run
    counts: Counts
    finished: bool

    @property
    def aborted(self) -> str | None:
        """Why the run was stopped, for people; None if it was not."""
        if not self.counts.withheld:
            return None
        missing = self.counts.missing + self.counts.withheld
        return (
            f"Of {self.counts.records:,} records {missing:,} have no object in the bucket "
            f"{conf().bucket}. That is implausible: perhaps it is not their bucket. "
            f"Stopped; {self.counts.withheld:,} of them are left as they are."
        )


#: Called with each id on which the two sides differed, and what that was.
OnFinding = Callable[[str, Finding], None]
#: Called now and then with where a run is.
Progress = Callable[[Checkpoint], None]


def recent() -> Plan:
    """Keys that may be new: ids carry the moment of signing, and the PUT comes later."""
    return Plan("recent", window(), MIN_AGE, BUDGET, resumable=True)


def multipart() -> Plan:
    """An upload in parts has the id of the moment in which it was begun, days before its object."""
    return Plan("multipart", MULTIPART_LIFETIME + MARGIN, MIN_AGE, BUDGET, resumable=True)


def window() -> timedelta:
    """How far back a request that is still good may have been signed, and an hour more."""
    return timedelta(seconds=conf().url_expiry) + MARGIN


def is_plausible(missing: int, records: int) -> bool:
    """Whether so many of the records that were seen may have lost their object."""
    return missing <= PLAUSIBLE_MISSING or missing * 2 <= records


def run(
    plan: Plan,
    *,
    restart: bool = False,
    on_finding: OnFinding | None = None,
    progress: Progress | None = None,
) -> Result:
    """Compare both sides and put right what differs.

    Goes on where the last run of a resumable kind stopped, unless it is to `restart`. Raises
    BackendUnavailable when one side cannot be listed; what is done stays done.
    """
    now = datetime.now(UTC)
    first = _LOWEST if plan.since is None else keys.first_id_at(now - plan.since)
    start = Checkpoint(now, first, keys.SHARDS[0], first)
    interrupted = checkpoints.load(plan.kind) if plan.resumable and not plan.dry_run else None
    if restart and interrupted is not None:
        checkpoints.save(plan.kind, None)
    elif interrupted is not None:
        start = interrupted
    # What has a later id is younger than that: neither object nor record is older than its id.
    until = keys.first_id_at(now - plan.min_age)
    work = _Runner(plan, start, now - plan.min_age, on_finding, has_checkpoint=start is interrupted)
    return work.do(_pairs(start, until), progress)


def check_objects(
    plan: Plan,
    objects: Iterable[s3.ListedObject],
    *,
    on_finding: OnFinding | None = None,
    progress: Progress | None = None,
) -> Result:
    """Put right the records of these objects, which somebody else has listed.

    One way only: nothing follows from an object that such a list does not have, since it may have
    come later. Raises as the listing does, and BackendUnavailable.
    """
    now = datetime.now(UTC)
    pairs = (("", pair) for pair in comparison.pair_with_records(objects))
    start = Checkpoint(now, _LOWEST, "", _LOWEST)
    return _Runner(plan, start, now - plan.min_age, on_finding).do(pairs, progress)


def _pairs(start: Checkpoint, until: str) -> Iterator[tuple[str, Pair]]:
    """What is left to look at, each with its shard."""
    for shard in keys.SHARDS[keys.SHARDS.index(start.shard) :]:
        after = start.last_id if shard == start.shard else start.first_id
        for pair in comparison.compare(shard, after=after, until=until):
            yield shard, pair


class _Runner:
    """One run: where it is, and what it has found so far."""

    def __init__(
        self,
        plan: Plan,
        start: Checkpoint,
        settled_before: datetime,
        on_finding: OnFinding | None,
        *,
        has_checkpoint: bool = False,
    ) -> None:
        self._plan = plan
        self._start = start
        self._judged_until = settled_before
        self._on_finding = on_finding
        self._shard, self._last_id = start.shard, start.last_id
        self._counts = Counter(asdict(start.counts))
        #: Records that seem to have no object, until it is plausible that so many have none; and
        #: where a run has to go on that dies before it.
        self._missing: list[str] = []
        self._safe = self.checkpoint
        self._is_resumable = plan.resumable and not plan.dry_run
        #: Whether a position is stored that has to go in the end.
        self._has_checkpoint = has_checkpoint

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(
            self._start.started_at,
            self._start.first_id,
            self._shard,
            self._last_id,
            Counts(**self._counts),
        )

    def do(self, pairs: Iterable[tuple[str, Pair]], progress: Progress | None) -> Result:
        """Look at all pairs, or at as many as the budget allows."""
        budget = self._plan.budget
        stop_at = None if budget is None else time.monotonic() + budget.total_seconds()
        save_at = time.monotonic() + SAVE_EVERY.total_seconds()
        show_at = 0.0
        is_done = False
        try:
            for shard, pair in pairs:
                outcome = self._inspect(pair)
                self._count(pair, outcome)
                self._shard, self._last_id = shard, pair.id
                clock = time.monotonic()
                is_late = stop_at is not None and clock >= stop_at
                if (
                    len(self._missing) > PLAUSIBLE_MISSING or is_late
                ) and not self._mark_deleted_if_plausible():
                    break
                if is_late:
                    return self._result(finished=False)
                if progress is not None and clock >= show_at:
                    progress(self.checkpoint)
                    show_at = clock + _SHOW_EVERY
                if not self._missing:
                    self._safe = self.checkpoint
                if clock >= save_at:
                    self._save()
                    save_at = clock + SAVE_EVERY.total_seconds()
            else:
                self._mark_deleted_if_plausible()
            is_done = True
        finally:
            # Stopped by its budget, by a fault or by hand. Should this fail too, there is the
            # position of seconds ago.
            if not is_done:
                with suppress(BackendUnavailable):
                    self._save()
        return self._finish()

    def _inspect(self, pair: Pair) -> str | None:
        """Put this id right; returns which of the counts it belongs to."""
        if pair.agrees:
            return None
        if not pair.is_older_than(self._judged_until):
            return "too_recent"
        if pair.object is None and not self._plan.force and not self._plan.dry_run:
            return self._suspect(pair.id)
        return self._check(pair.id)

    def _suspect(self, upload_id: str) -> str | None:
        """Look whether the object is gone, without any consequence yet."""
        outcome = self._check(upload_id, only_inspect=True)
        if outcome == "missing":
            self._missing.append(upload_id)
            return None
        return outcome if outcome in {None, "failed"} else self._check(upload_id)

    def _mark_deleted_if_plausible(self) -> bool:
        """Mark those deleted that were found gone, unless implausibly many; returns whether."""
        missing = self._counts["missing"] + len(self._missing)
        if self._missing and not is_plausible(missing, self._counts["records"]):
            self._counts["withheld"] = len(self._missing)
            return False
        for upload_id in self._missing:
            if (outcome := self._check(upload_id)) is not None:
                self._counts[outcome] += 1
        self._missing.clear()
        self._safe = self.checkpoint
        return True

    def _check(self, upload_id: str, *, only_inspect: bool = False) -> str | None:
        """Have one id looked at; returns which of the counts it belongs to."""
        try:
            finding = confirm.check(upload_id, dry_run=only_inspect or self._plan.dry_run)
        except SoftTimeLimitExceeded:
            raise
        except BackendUnavailable as exc:
            logger.warning("the check of %s failed: %r", upload_id, exc.__cause__ or exc)
            return "failed"
        except Exception:  # a fault of filehub's own; the others must not wait for its repair
            logger.exception("the check of %s failed", upload_id)
            return "failed"
        if finding in _COUNTED and self._on_finding is not None and not only_inspect:
            self._on_finding(upload_id, finding)
        return _COUNTED.get(finding)

    def _count(self, pair: Pair, outcome: str | None) -> None:
        self._counts["examined"] += 1
        self._counts["objects"] += pair.object is not None
        self._counts["records"] += pair.record is not None
        if outcome is not None:
            self._counts[outcome] += 1

    def _save(self) -> None:
        if self._is_resumable:
            checkpoints.save(self._plan.kind, self._safe)
            self._has_checkpoint = True

    def _finish(self) -> Result:
        result = self._result(finished=True)
        if not self._plan.dry_run:
            checkpoints.save_last_run(result.run)
        if self._has_checkpoint:
            checkpoints.save(self._plan.kind, None)
        return result

    def _result(self, *, finished: bool) -> Result:
        counts = Counts(**self._counts)
        return Result(
            Run(
                kind=self._plan.kind,
                started_at=self._start.started_at,
                finished_at=datetime.now(UTC),
                examined=counts.examined,
                orphaned=counts.orphaned,
                missing=counts.missing,
                rejected=counts.rejected,
                corrected=counts.corrected,
                failed=counts.failed,
                withheld=counts.withheld,
            ),
            counts,
            finished,
        )
