"""The settings of the check for malware, which are a part of `uploads.core.conf.Conf`."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from uploads.core.policy import ScanPolicy
from uploads.core.sign_in_conf import SignInConf


class ScanConf(SignInConf):
    """Whether and how files are checked for malware."""

    scan: Literal["off", "clamd", "guardduty"] = Field(
        "off",
        description=(
            "Whether files are checked for malware before anybody can download them: `off`; "
            "`clamd`, the daemon of ClamAV at `FILEHUB_CLAMD`; or `guardduty`, Amazon GuardDuty, "
            "which the stack's parameter `Scan` sets up. See [malware](operations.md#malware)."
        ),
    )
    clamd: str = Field(
        "tcp://127.0.0.1:3310",
        description="Where workers reach clamd: `tcp://host:port` or `unix:///path/of/the/socket`.",
    )
    scan_infected: Literal["quarantine", "delete"] = Field(
        "quarantine",
        description=(
            "What happens to a file in which malware was found: `quarantine` keeps it, without "
            "downloads, until an operator deletes or releases it; `delete` rejects and deletes it."
        ),
    )
    scan_unknown: Literal["hold", "release", "reject"] = Field(
        "hold",
        description=(
            "What happens to a file that cannot be checked, because it is too large or encrypted, "
            "or the scanner was unavailable for too long: `hold` puts it in quarantine, `release` "
            "stores it unchecked, `reject` rejects and deletes it."
        ),
    )
    scan_hours: int = Field(
        24,
        ge=1,
        le=24 * 30,
        description=(
            "Hours for which the check of a file is tried. After that, it counts as a file that "
            "cannot be checked."
        ),
    )

    @field_validator("clamd")
    @classmethod
    def _check_clamd(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            is_valid = (url.scheme == "tcp" and bool(url.hostname) and url.port is not None) or (
                url.scheme == "unix" and not url.netloc and len(url.path) > 1
            )
        except ValueError:  # the port is not a number
            is_valid = False
        if not is_valid:
            raise ValueError("it is neither tcp://host:port nor unix:///path/of/the/socket")
        return value

    @property
    def scans(self) -> bool:
        return self.scan != "off"

    @property
    def scan_policy(self) -> ScanPolicy:
        """The policy for `uploads.ingest.decide`."""
        return ScanPolicy(self.scans, self.scan_infected, self.scan_unknown)
