"""Check the scanner for malware: clamd must answer, find the test file EICAR, and nothing else.

It should also say of an encrypted archive that it cannot check it.

Of GuardDuty, only its plan can be checked: it has no request that checks bytes. IAM:
guardduty:ListMalwareProtectionPlans, guardduty:GetMalwareProtectionPlan.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import PREFIX
from uploads.operations.doctor.finding import Finding, Level, guarded
from uploads.scanning import clamd
from uploads.scanning.errors import ScannerUnavailable

_SUBJECT = "malware"
_UNREACHABLE = (
    "Check that clamd is running and has loaded its signatures, and that FILEHUB_CLAMD is its "
    "address as seen from the workers."
)
_ALERTS = (
    "Set AlertEncrypted yes in clamd.conf, and AlertExceedsMax yes, without which it calls files "
    "clean that are too large for it."
)
#: A ZIP archive with one file, which is marked as encrypted.
_ENCRYPTED = base64.b64decode(
    "UEsDBBQAAQAAAAAAIVhHQq0nFAAAABQAAAAFAAAAYS50eHR4eHh4eHh4eHh4eHh4eHh4eHh4eFBLAQIUAxQAAQAAAAAA"
    "IVhHQq0nFAAAABQAAAAFAAAAAAAAAAAAAACAAQAAAABhLnR4dFBLBQYAAAAAAQABADMAAAA3AAAAAAA="
)
_SIGNATURES = "Check the signatures of clamd (freshclam), and its log."
_NO_PLAN = (
    "Run provision --parameter Scan=guardduty, or set FILEHUB_SCAN=off. A plan that was made "
    "otherwise must cover uploads/."
)
_PLAN_STATUS = (
    "See the plan in the GuardDuty console (Malware Protection for S3). infra/filehub.yaml has the "
    "permissions of its role, and turns on the bucket's notifications to EventBridge."
)


def inspect() -> Iterator[Finding]:
    if not conf().scans:
        yield Finding("ok", _SUBJECT, "files are not checked (FILEHUB_SCAN=off).")
    elif conf().scan == "guardduty":
        yield from guarded(_SUBJECT, _inspect_guardduty)
    else:
        yield from _inspect_clamd()


def _inspect_guardduty() -> Iterator[Finding]:
    plan = _plan()
    if plan is None:
        text = f"GuardDuty has no plan for {conf().bucket}, so no new file becomes available."
        yield Finding("FAIL", _SUBJECT, text, _NO_PLAN)
        return
    prefixes = plan["ProtectedResource"]["S3Bucket"].get("ObjectPrefixes", [])
    if prefixes and not any(PREFIX.startswith(prefix) for prefix in prefixes):
        text = f"GuardDuty's plan for {conf().bucket} does not cover {PREFIX}."
        yield Finding("FAIL", _SUBJECT, text, _NO_PLAN)
    elif plan["Status"] != "ACTIVE":
        reasons = ", ".join(reason.get("Code", "") for reason in plan.get("StatusReasons", []))
        level: Level = "warn" if plan["Status"] == "WARNING" else "FAIL"
        text = f"GuardDuty's plan for {conf().bucket} is {plan['Status']} ({reasons})."
        yield Finding(level, _SUBJECT, text, _PLAN_STATUS)
    else:
        text = f"GuardDuty checks new objects of {conf().bucket}."
        yield Finding("ok", _SUBJECT, text)


def _plan() -> dict[str, Any] | None:
    """GuardDuty's plan for the bucket. It is not known by name, and GuardDuty lists only ids."""
    client = clients.guardduty(clients.DIAGNOSIS)
    parameters: dict[str, str] = {}
    while True:
        page = client.list_malware_protection_plans(**parameters)
        for listed in page.get("MalwareProtectionPlans", []):
            plan: dict[str, Any] = client.get_malware_protection_plan(
                MalwareProtectionPlanId=listed["MalwareProtectionPlanId"]
            )
            protected = plan.get("ProtectedResource", {}).get("S3Bucket", {})
            if protected.get("BucketName") == conf().bucket:
                return plan
        if not page.get("NextToken"):
            return None
        parameters = {"NextToken": page["NextToken"]}


def _inspect_clamd() -> Iterator[Finding]:
    try:
        version = clamd.version()
        deadline = time.monotonic() + clamd.SECONDS
        test_file = clamd.scan([clamd.EICAR], deadline=deadline)
        harmless = clamd.scan([b"filehub doctor"], deadline=deadline)
        encrypted = clamd.scan([_ENCRYPTED], deadline=deadline)
    except ScannerUnavailable as exc:
        cause = type(exc.__cause__ or exc).__name__
        text = f"clamd does not answer ({cause}), so no new file becomes available."
        yield Finding("FAIL", _SUBJECT, text, _UNREACHABLE)
        return
    if test_file.kind != "infected":
        yield Finding("FAIL", _SUBJECT, "clamd does not find the test file EICAR.", _SIGNATURES)
    elif harmless.kind != "clean":
        yield Finding("FAIL", _SUBJECT, "clamd reports a harmless text.", _SIGNATURES)
    elif encrypted.kind == "clean":
        text = f"clamd calls encrypted files clean, so FILEHUB_SCAN_UNKNOWN={conf().scan_unknown} "
        yield Finding("warn", _SUBJECT, f"{text}does not apply to them.", _ALERTS)
    else:
        signature = test_file.reason.parameters["signature"]
        yield Finding("ok", _SUBJECT, f"{version} finds the test file EICAR ({signature}).")
