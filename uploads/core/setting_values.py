"""What a single setting may contain, and how a wrong one is explained."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Annotated, Any

import botocore.session
from botocore.exceptions import BotoCoreError
from django.core.exceptions import ImproperlyConfigured
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from pydantic import AfterValidator, BeforeValidator, ValidationError

BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
TABLE_NAME = r"[A-Za-z0-9_.-]{3,255}"
# SQS allows 80 characters; four are reserved for "-dlq".
QUEUE_NAME = r"[A-Za-z0-9_-]{1,76}"
# Long enough for a name, short enough for a bucket called <prefix>-uploads.
PREFIX = r"[a-z][a-z0-9-]{0,49}"
REGION = r"[a-z]{2,6}(-[a-z]+)+-\d"
_MEDIA_RANGE = re.compile(r"\*|\*/\*|[a-z0-9!#$&^_.+-]+/(\*|[a-z0-9!#$&^_.+-]+)")
_RATE_STORAGE = re.compile(r"memory://|rediss?://[^\s/]+\S*|memcached://[^\s/]+:\d+")
#: Scheme of a rate storage URL -> the package it needs, which is not one of filehub's own
#: requirements.
_RATE_STORAGE_PACKAGES = {"redis": "redis", "rediss": "redis", "memcached": "pymemcache"}
_URL = re.compile(
    r"https?://(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~/-]*)?"
)
_RATE = re.compile(r"[1-9]\d{0,8}/[smh]")
#: Used if neither the settings nor boto3's own configuration name a region.
DEFAULT_REGION = "us-east-1"


def split_commas(value: Any) -> Any:
    """Split a comma-separated string into a tuple; return any other value unchanged."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


def is_url(text: str, *, path: bool) -> bool:
    """Whether a text is an http(s) URL of a host, with a port and, if `path`, a path or without.

    These URLs end up in the Content-Security-Policy and in presigned requests, so nothing else is
    allowed: no user and password, no query, no wildcard.
    """
    match = _URL.fullmatch(text)
    if match is None or (match["path"] and not path):
        return False
    return match["port"] is None or 0 < int(match["port"]) < 2**16


def is_local(host: str) -> bool:
    """Whether a host name or IP address is local to this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_endpoint(value: str | None) -> str | None:
    if value is not None and not is_url(value, path=True):
        # Not repeated: it may contain a password.
        raise ValueError("it is not a URL such as http://localhost:4566")
    return value.rstrip("/") if value else None


def _check_media_ranges(value: tuple[str, ...]) -> tuple[str, ...]:
    value = tuple(part.lower() for part in value)
    for part in value:
        if not _MEDIA_RANGE.fullmatch(part):
            raise ValueError(f"{part!r} is not a content type such as image/png or image/*")
    if not value:
        raise ValueError("it is empty; write * to allow every type")
    return value


def _check_origins(value: tuple[str, ...]) -> tuple[str, ...]:
    for origin in value:
        if not is_url(origin, path=False):
            raise ValueError(f"{origin!r} is not an origin such as https://files.example.com")
    return value


def _check_rate(value: str | None) -> str | None:
    if value is None or value == "off":
        return None
    if not _RATE.fullmatch(value):
        raise ValueError(f"{value!r} is not a rate such as 6000/m (s, m or h), or off")
    return value


def _check_rate_storage(value: str) -> str:
    if not _RATE_STORAGE.fullmatch(value):
        raise ValueError("it must be memory://, redis://host:6379/0 or memcached://host:11211")
    package = _RATE_STORAGE_PACKAGES.get(value.partition(":")[0])
    if package and find_spec(package) is None:
        # In the version that the tests use.
        raise ValueError(
            f"it needs {package}, which is not installed: "
            "pip install --require-hashes -r requirements-rates.txt"
        )
    try:
        storage_from_string(value)  # Does not connect.
    except (ConfigurationError, ValueError, TypeError):
        # Their texts may contain a password.
        raise ValueError("its host, port or options are invalid") from None
    return value


def boto3_region() -> str:
    """The region that boto3 uses: AWS_DEFAULT_REGION, the profile's region, or the default.

    Raises ImproperlyConfigured if boto3's own configuration cannot be read.
    """
    try:
        region = botocore.session.get_session().get_config_variable("region")
    except BotoCoreError as exc:
        raise ImproperlyConfigured(f"boto3 cannot find its region: {exc}") from exc
    return region or DEFAULT_REGION


@cache
def dns_suffix(region: str) -> str:
    """The domain of AWS's services in this region, such as amazonaws.com.cn in China."""
    partitions = botocore.session.get_session().get_data("partitions")["partitions"]
    for partition in partitions:
        if re.match(partition["regionRegex"], region):
            return str(partition["outputs"]["dnsSuffix"])
    # A region that is newer than botocore.
    return "amazonaws.com"


CommaSeparated = Annotated[tuple[str, ...], BeforeValidator(split_commas)]
MediaRanges = Annotated[CommaSeparated, AfterValidator(_check_media_ranges)]
Origins = Annotated[CommaSeparated, AfterValidator(_check_origins)]
Rate = Annotated[str | None, AfterValidator(_check_rate)]
RateStorage = Annotated[str, AfterValidator(_check_rate_storage)]
OptionalText = Annotated[str | None, BeforeValidator(_empty_is_none)]
OptionalNumber = Annotated[int | None, BeforeValidator(_empty_is_none)]
Endpoint = Annotated[OptionalText, AfterValidator(_check_endpoint)]


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
