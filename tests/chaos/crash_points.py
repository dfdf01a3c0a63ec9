"""Processes that crash, as by `kill -9`, just before any chosen line of filehub's code.

The crash is real: a forked child that talks to the real SQS, S3 and DynamoDB sends itself SIGKILL.
Only the requests that it had sent by then take effect.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from botocore.httpsession import URLLib3Session

from tests.support.processes import ROOT
from uploads.aws import clients

#: Only filehub's own lines count, since the state of AWS changes where they call something.
CODE = f"{ROOT / 'uploads'}{os.sep}"
#: Run while a response is on its way. After a crash there, messages stay invisible for as long as
#: their queue says, because nobody knows their receipts.
TRANSPORT = {str(ROOT / "uploads" / "aws" / n) for n in ("connections.py", "time_limit.py")}


@dataclass(frozen=True)
class CrashPoint:
    """Before the n-th time that a line ("file:number") is executed, whichever thread does it."""

    line: str
    number: int


@dataclass(frozen=True)
class ChildResult:
    """The outcome of a child that has ended."""

    #: It crashed before the requested line; otherwise it finished.
    killed: bool
    #: The lines of a child that finished, each as "file:number".
    lines: list[str]
    #: The receipts of the messages that it received.
    receipts: list[str]


class ChildRunner:
    """Runs a step in a forked child.

    The parent must have run the step once, so that its clients exist: creating them in each child
    would cost more than the step. Before a fork all connections are closed, since two processes
    cannot share a socket.
    """

    def __init__(self) -> None:
        self._sessions = [
            item for item in gc.get_objects() if issubclass(type(item), URLLib3Session)
        ]

    def run(self, step: Callable[[], object], *, crash_at: CrashPoint | None = None) -> ChildResult:
        """Run the step in a child, which crashes at this point."""
        for session in self._sessions:
            session.close()
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns because of threads; the child uses none of the parent's.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            os.close(reading)
            _run_child(step, crash_at, writing)
        os.close(writing)
        with os.fdopen(reading) as report:
            messages = [json.loads(line) for line in report]
        _, status = os.waitpid(pid, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or status == 0, messages
        return ChildResult(
            killed,
            next((message["lines"] for message in messages if "lines" in message), []),
            [receipt for message in messages for receipt in message.get("receipts", ())],
        )


def _run_child(step: Callable[[], object], crash_at: CrashPoint | None, report: int) -> None:
    """Run the step in this process, which is the child. Never returns."""
    status = 1
    try:
        lines: list[str] = []

        def send(**facts: Any) -> None:
            os.write(report, json.dumps(facts).encode() + b"\n")

        def send_receipts(parsed: Any, **_: Any) -> None:
            send(receipts=[message["ReceiptHandle"] for message in parsed.get("Messages", ())])

        lock = threading.Lock()
        reached: Counter[str] = Counter()

        def trace_lines(frame: FrameType, event: str, argument: object) -> Any:
            # A return is a boundary too: the last line is done, the next is not.
            if event in {"line", "return"}:
                with lock:
                    line = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                    lines.append(line)
                    reached[line] += 1
                    if CrashPoint(line, reached[line]) == crash_at:
                        os.kill(os.getpid(), signal.SIGKILL)
            return trace_lines

        def trace_calls(frame: FrameType, event: str, argument: object) -> Any:
            name = frame.f_code.co_filename
            return trace_lines if name.startswith(CODE) and name not in TRANSPORT else None

        clients.sqs(clients.POLL).meta.events.register(
            "after-call.sqs.ReceiveMessage", send_receipts
        )
        threading.settrace(trace_calls)
        sys.settrace(trace_calls)
        step()
        sys.settrace(None)
        send(lines=lines)
        status = 0
    except BaseException:  # noqa: BLE001  # reported to the parent, which fails
        sys.settrace(None)
        os.write(report, json.dumps({"error": traceback.format_exc()}).encode() + b"\n")
    finally:
        os._exit(status)
