"""A worker that crashes anywhere while it checks a file leaves nothing wrong."""

from __future__ import annotations

from functools import partial

import pytest
from pytest_django import Settings

from tests.chaos.crash_points import ChildRunner, CrashPoint
from tests.scanning.test_scan import scanning_file
from tests.thumbnails.helpers import record
from uploads.aws import s3
from uploads.files import usage
from uploads.ingest import scans
from uploads.scanning.clamd import EICAR

pytestmark = pytest.mark.usefixtures("aws", "scanning")

#: The modules that decide and in which the state of AWS changes.
DECISIVE = {"scans.py", "verdicts.py", "settle.py", "store.py", "clamd.py"}
#: `make test` crashes at each n-th of their lines.
SAMPLE = 60


@pytest.mark.parametrize(
    ("body", "policy", "state"),
    [(b"hello", "quarantine", "stored"), (EICAR, "quarantine", "quarantined"),
     (EICAR, "delete", "rejected")],
)  # fmt: skip
def test_a_check_may_crash_at_any_line(
    scanning: Settings, body: bytes, policy: str, state: str, full_size: bool
) -> None:
    """Until the verdict is written nothing is available, and the task comes again."""
    scanning.FILEHUB = {**scanning.FILEHUB, "SCAN_INFECTED": policy}
    first = scanning_file(body)
    scans.scan(first)
    runner = ChildRunner()
    second = scanning_file(body)
    complete = runner.run(partial(scans.scan, second))
    lines = [line for line in dict.fromkeys(complete.lines) if line.split(":")[0] in DECISIVE]
    assert {line.split(":")[0] for line in lines} == DECISIVE
    ids = [first, second]
    for line in lines[:: 1 if full_size else SAMPLE]:
        upload_id = scanning_file(body)
        assert runner.run(partial(scans.scan, upload_id), crash_at=CrashPoint(line, 1)).killed
        assert record(upload_id).state in {"scanning", state}, line
        ids.append(upload_id)
    # SQS delivers their tasks again, or the sweep queues others.
    for upload_id in ids:
        scans.scan(upload_id)
    assert {record(upload_id).state for upload_id in ids} == {state}
    kept = [upload_id for upload_id in ids if s3.head(upload_id) is not None]
    assert kept == ([] if state == "rejected" else ids)
    assert usage.of_owner("7").files == len(kept)
