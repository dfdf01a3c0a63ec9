"""Check the scanner for malware: it must answer, find the test file EICAR, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator

from uploads.core.conf import conf
from uploads.operations.doctor.finding import Finding
from uploads.scanning import clamd
from uploads.scanning.clamd import ScannerUnavailable

_SUBJECT = "malware"
_UNREACHABLE = (
    "Check that clamd is running and has loaded its signatures, and that FILEHUB_CLAMD is its "
    "address as seen from the workers."
)
_SIGNATURES = "Check the signatures of clamd (freshclam), and its log."


def inspect() -> Iterator[Finding]:
    if not conf().scans:
        yield Finding("ok", _SUBJECT, "files are not checked (FILEHUB_SCAN=off).")
        return
    try:
        version = clamd.version()
        deadline = time.monotonic() + clamd.SECONDS
        test_file = clamd.scan([clamd.EICAR], deadline=deadline)
        harmless = clamd.scan([b"filehub doctor"], deadline=deadline)
    except ScannerUnavailable as exc:
        cause = type(exc.__cause__ or exc).__name__
        text = f"clamd does not answer ({cause}), so no new file becomes available."
        yield Finding("FAIL", _SUBJECT, text, _UNREACHABLE)
        return
    if test_file.kind != "infected":
        yield Finding("FAIL", _SUBJECT, "clamd does not find the test file EICAR.", _SIGNATURES)
    elif harmless.kind != "clean":
        yield Finding("FAIL", _SUBJECT, "clamd reports a harmless text.", _SIGNATURES)
    else:
        signature = test_file.reason.parameters["signature"]
        yield Finding("ok", _SUBJECT, f"{version} finds the test file EICAR ({signature}).")
