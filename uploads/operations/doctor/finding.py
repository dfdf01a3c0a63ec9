"""What doctor says about one thing it looked at, and how failures of AWS are put into words."""

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

from uploads.core.errors import BackendUnavailable

logger = logging.getLogger(__name__)

#: `skip`: not looked at, which says nothing about how it is. Only `FAIL` makes doctor fail.
Level = Literal["ok", "warn", "FAIL", "skip"]

OPERATOR = "Run doctor with credentials that have the operator's policy (OperatorPolicyArn)."

_DENIED = {"AccessDenied", "AccessDeniedException", "403", "AllAccessDisabled"}
_REFUSED = {
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "AuthFailure",
}
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and, unless all is well, how to mend it."""

    level: Level
    subject: str
    text: str
    mend: str = ""

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.subject}: {self.text}"
        return f"{line} Mend: {self.mend}" if self.mend else line


Check = Callable[[], Iterator[Finding]]


def guarded(subject: str, check: Check) -> Iterator[Finding]:
    """What a check finds; a service that refuses or does not answer is a finding too."""
    try:
        yield from check()
    except BackendUnavailable as exc:
        yield explain(subject, exc.__cause__ or exc)
    except (BotoCoreError, ClientError) as exc:
        yield explain(subject, exc)


def code_of(exc: BaseException) -> str:
    """AWS's code of an error, or ""."""
    if not isinstance(exc, ClientError):
        return ""
    return str(exc.response.get("Error", {}).get("Code", ""))


def is_denied(exc: BaseException) -> bool:
    """Whether the credentials are good, but may not do this."""
    return code_of(exc) in _DENIED


def explain(subject: str, exc: BaseException) -> Finding:
    """A failure for people. Only AWS's code is repeated: its sentence may name keys."""
    # PynamoDB wraps botocore's errors.
    exc = getattr(exc, "cause", None) or exc
    if isinstance(exc, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return Finding("FAIL", subject, "there are no AWS credentials.", CREDENTIALS)
    if isinstance(exc, BackendUnavailable):
        return Finding("FAIL", subject, exc.message, CREDENTIALS)
    code = code_of(exc)
    if is_denied(exc):
        doing = getattr(exc, "operation_name", "this")
        return Finding("skip", subject, f"these credentials may not ask ({doing}).", OPERATOR)
    if code in _REFUSED:
        text = f"AWS does not accept the credentials ({code})."
        return Finding("FAIL", subject, text, CREDENTIALS)
    if code in _SKEWED:
        return Finding("FAIL", subject, f"the clocks differ too much ({code}).", CLOCK)
    if code:
        doing = getattr(exc, "operation_name", "the request")
        return Finding("FAIL", subject, f"AWS answered {doing} with {code}.", RETRY)
    text = f"no answer ({type(exc).__name__})."
    return Finding("FAIL", subject, text, UNREACHABLE)


CREDENTIALS = (
    "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profile or the role, "
    "and whether temporary credentials have run out."
)
CLOCK = "Set this machine's clock by a time server (NTP)."
RETRY = "Try again; if it stays, the code says what AWS objects to."
UNREACHABLE = (
    "Check AWS_REGION and, if set, the AWS_ENDPOINT_URL… variables, and whether the network, a "
    "proxy or a VPC endpoint leads there; a local AWS has to be running."
)
