"""The result of one check of doctor, and the translation of AWS errors into results."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from uploads.aws.actions import missing_action
from uploads.core.errors import BackendUnavailable
from uploads.operations.doctor.call import Call

logger = logging.getLogger(__name__)

#: `skip`: the check could not be made. Only `FAIL` makes the command exit with an error.
Level = Literal["ok", "warn", "FAIL", "skip"]

OPERATOR = "Run doctor with credentials that have the operator's policy (OperatorPolicyArn)."
CREDENTIALS = (
    "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile or the role, "
    "and whether temporary credentials have expired."
)
CLOCK = "Synchronize this machine's clock (NTP)."
RETRY = "Try again. If the error persists, look up its code."
UNREACHABLE = (
    "Check AWS_REGION and any AWS_ENDPOINT_URL… variables, and that the network, proxy or VPC "
    "endpoint can reach it. A local AWS must be running."
)

_DENIED_CODES = {"AccessDenied", "AccessDeniedException", "403", "AllAccessDisabled"}
_INVALID_CREDENTIALS_CODES = {
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "AuthFailure",
}
_CLOCK_SKEW_CODES = {"RequestTimeTooSkewed", "RequestExpired"}


@dataclass(frozen=True)
class Finding:
    """One line of output: what was checked, the result, and, for a problem, how to fix it."""

    level: Level
    subject: str
    text: str
    fix: str = ""
    #: The requests that fix it, if they need no decision: `provision --repair` sends them.
    calls: tuple[Call, ...] = ()

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.subject}: {self.text}"
        return f"{line} Fix: {self.fix}" if self.fix else line


Check = Callable[[], Iterator[Finding]]


def guarded(subject: str, check: Check) -> Iterator[Finding]:
    """Run a check; an AWS error becomes a finding."""
    try:
        yield from check()
    except BackendUnavailable as exc:
        yield explain(subject, exc.__cause__ or exc)
    except (BotoCoreError, ClientError) as exc:
        yield explain(subject, exc)


def code_of(exc: BaseException) -> str:
    """AWS's error code, or ""."""
    if not isinstance(exc, ClientError):
        return ""
    return str(exc.response.get("Error", {}).get("Code", ""))


def is_denied(exc: BaseException) -> bool:
    """Whether the credentials are valid but lack a permission."""
    return code_of(exc) in _DENIED_CODES


def explain(subject: str, exc: BaseException) -> Finding:
    """Describe an error. Only AWS's error code is shown: its message may contain keys."""
    # PynamoDB wraps botocore's errors.
    exc = getattr(exc, "cause", None) or exc
    if isinstance(exc, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return Finding("FAIL", subject, "no AWS credentials found.", CREDENTIALS)
    if isinstance(exc, BackendUnavailable):
        return Finding("FAIL", subject, exc.message, CREDENTIALS)
    code = code_of(exc)
    if isinstance(exc, ClientError) and is_denied(exc):
        text = f"these credentials lack {missing_action(exc)}, which this check needs."
        return Finding("skip", subject, text, OPERATOR)
    if code in _INVALID_CREDENTIALS_CODES:
        text = f"AWS rejects the credentials ({code})."
        return Finding("FAIL", subject, text, CREDENTIALS)
    if code in _CLOCK_SKEW_CODES:
        return Finding("FAIL", subject, f"this machine's clock is too far off ({code}).", CLOCK)
    if code:
        operation = getattr(exc, "operation_name", "the request")
        return Finding("FAIL", subject, f"{operation} failed with {code}.", RETRY)
    text = f"no response ({type(exc).__name__})."
    return Finding("FAIL", subject, text, UNREACHABLE)
