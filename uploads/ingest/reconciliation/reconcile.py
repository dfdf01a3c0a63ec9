"""Make records and objects agree, in both directions, even if events were lost.

A run walks through a window of ids, shard by shard, and calls `uploads.ingest.confirm.check` for
each id on which the two sides differ. It can stop anywhere and be resumed: it saves a checkpoint
every few seconds, and repeating some of the work is harmless.

Only a plausible number of files is marked as deleted. If most objects seem to be missing, or the
bucket has no file of this installation, it is probably the wrong one: the run aborts and marks
nothing.
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
from uploads.core.logs import context
from uploads.ingest import confirm
from uploads.ingest.decide import Finding
from uploads.ingest.reconciliation import checkpoints, comparison, ownership
from uploads.ingest.reconciliation.checkpoints import Checkpoint, Counts, Kind, Run
from uploads.ingest.reconciliation.comparison import Pair

logger = logging.getLogger(__name__)

#: How far the periodic run looks back beyond the expiry of presigned requests.
MARGIN = timedelta(hours=1)
#: Newer differences are left alone: their events are probably on the way.
MIN_AGE = timedelta(minutes=2)
#: The time budget of a periodic run, well below the task's time limit (filehub/settings.py).
BUDGET = timedelta(seconds=45)
#: How often a run saves its checkpoint.
SAVE_EVERY = timedelta(seconds=2)

#: This many records without an object are always plausible, because users delete files. More are
#: plausible only if they are at most half of the records seen.
PLAUSIBLE_MISSING = 50

#: Seconds between two reports of progress.
_REPORT_EVERY = 0.2

_LOWEST = str(UUID(int=0))
_COUNTED: dict[Finding, str] = {
    "confirmed": "orphaned",
    "missing": "missing",
    "rejected": "rejected",
    "corrected": "corrected",
}


@dataclass(frozen=True)
class Plan:
    """What to check. `since` is how long ago files were signed at most; None for all files."""

    kind: Kind
    since: timedelta | None = None
    min_age: timedelta = MIN_AGE
    #: The time after which to stop; the next run of this kind resumes.
    budget: timedelta | None = None
    #: Whether to save checkpoints.
    resumable: bool = False
    #: Change nothing: neither files nor checkpoints nor results of runs.
    dry_run: bool = False
    #: Mark files as deleted, however many objects are missing, and whatever the bucket has.
    force: bool = False


@dataclass(frozen=True)
class Result:
    """The result of a run. `run` is saved once it is finished.

    An aborted run (`counts.withheld`) counts as finished: the next one starts from the beginning.
    """

    run: Run
    counts: Counts
    finished: bool
    #: Whether the bucket has no file of this installation, so that nothing was changed.
    is_wrong_bucket: bool = False

    @property
    def aborted(self) -> str | None:
        """Why the run was aborted, as a sentence; None if it was not."""
        if not self.counts.withheld:
            return None
        if self.is_wrong_bucket:
            return (
                f"The bucket {conf().bucket} has no file of this installation, but the table "
                f"{conf().table} has: this is probably the wrong bucket or table. Nothing was "
                "changed."
            )
        missing = self.counts.missing + self.counts.withheld
        return (
            f"Of {self.counts.records:,} records {missing:,} have no object in the bucket "
            f"{conf().bucket}. That is implausible: this may be the wrong bucket. "
            f"Stopped; {self.counts.withheld:,} of the records were left unchanged."
        )


#: Called with each id that differed, and the finding.
OnFinding = Callable[[str, Finding], None]
#: Called from time to time with the position of a run.
Progress = Callable[[Checkpoint], None]


def recent() -> Plan:
    """The plan for recent uploads. Ids have the time of signing, and the PUT comes later."""
    return Plan("recent", window(), MIN_AGE, BUDGET, resumable=True)


def multipart() -> Plan:
    """The plan for multipart uploads, whose ids may be days older than their objects."""
    return Plan("multipart", MULTIPART_LIFETIME + MARGIN, MIN_AGE, BUDGET, resumable=True)


def window() -> timedelta:
    """How long ago a request may have been signed that is still valid, plus `MARGIN`."""
    return timedelta(seconds=conf().url_expiry) + MARGIN


def is_plausible(missing: int, records: int) -> bool:
    """Whether this many missing objects are plausible, given the number of records seen."""
    return missing <= PLAUSIBLE_MISSING or missing * 2 <= records


def run(
    plan: Plan,
    *,
    restart: bool = False,
    on_finding: OnFinding | None = None,
    progress: Progress | None = None,
) -> Result:
    """Compare both sides and fix the differences.

    Resumes the last run of a resumable kind where it stopped, unless `restart` is set. Raises
    BackendUnavailable if one side cannot be listed; completed work is kept.
    """
    now = datetime.now(UTC)
    first = _LOWEST if plan.since is None else keys.first_id_at(now - plan.since)
    start = Checkpoint(now, first, keys.SHARDS[0], first)
    interrupted = checkpoints.load(plan.kind) if plan.resumable and not plan.dry_run else None
    if restart and interrupted is not None:
        checkpoints.save(plan.kind, None)
    elif interrupted is not None:
        start = interrupted
    # Later ids are too recent: neither an object nor a record is older than its id.
    until = keys.first_id_at(now - plan.min_age)
    runner = _Runner(
        plan, start, now - plan.min_age, on_finding, has_checkpoint=start is interrupted
    )
    return runner.run(_pairs(start, until), progress)


def check_objects(
    plan: Plan,
    objects: Iterable[s3.ListedObject],
    *,
    on_finding: OnFinding | None = None,
    progress: Progress | None = None,
) -> Result:
    """Fix the records of objects from an external list.

    This works in one direction only: an object that is not in the list may be newer than the list.
    Raises the errors of the list, and BackendUnavailable.
    """
    now = datetime.now(UTC)
    pairs = (("", pair) for pair in comparison.pair_with_records(objects))
    start = Checkpoint(now, _LOWEST, "", _LOWEST)
    return _Runner(plan, start, now - plan.min_age, on_finding).run(pairs, progress)


def _pairs(start: Checkpoint, until: str) -> Iterator[tuple[str, Pair]]:
    """The remaining pairs, each with its shard."""
    for shard in keys.SHARDS[keys.SHARDS.index(start.shard) :]:
        after = start.last_id if shard == start.shard else start.first_id
        for pair in comparison.compare(shard, after=after, until=until):
            yield shard, pair


class _Runner:
    """A run in progress: its position and its counts."""

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
        self._settled_before = settled_before
        self._on_finding = on_finding
        self._shard, self._last_id = start.shard, start.last_id
        self._counts = Counter(asdict(start.counts))
        #: Records whose objects seem to be missing, until their number is known to be plausible;
        #: and the checkpoint from which to resume if the run dies before that.
        self._missing: list[str] = []
        self._safe = self.checkpoint
        #: Whether the bucket is this installation's, once that is known (`ownership`).
        self._is_own_bucket: bool | None = None
        self._is_resumable = plan.resumable and not plan.dry_run
        #: Whether a checkpoint is stored that has to be removed at the end.
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

    def run(self, pairs: Iterable[tuple[str, Pair]], progress: Progress | None) -> Result:
        """Process all pairs, or as many as the time budget allows."""
        budget = self._plan.budget
        stop_at = None if budget is None else time.monotonic() + budget.total_seconds()
        save_at = time.monotonic() + SAVE_EVERY.total_seconds()
        report_at = 0.0
        is_done = False
        try:
            for shard, pair in pairs:
                outcome = self._inspect(pair)
                self._count(pair, outcome)
                self._shard, self._last_id = shard, pair.id
                clock = time.monotonic()
                is_out_of_time = stop_at is not None and clock >= stop_at
                if self._must_abort(is_out_of_time=is_out_of_time):
                    break
                if is_out_of_time:
                    return self._result(finished=False)
                if progress is not None and clock >= report_at:
                    progress(self.checkpoint)
                    report_at = clock + _REPORT_EVERY
                if not self._missing:
                    self._safe = self.checkpoint
                if clock >= save_at:
                    self._save()
                    save_at = clock + SAVE_EVERY.total_seconds()
            else:
                self._mark_deleted_if_plausible()
            is_done = True
        finally:
            # Stopped by the budget, an error or a signal. If saving fails too, the last checkpoint
            # is a few seconds old.
            if not is_done:
                with suppress(BackendUnavailable):
                    self._save()
        return self._finish()

    def _inspect(self, pair: Pair) -> str | None:
        """Fix this id if it differs; return the name of the count it belongs to."""
        if pair.object and pair.record and self._plan.kind != "inventory":
            # Listed just now. An inventory is hours old: the bucket may have been emptied since.
            self._is_own_bucket = self._is_own_bucket is not False
        if pair.agrees:
            return None
        if not pair.is_older_than(self._settled_before):
            return "too_recent"
        if self._plan.force:
            return self._check(pair.id)
        if self._is_own_bucket is None:
            self._is_own_bucket = ownership.is_own_bucket()
        if self._plan.dry_run:
            return self._check(pair.id)
        if not self._is_own_bucket:
            return "withheld"
        return self._check(pair.id) if pair.record is None else self._suspect(pair.id)

    def _must_abort(self, *, is_out_of_time: bool) -> bool:
        """Whether the run must end here. Marks files as deleted if a batch of them is complete."""
        if self._is_own_bucket is False and not self._plan.dry_run:
            return is_out_of_time or self._counts["withheld"] > PLAUSIBLE_MISSING
        is_batch = len(self._missing) > PLAUSIBLE_MISSING or is_out_of_time
        return is_batch and not self._mark_deleted_if_plausible()

    def _suspect(self, upload_id: str) -> str | None:
        """Check whether the object is missing, but do not mark the file as deleted yet."""
        outcome = self._check(upload_id, only_inspect=True)
        if outcome == "missing":
            self._missing.append(upload_id)
            return None
        return outcome if outcome in {None, "failed"} else self._check(upload_id)

    def _mark_deleted_if_plausible(self) -> bool:
        """Mark files with missing objects as deleted, unless there are implausibly many.

        Returns whether they were plausible.
        """
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
        """Check one id; return the name of the count it belongs to."""
        with context.about(upload_id=upload_id):
            return self._check_and_log(upload_id, only_inspect=only_inspect)

    def _check_and_log(self, upload_id: str, *, only_inspect: bool) -> str | None:
        try:
            finding = confirm.check(upload_id, dry_run=only_inspect or self._plan.dry_run)
        except SoftTimeLimitExceeded:
            raise
        except BackendUnavailable as exc:
            logger.warning("the check of %s failed: %r", upload_id, exc.__cause__ or exc)
            return "failed"
        except Exception:  # a bug; it must not block the other ids
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
            is_wrong_bucket=self._is_own_bucket is False,
        )
