"""The app's settings: a typed, validated view of the dict `settings.FILEHUB`.

A project sets `FILEHUB = {"BUCKET": "my-files", …}`. The keys are the fields below in upper case;
missing keys have their defaults. The stand-alone project fills the dict from the environment
(filehub/env.py). The dict is read lazily, so that `override_settings(FILEHUB=…)` takes effect.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Annotated, Any

import botocore.session
from botocore.exceptions import BotoCoreError
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from uploads.core.limits import (
    MIB,
    S3_MAX_EXPIRY,
    S3_MAX_OBJECT_SIZE,
    S3_MAX_PUT_SIZE,
    S3_MIN_PART_SIZE,
)
from uploads.core.policy import Rules

BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
TABLE_NAME = r"[A-Za-z0-9_.-]{3,255}"
# SQS allows 80 characters; four are reserved for "-dlq".
QUEUE_NAME = r"[A-Za-z0-9_-]{1,76}"
# Long enough for a name, short enough for a bucket called <prefix>-uploads.
PREFIX = r"[a-z][a-z0-9-]{0,49}"
REGION = r"[a-z]{2,6}(-[a-z]+)+-\d"
MEDIA_RANGE = re.compile(r"\*|\*/\*|[a-z0-9!#$&^_.+-]+/(\*|[a-z0-9!#$&^_.+-]+)")
RATE_STORAGE = re.compile(r"memory://|rediss?://[^\s/]+\S*|memcached://[^\s/]+:\d+")
#: Scheme of a rate storage URL -> the package it needs, which is not one of filehub's own
#: requirements.
RATE_STORAGE_PACKAGES = {"redis": "redis", "rediss": "redis", "memcached": "pymemcache"}
URL = re.compile(
    r"https?://(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~/-]*)?"
)
RATE = re.compile(r"[1-9]\d{0,8}/[smh]")
_RATES = ("sign_rate_user", "sign_rate_address", "sign_in_rate_user", "sign_in_rate_address")
#: Used if neither the settings nor boto3's own configuration name a region.
DEFAULT_REGION = "us-east-1"
DEFAULT_PREFIX = "filehub"
#: Settings whose values must not appear in error messages.
_SECRETS = {"METRICS_TOKEN", "SIGN_RATE_STORAGE"}


class InvalidSettings(ImproperlyConfigured):
    """A setting is unknown or invalid. `problem` completes the sentence that `key` begins."""

    def __init__(self, key: Any, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(f"settings.FILEHUB[{key!r}] {problem}")


def split_commas(value: Any) -> Any:
    """Split a comma-separated string into a tuple; return any other value unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def _is_url(text: str, *, path: bool) -> bool:
    """Whether a text is an http(s) URL of a host, with a port and, if `path`, a path or without.

    These URLs end up in the Content-Security-Policy and in presigned requests, so nothing else is
    allowed: no user and password, no query, no wildcard.
    """
    match = URL.fullmatch(text)
    if match is None or (match["path"] and not path):
        return False
    return match["port"] is None or 0 < int(match["port"]) < 2**16


def _check_endpoint(value: str | None) -> str | None:
    if value is not None and not _is_url(value, path=True):
        # Not repeated: it may contain a password.
        raise ValueError("it is not a URL such as http://localhost:4566")
    return value.rstrip("/") if value else None


def boto3_region() -> str:
    """The region that boto3 uses: AWS_DEFAULT_REGION, the profile's region, or the default.

    Raises ImproperlyConfigured if boto3's own configuration cannot be read.
    """
    try:
        region = botocore.session.get_session().get_config_variable("region")
    except BotoCoreError as exc:
        raise ImproperlyConfigured(f"boto3 cannot find its region: {exc}") from exc
    return region or DEFAULT_REGION


def _prefixed(name: str, *, without_prefix: str = "") -> Callable[[dict[str, Any]], str]:
    """Make a default name of the prefix, which is validated before."""

    def default(values: dict[str, Any]) -> str:
        prefix = values.get("prefix", DEFAULT_PREFIX)
        return without_prefix if without_prefix and prefix == DEFAULT_PREFIX else f"{prefix}-{name}"

    return default


@cache
def _dns_suffix(region: str) -> str:
    """The domain of AWS's services in this region, such as amazonaws.com.cn in China."""
    partitions = botocore.session.get_session().get_data("partitions")["partitions"]
    for partition in partitions:
        if re.match(partition["regionRegex"], region):
            return str(partition["outputs"]["dnsSuffix"])
    # A region that is newer than botocore.
    return "amazonaws.com"


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(split_commas)]
Endpoint = Annotated[str | None, BeforeValidator(_empty_is_none), AfterValidator(_check_endpoint)]


class Conf(BaseModel):
    """The settings, validated. A field's name in upper case is its key in `settings.FILEHUB`."""

    model_config = ConfigDict(
        alias_generator=str.upper, extra="forbid", frozen=True, validate_default=True
    )

    region: str = Field(
        default_factory=boto3_region,
        pattern=f"^{REGION}$",
        description=(
            "AWS region of the bucket, queues and table. Unset: boto3's own "
            "(`AWS_DEFAULT_REGION`, then the AWS profile), else `us-east-1`."
        ),
    )
    endpoint_url: Endpoint = Field(
        None, description="Endpoint of all AWS services, for a local AWS. Unset: AWS itself."
    )
    endpoint_url_s3: Endpoint = Field(
        None, description="Endpoint of S3 only. Browsers must be able to reach it."
    )
    endpoint_url_sqs: Endpoint = Field(None, description="Endpoint of SQS only.")
    endpoint_url_dynamodb: Endpoint = Field(None, description="Endpoint of DynamoDB only.")

    prefix: str = Field(
        DEFAULT_PREFIX,
        pattern=f"^{PREFIX}$",
        description=(
            "Begins the default names of the stack, bucket, queues and table, so that several "
            "installations fit into one account."
        ),
    )
    bucket: str = Field(
        default_factory=_prefixed("uploads"),
        pattern=f"^{BUCKET_NAME}$",
        description="Bucket that holds the files. Unset: `<FILEHUB_PREFIX>-uploads`.",
    )
    table: str = Field(
        # The default of the first installations had no prefix.
        default_factory=_prefixed("files", without_prefix="files"),
        pattern=f"^{TABLE_NAME}$",
        description=(
            "DynamoDB table that holds the records. Unset: `files`, or with a prefix of your own "
            "`<FILEHUB_PREFIX>-files`."
        ),
    )
    events_queue: str = Field(
        default_factory=_prefixed("events"),
        pattern=f"^{QUEUE_NAME}$",
        description=(
            "Queue of S3's notifications; its dead-letter queue is `<name>-dlq`. "
            "Unset: `<FILEHUB_PREFIX>-events`."
        ),
    )
    tasks_queue: str = Field(
        default_factory=_prefixed("tasks"),
        pattern=f"^{QUEUE_NAME}$",
        description=(
            "Queue of Celery's tasks; its dead-letter queue is `<name>-dlq`. "
            "Unset: `<FILEHUB_PREFIX>-tasks`."
        ),
    )
    max_size: int = Field(
        S3_MAX_OBJECT_SIZE, ge=1, le=S3_MAX_OBJECT_SIZE, description="Largest file, in bytes."
    )
    allowed_types: CommaSeparated = Field(
        ("*",), description="Content types that may be uploaded, comma-separated; `image/*` works."
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
    user_quota: Annotated[int | None, BeforeValidator(_empty_is_none)] = Field(
        None,
        ge=0,
        description=(
            "Bytes that a user without their own quota may store. A file that does not fit "
            "is refused, or rejected after it was uploaded."
        ),
    )
    sign_rate_user: str | None = Field(
        "6000/m",
        description="Limit on signing requests per user: a number per `s`, `m` or `h`, or `off`.",
    )
    sign_rate_address: str | None = Field(
        "20000/m", description="The same per IP address, including requests without credentials."
    )
    sign_in_rate_user: str | None = Field(
        "20/h",
        description=(
            "Limit on failed attempts to sign in as one user: a number per `s`, `m` or `h`, or "
            "`off`. Signing in resets it."
        ),
    )
    sign_in_rate_address: str | None = Field(
        "100/h", description="The same for attempts from one IP address."
    )
    sign_rate_storage: str = Field(
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
    metrics_token: Annotated[str | None, BeforeValidator(_empty_is_none)] = Field(
        None,
        min_length=16,
        pattern=r"^[\x21-\x7e]+$",
        repr=False,
        description=(
            "Bearer token for Prometheus to read `/metrics`; at least 16 characters. "
            "Unset: staff only."
        ),
    )
    health_dir: str = Field(
        ".local/health",
        min_length=1,
        description=(
            "Directory of the files that consumer, worker and beat touch while they work; "
            "`manage.py healthcheck` reads them."
        ),
    )
    cors_origins: CommaSeparated = Field(
        (),
        description=(
            "Origins allowed to call the API and the bucket, comma-separated. Must include "
            "the site's own origin, or browsers cannot upload."
        ),
    )

    @field_validator("allowed_types")
    @classmethod
    def _check_media_ranges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        value = tuple(part.lower() for part in value)
        for part in value:
            if not MEDIA_RANGE.fullmatch(part):
                raise ValueError(f"{part!r} is not a content type such as image/png or image/*")
        if not value:
            raise ValueError("it is empty; write * to allow every type")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _is_url(origin, path=False):
                raise ValueError(f"{origin!r} is not an origin such as https://files.example.com")
        return value

    @field_validator(*_RATES, mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        """Treat an empty value as unset, so that an empty line does not turn off a limit."""
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator(*_RATES)
    @classmethod
    def _check_rate(cls, value: str | None) -> str | None:
        if value is None or value == "off":
            return None
        if not RATE.fullmatch(value):
            raise ValueError(f"{value!r} is not a rate such as 6000/m (s, m or h), or off")
        return value

    @field_validator("sign_rate_storage")
    @classmethod
    def _check_rate_storage(cls, value: str) -> str:
        if not RATE_STORAGE.fullmatch(value):
            raise ValueError("it must be memory://, redis://host:6379/0 or memcached://host:11211")
        package = RATE_STORAGE_PACKAGES.get(value.partition(":")[0])
        if package and find_spec(package) is None:
            # In the version that the tests use.
            raise ValueError(
                "it needs a package that is not installed: "
                f"pip install -c requirements-dev.txt {package}"
            )
        try:
            storage_from_string(value)  # Does not connect.
        except (ConfigurationError, ValueError, TypeError):
            # Their texts may contain a password.
            raise ValueError("its host, port or options are invalid") from None
        return value

    def endpoint(self, service: str) -> str | None:
        """The endpoint URL of a service, such as `s3`; None for AWS itself."""
        specific: str | None = getattr(self, f"endpoint_url_{service}", None)
        return specific or self.endpoint_url

    @property
    def s3_path_style(self) -> bool:
        """Whether the bucket is part of the URL's path instead of its host name.

        A custom endpoint has no DNS entry per bucket, and AWS's wildcard certificate does not
        cover bucket names with dots.
        """
        return bool(self.endpoint("s3")) or "." in self.bucket

    @property
    def s3_url(self) -> str:
        """The URL of S3, including its region.

        botocore omits the region in us-east-1; the pages' Content-Security-Policy would then name a
        different host.
        """
        return self.endpoint("s3") or f"https://s3.{self.region}.{_dns_suffix(self.region)}"

    @property
    def s3_bucket_url(self) -> str:
        """The URL of the bucket as a browser sees it, without a trailing slash."""
        if self.s3_path_style:
            return f"{self.s3_url}/{self.bucket}"
        return self.s3_url.replace("://", f"://{self.bucket}.", 1)


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


#: What the values with a pattern look like, for people who do not read patterns.
_FORMS = {
    "REGION": "it is not the code of an AWS region, such as eu-central-1",
    "PREFIX": "it must have at most 50 lower-case letters, digits and hyphens, a letter first",
    "BUCKET": (
        "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and begins and "
        "ends with a letter or digit"
    ),
    "TABLE": "a table's name has 3 to 255 letters, digits, dots, hyphens and underscores",
    "EVENTS_QUEUE": "a queue's name has at most 76 letters, digits, hyphens and underscores",
    "TASKS_QUEUE": "a queue's name has at most 76 letters, digits, hyphens and underscores",
    "METRICS_TOKEN": "it may have ASCII letters, digits and punctuation only, without spaces",
}


def explain(exc: ValidationError, secrets: set[str]) -> tuple[str, str]:
    """The first error that pydantic found: its upper-case key, and the rest of the sentence.

    The sentence includes the value unless the key is one of `secrets`.
    """
    error = exc.errors(include_url=False)[0]
    name = str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return name, "is not set."
    problem = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return name, f"is wrong: {problem}."
    if error["type"] == "string_pattern_mismatch":
        problem = _FORMS[name]
    value = "" if name in secrets else f" (it is {error['input']!r})"
    return name, f"is wrong: {problem[0].lower()}{problem[1:]}{value}."


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
    return Rules(conf().max_size, S3_MAX_PUT_SIZE, conf().allowed_types)
