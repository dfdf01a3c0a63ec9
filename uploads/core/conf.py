"""The app's settings: a typed, validated view of the dict `settings.FILEHUB`.

A project sets `FILEHUB = {"BUCKET": "my-files", …}`. The keys are the fields below in upper case;
missing keys have their defaults. The stand-alone project fills the dict from the environment
(filehub/env.py). The dict is read lazily, so that `override_settings(FILEHUB=…)` takes effect.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from uploads.core.aws_conf import AwsConf
from uploads.core.destination_settings import Destinations, check_limits
from uploads.core.field_conf import FieldConf
from uploads.core.limits import (
    MIB,
    S3_MAX_EXPIRY,
    S3_MAX_OBJECT_SIZE,
    S3_MAX_PUT_SIZE,
    S3_MIN_PART_SIZE,
)
from uploads.core.policy import Rules
from uploads.core.scan_conf import ScanConf
from uploads.core.setting_values import (
    MediaRanges,
    OptionalNumber,
    OptionalText,
    Origins,
    Rate,
    RateStorage,
    explain,
)

_RATES = ("sign_rate_user", "sign_rate_address", "sign_in_rate_user", "sign_in_rate_address")
#: Settings whose values must not appear in error messages.
_SECRETS = {"METRICS_TOKEN", "SIGN_RATE_STORAGE", "OIDC_CLIENT_SECRET"}


class InvalidSettings(ImproperlyConfigured):
    """A setting is unknown or invalid. `problem` completes the sentence that `key` begins."""

    def __init__(self, key: Any, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(f"settings.FILEHUB[{key!r}] {problem}")


class Conf(FieldConf, ScanConf, AwsConf):
    """The settings, validated. A field's name in upper case is its key in `settings.FILEHUB`."""

    model_config = ConfigDict(
        alias_generator=str.upper, extra="forbid", frozen=True, validate_default=True
    )

    max_size: int = Field(
        S3_MAX_OBJECT_SIZE, ge=1, le=S3_MAX_OBJECT_SIZE, description="Largest file, in bytes."
    )
    allowed_types: MediaRanges = Field(
        ("*",), description="Content types that may be uploaded, comma-separated; `image/*` works."
    )
    destinations: Destinations = Field(
        {},
        description=(
            "Named rules that clients choose from when they upload, as a JSON object: "
            "[destinations](operations.md#destinations)."
        ),
    )
    url_expiry: int = Field(
        900,
        ge=1,
        le=S3_MAX_EXPIRY,
        description="Seconds that a presigned request stays valid, for uploads and downloads.",
    )
    multipart_threshold: int = Field(
        64 * MIB,
        ge=S3_MIN_PART_SIZE,
        le=S3_MAX_PUT_SIZE,
        description="Largest file to upload in one request, in bytes; larger files go in parts.",
    )
    part_size: int = Field(
        16 * MIB,
        ge=S3_MIN_PART_SIZE,
        le=S3_MAX_PUT_SIZE,
        description=(
            "Size of a part in bytes. Grows so that uploads need at most 10,000 parts; clients on "
            "slow connections may request smaller ones."
        ),
    )
    user_quota: OptionalNumber = Field(
        None,
        ge=0,
        description=(
            "Bytes that a user without their own quota may store. A file that does not fit "
            "is refused, or rejected after it was uploaded."
        ),
    )
    trash_days: int = Field(
        30,
        ge=0,
        le=3650,
        description=(
            "Days for which deleted files stay in the trash, from where they can be restored. "
            "With 0 there is no trash: they are deleted at once."
        ),
    )
    sign_rate_user: Rate = Field(
        "6000/m",
        description="Limit on signing requests per user: a number per `s`, `m` or `h`, or `off`.",
    )
    sign_rate_address: Rate = Field(
        "20000/m", description="The same per IP address, including requests without credentials."
    )
    sign_in_rate_user: Rate = Field(
        "20/h",
        description=(
            "Limit on failed attempts to sign in as one user: a number per `s`, `m` or `h`, or "
            "`off`. Signing in resets it."
        ),
    )
    sign_in_rate_address: Rate = Field(
        "100/h", description="The same for attempts from one IP address."
    )
    sign_rate_storage: RateStorage = Field(
        "memory://",
        repr=False,
        description=(
            "Where signing requests and failed sign-ins are counted: `memory://` (by each web "
            "process separately), or `redis://…`, `rediss://…` or `memcached://host:port` (by "
            "all of them together; install `redis` or `pymemcache`)."
        ),
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description=(
            "Proxies in front of the web process that each append the caller's address to "
            "`X-Forwarded-For`. With 0 that header is ignored."
        ),
    )
    thumbnails: Literal["on", "off"] = Field(
        "on",
        description=(
            "Whether workers make thumbnails of images and PDFs (up to 64 MiB): `on` or `off`."
        ),
    )
    webhook_private_addresses: Literal["on", "off"] = Field(
        "off",
        description=(
            "`on`: [webhooks](webhooks.md) may go to private and loopback addresses and to "
            "`http://` URLs. For development only."
        ),
    )
    audit: Literal["on", "off"] = Field(
        "on",
        description=(
            "Whether the audit log records who signed in, uploaded, downloaded, deleted and "
            "changed what: `on` or `off`."
        ),
    )
    audit_days: int = Field(
        365,
        ge=1,
        le=36_500,
        description="Days for which entries of the audit log are kept, even while it is off.",
    )
    metrics_token: OptionalText = Field(
        None,
        min_length=16,
        pattern=r"^[\x21-\x7e]+$",
        repr=False,
        description=("Bearer token for Prometheus to read `/metrics`. Unset: staff only."),
    )
    health_dir: str = Field(
        ".local/health",
        min_length=1,
        description=(
            "Directory of the files that consumer, worker and beat touch while they work; "
            "`manage.py healthcheck` reads them."
        ),
    )
    cors_origins: Origins = Field(
        (),
        description=(
            "Origins allowed to call the API and the bucket, comma-separated. Must include "
            "the site's own origin, or browsers cannot upload."
        ),
    )

    @field_validator(*_RATES, mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        """Treat an empty value as unset, so that an empty line does not turn off a limit."""
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator("destinations")
    @classmethod
    def _within_limits(cls, value: Destinations, info: ValidationInfo) -> Destinations:
        known = info.data
        if "max_size" in known and "allowed_types" in known:
            check_limits(value, max_size=known["max_size"], types=known["allowed_types"])
        return value

    @property
    def makes_thumbnails(self) -> bool:
        return self.thumbnails == "on"

    @property
    def uses_low_queue(self) -> bool:
        return self.makes_thumbnails or self.scans

    @property
    def allows_private_webhooks(self) -> bool:
        return self.webhook_private_addresses == "on"

    @property
    def has_audit_log(self) -> bool:
        return self.audit == "on"


#: The valid keys of `settings.FILEHUB`.
KEYS = tuple(name.upper() for name in Conf.model_fields)


def validate(values: Mapping[str, Any]) -> Conf:
    """Validate a dict of settings such as `settings.FILEHUB`.

    Raises InvalidSettings for the first unknown key or invalid value, and ImproperlyConfigured if
    `values` is not a dict.
    """
    if not isinstance(values, Mapping):
        raise ImproperlyConfigured("settings.FILEHUB is wrong: it must be a dict.")
    for key, value in values.items():
        if key not in KEYS:
            similar = difflib.get_close_matches(str(key).upper(), KEYS, n=1)
            hint = f" Did you mean {similar[0]!r}?" if similar else ""
            raise InvalidSettings(key, f"is not a setting of filehub.{hint}")
        # pydantic would take True for 1, and bytes for text.
        if isinstance(value, bool | bytes | bytearray):
            raise InvalidSettings(key, f"is wrong: it must not be of type {type(value).__name__}.")
    try:
        return Conf.model_validate(dict(values))
    except ValidationError as exc:
        raise InvalidSettings(*explain(exc, _SECRETS)) from None


class _Current:
    """Validates `settings.FILEHUB` on first use, and again whenever it has been replaced."""

    def __init__(self) -> None:
        self._latest: tuple[object, Conf] | None = None

    def __call__(self) -> Conf:
        """Return the current settings.

        Raises ImproperlyConfigured; the message names the first unknown or invalid key.
        """
        values = getattr(settings, "FILEHUB", _NOTHING)
        latest = self._latest
        if latest is None or latest[0] is not values:
            latest = self._latest = (values, validate(values))
        return latest[1]


#: For a project without `FILEHUB`.
_NOTHING: dict[str, Any] = {}
conf = _Current()


def rules() -> Rules:
    """The upload limits for `uploads.core.policy`, from the settings."""
    current = conf()
    return Rules(
        current.max_size,
        S3_MAX_PUT_SIZE,
        current.allowed_types,
        current.destinations,
        scan=current.scan_policy,
        unclaimed_for=current.unclaimed_for,
    )
