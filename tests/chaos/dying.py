"""Processes that die, as by `kill -9`, just before any chosen line of filehub's code.

A death is real: a forked child that talks to the real SQS, S3 and DynamoDB sends itself SIGKILL.
What it had sent by then is done, and nothing else is.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.httpsession import URLLib3Session

from tests.support.processes import ROOT
from uploads.aws import sqs

#: Only filehub's own lines are counted: the state of AWS changes where they call something.
CODE = f"{ROOT / 'uploads'}{os.sep}"


@dataclass(frozen=True)
class Life:
    """What is known of a child that has ended."""

    #: It was killed before the line that was asked for; otherwise it came to its end.
    killed: bool
    #: The lines of a child that came to its end, each as "file:number".
    lines: list[str]
    #: The receipts of the messages that it received.
    receipts: list[str]


class Forge:
    """Makes children that do one step each.

    The parent must have done the step once, so that its clients exist: making them anew in each
    child would cost more than the step. Before a fork all connections are closed, since a socket
    that two processes write to is none.
    """

    def __init__(self) -> None:
        self._sessions = [
            each for each in gc.get_objects() if issubclass(type(each), URLLib3Session)
        ]

    def run(self, step: Callable[[], object], *, die_at: int | None = None) -> Life:
        """Do the step in a child, which dies before its `die_at`-th line if it comes so far."""
        for session in self._sessions:
            session.close()
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # From Python 3.12 on, because of threads; the child uses none of theirs.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.close(reading)
            _live(step, die_at, writing)
        os.close(writing)
        with os.fdopen(reading) as report:
            told = [json.loads(line) for line in report]
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or status == 0, told
        return Life(
            killed,
            next((each["lines"] for each in told if "lines" in each), []),
            [receipt for each in told for receipt in each.get("receipts", ())],
        )


def _live(step: Callable[[], object], die_at: int | None, report: int) -> None:
    """The child's life. Never returns."""
    status = 1
    try:
        lines: list[str] = []

        def tell(**facts: Any) -> None:
            os.write(report, json.dumps(facts).encode() + b"\n")

        def received(parsed: Any, **_: Any) -> None:
            tell(receipts=[each["ReceiptHandle"] for each in parsed.get("Messages", ())])

        def local(frame: FrameType, event: str, argument: object) -> Any:
            # The end of a function is a boundary as well: its last line is done, the next is not.
            if event in {"line", "return"}:
                lines.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
                if len(lines) == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            return local

        def every(frame: FrameType, event: str, argument: object) -> Any:
            return local if frame.f_code.co_filename.startswith(CODE) else None

        sqs._polling_client().meta.events.register("after-call.sqs.ReceiveMessage", received)
        sys.settrace(every)
        step()
        sys.settrace(None)
        tell(lines=lines)
        status = 0
    except BaseException:  # noqa: BLE001  # the parent is told, and fails
        sys.settrace(None)
        os.write(report, json.dumps({"error": traceback.format_exc()}).encode() + b"\n")
    finally:
        os._exit(status)
