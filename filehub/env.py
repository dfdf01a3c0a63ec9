"""Every setting that filehub reads from the environment: names, types, defaults, limits.

This is the only place that reads the environment. `docs` show the same names; a test compares them.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from uploads.core.limits import (
    MIB,
    S3_MAX_EXPIRY,
    S3_MAX_OBJECT_SIZE,
    S3_MAX_PUT_SIZE,
    S3_MIN_PART_SIZE,
)

BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
TABLE_NAME = r"[A-Za-z0-9_.-]{3,255}"
# Four characters are kept free for "-dlq".
QUEUE_NAME = r"[A-Za-z0-9_-]{1,76}"
MEDIA_RANGE = re.compile(r"\*|\*/\*|[a-z0-9!#$&^_.+-]+/(\*|[a-z0-9!#$&^_.+-]+)")

CACHE_URL = re.compile(r"file:.+|db:[A-Za-z_][A-Za-z0-9_]*|(rediss?|memcached)://[^\s/]+\S*")
#: What Django needs for a cache, by the scheme of its URL; not among filehub's own requirements.
CACHE_PACKAGES = {"redis": "redis", "rediss": "redis", "memcached": "pymemcache"}
RATE = re.compile(r"[1-9]\d{0,8}/[smh]")
#: Variables whose values are never repeated.
_SECRETS = {"DJANGO_SECRET_KEY", "DATABASE_URL", "DJANGO_CACHE_URL", "FILEHUB_METRICS_TOKEN"}

CommaList = Annotated[tuple[str, ...], NoDecode]


def _split_url(text: str) -> SplitResult | None:
    """The parts of an http(s) URL with a host and, if any, a valid port; None otherwise."""
    try:
        url = urlsplit(text)
        valid = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        return None
    return url if valid else None


class InvalidEnvironment(Exception):
    """A variable is missing or wrong; the text is one sentence for whoever starts filehub."""


class Env(BaseSettings):
    """The environment, validated. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    django_secret_key: str = Field(
        min_length=32, description="Signs sessions and upload ids; at least 32 characters."
    )
    django_secret_key_fallbacks: CommaList = Field(
        (), description="Earlier keys, comma-separated: sessions and upload ids stay valid."
    )
    django_debug: bool = Field(False, description="Django's debug pages. Never in production.")
    django_allowed_hosts: CommaList = Field(
        ("localhost", "127.0.0.1", "[::1]"), description="Host names that the site answers to."
    )
    django_https: bool = Field(
        False,
        description=(
            "The site is served over HTTPS behind a proxy that sets `X-Forwarded-Proto`: "
            "secure cookies, HSTS, redirect to HTTPS. Set it in production."
        ),
    )
    django_static_root: str = Field(
        ".local/static", description="Where `collectstatic` puts the files that the web serves."
    )
    database_url: str = Field(
        "sqlite:///db.sqlite3",
        description="Django's own database: users, sessions, API tokens, admin log.",
    )
    django_cache_url: str = Field(
        "file:.local/counters",
        description=(
            "Where the web processes count requests together: `file:<directory>`, `db:<table>`, "
            "`redis://…` or `memcached://host:port`."
        ),
    )
    celery_broker_url: str = Field(
        "sqs://",
        description="`sqs://` (the tasks queue below), or a `redis://` or `amqp://` URL.",
    )

    aws_region: str = Field(
        "us-east-1",
        pattern=r"^[a-z]{2,6}(-[a-z]+)+-\d$",
        description="Region of bucket, queues and table.",
    )
    aws_endpoint_url: str | None = Field(None, description="For all AWS services; local AWS.")
    aws_endpoint_url_s3: str | None = Field(None, description="For S3 alone.")
    aws_endpoint_url_sqs: str | None = Field(None, description="For SQS alone.")
    aws_endpoint_url_dynamodb: str | None = Field(None, description="For DynamoDB alone.")

    filehub_bucket: str = Field(
        "filehub-uploads", pattern=f"^{BUCKET_NAME}$", description="Bucket that holds the files."
    )
    filehub_table: str = Field(
        "files", pattern=f"^{TABLE_NAME}$", description="DynamoDB table that holds the records."
    )
    filehub_events_queue: str = Field(
        "filehub-events",
        pattern=f"^{QUEUE_NAME}$",
        description="Queue of S3's notifications; its dead-letter queue is `<name>-dlq`.",
    )
    filehub_tasks_queue: str = Field(
        "filehub-tasks",
        pattern=f"^{QUEUE_NAME}$",
        description="Queue of Celery's tasks; its dead-letter queue is `<name>-dlq`.",
    )
    filehub_max_size: int = Field(
        S3_MAX_OBJECT_SIZE, ge=1, le=S3_MAX_OBJECT_SIZE, description="Largest file, in bytes."
    )
    filehub_allowed_types: CommaList = Field(
        ("*",), description="Content types that may be uploaded, comma-separated; `image/*` works."
    )
    filehub_url_expiry: int = Field(
        900, ge=1, le=S3_MAX_EXPIRY, description="Seconds that a presigned request stays valid."
    )
    filehub_multipart_threshold: int = Field(
        64 * MIB,
        ge=S3_MIN_PART_SIZE,
        le=S3_MAX_PUT_SIZE,
        description="Bytes up to which a file is uploaded in one request; larger ones go in parts.",
    )
    filehub_part_size: int = Field(
        16 * MIB,
        ge=S3_MIN_PART_SIZE,
        le=S3_MAX_PUT_SIZE,
        description="Bytes in a part; grows so that no upload needs more than 10,000 parts.",
    )
    filehub_user_quota: int | None = Field(
        None, ge=0, description="Bytes that one user may have stored."
    )
    filehub_sign_rate_user: str | None = Field(
        "6000/m", description="Requests for signatures of one user, such as `6000/m`, or `off`."
    )
    filehub_sign_rate_address: str | None = Field(
        "20000/m", description="The same from one address, also without credentials."
    )
    filehub_trusted_proxies: int = Field(
        0,
        ge=0,
        le=10,
        description="Proxies in front of the web that add the caller to `X-Forwarded-For`.",
    )
    filehub_metrics_token: str | None = Field(
        None,
        min_length=16,
        pattern=r"^[\x21-\x7e]+$",
        description="What Prometheus sends as a bearer token to read `/metrics`.",
    )
    filehub_health_dir: str = Field(
        ".local/health",
        min_length=1,
        description=(
            "Directory of the files that consumer, worker and beat touch while they work; "
            "`manage.py healthcheck` reads them."
        ),
    )
    filehub_cors_origins: CommaList = Field(
        (),
        description=(
            "Origins allowed to call the API and the bucket, comma-separated. "
            "The site's own origin belongs here, or browsers cannot upload."
        ),
    )

    @field_validator(
        "django_allowed_hosts",
        "django_secret_key_fallbacks",
        "filehub_allowed_types",
        "filehub_cors_origins",
        mode="before",
    )
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("filehub_allowed_types")
    @classmethod
    def _check_media_ranges(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        value = tuple(part.lower() for part in value)
        for part in value:
            if not MEDIA_RANGE.fullmatch(part):
                raise ValueError(f"{part!r} is not a content type such as image/png or image/*")
        if not value:
            raise ValueError("it is empty; write * to allow every type")
        return value

    @field_validator("filehub_cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            url = _split_url(origin)
            if url is None or f"{url.scheme}://{url.netloc}" != origin or "@" in origin:
                raise ValueError(f"{origin!r} is not an origin such as https://files.example.com")
        return value

    @field_validator(
        "aws_endpoint_url",
        "aws_endpoint_url_s3",
        "aws_endpoint_url_sqs",
        "aws_endpoint_url_dynamodb",
        "filehub_user_quota",
        "filehub_metrics_token",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("filehub_sign_rate_user", "filehub_sign_rate_address", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        """A line that was left empty in a file of settings must not turn a limit off."""
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator(
        "aws_endpoint_url",
        "aws_endpoint_url_s3",
        "aws_endpoint_url_sqs",
        "aws_endpoint_url_dynamodb",
    )
    @classmethod
    def _check_endpoint(cls, value: str | None) -> str | None:
        if value is not None and _split_url(value) is None:
            raise ValueError(f"{value!r} is not a URL such as http://localhost:4566")
        return value.rstrip("/") if value else None

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        try:
            dj_database_url.parse(value)
        except (ValueError, KeyError) as exc:
            raise ValueError(
                "it is not a database URL such as postgres://user:password@host/name"
            ) from exc
        return value

    @field_validator("django_cache_url")
    @classmethod
    def _check_cache_url(cls, value: str) -> str:
        if not CACHE_URL.fullmatch(value):
            raise ValueError(
                "it must be file:<directory>, db:<table>, redis://host:6379/0 "
                "or memcached://host:11211"
            )
        package = CACHE_PACKAGES.get(value.partition(":")[0])
        if package and find_spec(package) is None:
            raise ValueError(f"it needs a package that is not installed: pip install {package}")
        return value

    @field_validator("filehub_sign_rate_user", "filehub_sign_rate_address")
    @classmethod
    def _check_rate(cls, value: str | None) -> str | None:
        if value is None or value == "off":
            return None
        if not RATE.fullmatch(value):
            raise ValueError(f"{value!r} is not a rate such as 6000/m (s, m or h), or off")
        return value

    @field_validator("celery_broker_url")
    @classmethod
    def _check_broker_url(cls, value: str) -> str:
        schemes = {"sqs", "redis", "rediss", "amqp", "amqps"}
        if urlsplit(value).scheme not in schemes:
            raise ValueError("it must begin with sqs://, redis:// or amqp://")
        return value

    def endpoint(self, service: Literal["s3", "sqs", "dynamodb"]) -> str | None:
        """The endpoint URL for a service, or None for AWS itself."""
        specific: str | None = getattr(self, f"aws_endpoint_url_{service}")
        return specific or self.aws_endpoint_url

    @property
    def s3_path_style(self) -> bool:
        """Whether the bucket is part of the path: a custom endpoint has no DNS entry per bucket,
        and AWS's wildcard certificate covers no name with a dot."""
        return bool(self.endpoint("s3")) or "." in self.filehub_bucket

    @property
    def s3_url(self) -> str:
        """Where S3 is. With its region in every region: in us-east-1 botocore would leave it out,
        and the pages' Content-Security-Policy would name another host than the one that is used."""
        return self.endpoint("s3") or f"https://s3.{self.aws_region}.amazonaws.com"

    @property
    def s3_bucket_url(self) -> str:
        """Where the bucket is, as a browser sees it, without a slash at the end."""
        if self.s3_path_style:
            return f"{self.s3_url}/{self.filehub_bucket}"
        return self.s3_url.replace("://", f"://{self.filehub_bucket}.", 1)


def load() -> Env:
    """Read and check the environment.

    Raises InvalidEnvironment, naming the first variable that is missing or wrong. The value itself
    is never repeated where it could be a secret.
    """
    try:
        return Env()
    except ValidationError as exc:
        raise InvalidEnvironment(_sentence(exc)) from None


def _sentence(exc: ValidationError) -> str:
    error = exc.errors(include_url=False)[0]
    name = str(error["loc"][0]).upper()
    if error["type"] == "missing":
        return f"{name} is not set."
    problem = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{name} is wrong: {problem}."
    value = "" if name in _SECRETS else f" (it is {error['input']!r})"
    return f"{name} is wrong: {problem[0].lower()}{problem[1:]}{value}."
