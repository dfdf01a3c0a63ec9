"""Amazon GuardDuty: what its results mean, and how to ask for another check.

GuardDuty checks each new object by itself, and reports through EventBridge. A check on demand needs
the plan of the bucket too. IAM: guardduty:SendObjectMalwareScan.
https://docs.aws.amazon.com/guardduty/latest/ug/malware-protection-s3-on-demand.html
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import object_key
from uploads.core.reasons import NO_REASON, Reason
from uploads.scanning import verdict
from uploads.scanning.errors import ScannerUnavailable

#: The scanner in a record.
NAME = "Amazon GuardDuty"
#: The reason that GuardDuty gives for a file that it cannot open without a password.
_ENCRYPTED = "PASSWORD_PROTECTED"


def meaning(status: str, details: str) -> tuple[verdict.Kind, Reason] | None:
    """What a result says about the object; None if it says nothing.

    ACCESS_DENIED and FAILED are about GuardDuty and its role: such a file waits as if the scanner
    were away, so that a wrong role can neither release files nor delete them.
    """
    if status == "NO_THREATS_FOUND":
        return "clean", NO_REASON
    if status == "THREATS_FOUND":
        return "infected", verdict.infected(details or "?")
    if status == "UNSUPPORTED":
        return "unknown", verdict.ENCRYPTED if _ENCRYPTED in details else verdict.UNSUPPORTED
    return None


def request_check(upload_id: str) -> None:
    """Ask GuardDuty to check the object now; the result is an event. Raises ScannerUnavailable."""
    s3_object = {"Bucket": conf().bucket, "Key": object_key(upload_id)}
    try:
        clients.guardduty().send_object_malware_scan(S3Object=s3_object)
    except (BotoCoreError, ClientError) as exc:
        raise ScannerUnavailable("GuardDuty does not accept the request.") from exc
