"""Environment variables: defaults, and the errors for invalid values."""

from __future__ import annotations

import re
from typing import Any

import pytest

from filehub import env
from filehub.env import APP_VARIABLES, InvalidEnvironment
from filehub_client import config as client_config
from tests.project.conftest import SECRET_KEY
from uploads.core import setting_values
from uploads.core.conf import Conf
from uploads.core.limits import GIB, MIB, TIB

pytestmark = pytest.mark.usefixtures("bare_environment")


def value_of(name: str) -> Any:
    """The setting that a variable becomes."""
    if name in APP_VARIABLES:
        return getattr(env.load_app(), APP_VARIABLES[name].lower())
    return getattr(env.load(), name.lower())


def error_of() -> str:
    def load() -> None:
        env.load()
        env.load_app()

    with pytest.raises(InvalidEnvironment) as caught:
        load()
    return str(caught.value)


DEFAULTS: dict[str, Any] = {
    "django_secret_key": SECRET_KEY,
    "django_debug": False,
    "django_allowed_hosts": ("localhost", "127.0.0.1", "[::1]"),
    "django_https": False,
    "database_url": "sqlite:///db.sqlite3",
    "celery_broker_url": "sqs://",
    "aws_region": "us-east-1",
    "aws_endpoint_url": None,
    "aws_endpoint_url_s3": None,
    "aws_endpoint_url_sqs": None,
    "aws_endpoint_url_dynamodb": None,
    "filehub_bucket": "filehub-uploads",
    "filehub_table": "files",
    "filehub_events_queue": "filehub-events",
    "filehub_tasks_queue": "filehub-tasks",
    "filehub_max_size": 5 * TIB,
    "filehub_allowed_types": ("*",),
    "filehub_url_expiry": 900,
    "filehub_multipart_threshold": 64 * MIB,
    "filehub_part_size": 16 * MIB,
    "filehub_user_quota": None,
    "filehub_sign_rate_user": "6000/m",
    "filehub_sign_rate_address": "20000/m",
    "filehub_trusted_proxies": 0,
    "filehub_sign_rate_storage": "memory://",
    "filehub_metrics_token": None,
    "filehub_cors_origins": (),
}


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items(), ids=DEFAULTS.keys())
def test_an_unset_variable_has_the_documented_default(name: str, value: Any) -> None:
    assert value_of(name.upper()) == value


def test_every_variable_is_described() -> None:
    fields = [*env.Env.model_fields.items(), *Conf.model_fields.items()]
    undescribed = [name for name, field in fields if not field.description]
    assert undescribed == []


def test_variables_of_other_programs_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEHUB_NO_SUCH_SETTING", "1")
    assert env.load()
    assert env.load_app()


def test_a_misspelt_variable_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEHUB_NO_SUCH_SETTING", "1")
    for name in (client_config.URL, client_config.TOKEN, client_config.TOKEN_FILE):
        monkeypatch.setenv(name, "x")
    assert env.unknown_variables() == ["FILEHUB_NO_SUCH_SETTING"]


VALID: list[tuple[str, str, Any]] = [
    ("DJANGO_DEBUG", "1", True),
    ("DJANGO_DEBUG", "false", False),
    ("DJANGO_HTTPS", "true", True),
    ("DJANGO_SECRET_KEY", "x" * 32, "x" * 32),
    ("DATABASE_URL", "postgres://u:p@db:5432/filehub", "postgres://u:p@db:5432/filehub"),
    ("CELERY_BROKER_URL", "sqs://u:p@", "sqs://u:p@"),
    ("CELERY_BROKER_URL", "SQS://localhost:4566", "SQS://localhost:4566"),
    ("EMAIL_URL", "", None),
    ("EMAIL_FROM", "filehub <filehub@example.com>", "filehub <filehub@example.com>"),
    ("EMAIL_FROM", "", None),
    ("AWS_REGION", "eu-central-1", "eu-central-1"),
    ("AWS_REGION", "us-gov-west-1", "us-gov-west-1"),
    ("AWS_ENDPOINT_URL", "http://localhost:4566", "http://localhost:4566"),
    ("AWS_ENDPOINT_URL", "http://localhost:4566/", "http://localhost:4566"),
    ("AWS_ENDPOINT_URL", "", None),
    ("FILEHUB_BUCKET", "abc", "abc"),
    ("FILEHUB_BUCKET", "a" * 63, "a" * 63),
    ("FILEHUB_TABLE", "Files_2.prod", "Files_2.prod"),
    ("FILEHUB_EVENTS_QUEUE", "q" * 76, "q" * 76),
    ("FILEHUB_MAX_SIZE", "1", 1),
    ("FILEHUB_MAX_SIZE", str(5 * TIB), 5 * TIB),
    ("FILEHUB_URL_EXPIRY", "604800", 604_800),
    ("FILEHUB_PART_SIZE", str(5 * MIB), 5 * MIB),
    ("FILEHUB_MULTIPART_THRESHOLD", str(5 * GIB), 5 * GIB),
    ("FILEHUB_USER_QUOTA", "", None),
    ("FILEHUB_USER_QUOTA", "0", 0),
    ("FILEHUB_SIGN_RATE_USER", "off", None),
    ("FILEHUB_SIGN_RATE_USER", "", "6000/m"),
    ("FILEHUB_SIGN_RATE_USER", "1/s", "1/s"),
    ("FILEHUB_SIGN_RATE_ADDRESS", "100000/h", "100000/h"),
    ("FILEHUB_TRUSTED_PROXIES", "2", 2),
    ("FILEHUB_SIGN_RATE_STORAGE", "memory://", "memory://"),
    ("FILEHUB_SIGN_RATE_STORAGE", "redis://u:p@a:6379/1", "redis://u:p@a:6379/1"),
    ("FILEHUB_SIGN_RATE_STORAGE", "rediss://a:6379/1", "rediss://a:6379/1"),
    ("FILEHUB_SIGN_RATE_STORAGE", "memcached://a:11211", "memcached://a:11211"),
]


@pytest.mark.parametrize(("name", "text", "value"), VALID)
def test_a_valid_value_is_read(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any
) -> None:
    monkeypatch.setenv(name, text)
    assert value_of(name) == value


LISTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "one": ("DJANGO_ALLOWED_HOSTS", "a.example", ("a.example",)),
    "two": ("DJANGO_ALLOWED_HOSTS", "a.example,b.example", ("a.example", "b.example")),
    "spaces": ("DJANGO_ALLOWED_HOSTS", " a.example , b.example ", ("a.example", "b.example")),
    "commas too many": ("DJANGO_ALLOWED_HOSTS", ",a.example,,", ("a.example",)),
    "empty": ("DJANGO_ALLOWED_HOSTS", "", ()),
    "types": ("FILEHUB_ALLOWED_TYPES", "image/*, text/plain", ("image/*", "text/plain")),
    "types in upper case": ("FILEHUB_ALLOWED_TYPES", "Image/PNG", ("image/png",)),
    "every type": ("FILEHUB_ALLOWED_TYPES", "*/*", ("*/*",)),
    "a type with a suffix": ("FILEHUB_ALLOWED_TYPES", "image/svg+xml", ("image/svg+xml",)),
    "origins": (
        "FILEHUB_CORS_ORIGINS",
        "https://a.example,http://localhost:8000",
        ("https://a.example", "http://localhost:8000"),
    ),
    "no origins": ("FILEHUB_CORS_ORIGINS", "", ()),
}


@pytest.mark.parametrize(("name", "text", "value"), LISTS.values(), ids=LISTS.keys())
def test_a_comma_list_is_read_as_its_parts(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: tuple[str, ...]
) -> None:
    monkeypatch.setenv(name, text)
    assert value_of(name) == value


NO_MAIL_SERVERS = (
    "mail.example", "http://mail.example", "smtp://", "smtp://h:port", "smtp://h:99999", "smtp://[",
    "smtp://h/path", "smtp://h?tls=1", "imap://h",
)  # fmt: skip
WRONG: list[tuple[str, str]] = [
    ("DJANGO_SECRET_KEY", ""),
    ("DJANGO_SECRET_KEY", "x" * 31),
    ("DJANGO_DEBUG", "maybe"),
    ("DJANGO_HTTPS", "443"),
    ("DATABASE_URL", ""),
    ("DATABASE_URL", "db.sqlite3"),
    ("DATABASE_URL", "nosuch://u:p@db/filehub"),
    ("DATABASE_URL", "postgres://u:p@db:port/filehub"),
    ("CELERY_BROKER_URL", ""),
    *[("EMAIL_URL", text) for text in NO_MAIL_SERVERS],
    *[("EMAIL_FROM", text) for text in ("filehub", "a@b, c@d", "a@b\nBcc: c@d", "<>")],
    ("AWS_REGION", ""),
    ("AWS_REGION", "Frankfurt"),
    ("AWS_REGION", "eu-central-1\n"),
    ("AWS_ENDPOINT_URL", "localhost:4566"),
    ("AWS_ENDPOINT_URL", "http://"),
    ("AWS_ENDPOINT_URL", "http://["),
    ("AWS_ENDPOINT_URL_S3", "s3.local"),
    ("AWS_ENDPOINT_URL_SQS", "ftp://sqs.local"),
    ("AWS_ENDPOINT_URL_DYNAMODB", "/dynamodb"),
    ("FILEHUB_BUCKET", ""),
    ("FILEHUB_BUCKET", "ab"),
    ("FILEHUB_BUCKET", "a" * 64),
    ("FILEHUB_BUCKET", "Uploads"),
    ("FILEHUB_BUCKET", "uploads/"),
    ("FILEHUB_BUCKET", "uploads\n"),
    ("FILEHUB_TABLE", "ab"),
    ("FILEHUB_TABLE", "my files"),
    ("FILEHUB_EVENTS_QUEUE", "q" * 77),
    ("FILEHUB_EVENTS_QUEUE", "events.fifo"),
    ("FILEHUB_TASKS_QUEUE", ""),
    ("FILEHUB_MAX_SIZE", "0"),
    ("FILEHUB_MAX_SIZE", "5GB"),
    ("FILEHUB_MAX_SIZE", "1.5"),
    ("FILEHUB_MAX_SIZE", str(5 * TIB + 1)),
    ("FILEHUB_ALLOWED_TYPES", ""),
    ("FILEHUB_ALLOWED_TYPES", " , "),
    ("FILEHUB_ALLOWED_TYPES", "image"),
    ("FILEHUB_ALLOWED_TYPES", "image/png,pdf"),
    ("FILEHUB_ALLOWED_TYPES", "*/png"),
    ("FILEHUB_ALLOWED_TYPES", "text/plain;charset=utf-8"),
    ("FILEHUB_URL_EXPIRY", ""),
    ("FILEHUB_URL_EXPIRY", "0"),
    ("FILEHUB_URL_EXPIRY", "604801"),
    ("FILEHUB_URL_EXPIRY", "15m"),
    ("FILEHUB_MULTIPART_THRESHOLD", str(5 * MIB - 1)),
    ("FILEHUB_MULTIPART_THRESHOLD", str(5 * GIB + 1)),
    ("FILEHUB_PART_SIZE", str(5 * MIB - 1)),
    ("FILEHUB_PART_SIZE", str(5 * GIB + 1)),
    ("FILEHUB_USER_QUOTA", "-1"),
    ("FILEHUB_USER_QUOTA", "none"),
    *[("FILEHUB_SIGN_RATE_USER", text) for text in ("0/m", "5", "5/d", "5 / m", "/m", "-1/m", "x")],
    ("FILEHUB_SIGN_RATE_ADDRESS", "5/2m"),
    ("FILEHUB_TRUSTED_PROXIES", "-1"),
    ("FILEHUB_TRUSTED_PROXIES", "11"),
    *[
        ("FILEHUB_SIGN_RATE_STORAGE", text)
        for text in ("", "locmem:", "file:/x", "redis:", "redis://", "redis://a b", "/var/cache")
    ],
    ("FILEHUB_CORS_ORIGINS", "*"),
    ("FILEHUB_CORS_ORIGINS", "files.example.com"),
    ("FILEHUB_CORS_ORIGINS", "https://files.example.com/"),
    ("FILEHUB_CORS_ORIGINS", "https://files.example.com/path"),
    ("FILEHUB_CORS_ORIGINS", "ftp://files.example.com"),
    ("FILEHUB_CORS_ORIGINS", "https://a.example https://b.example/x"),
    ("FILEHUB_CORS_ORIGINS", "https://["),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_an_invalid_value_is_one_sentence_with_the_variables_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    assert re.fullmatch(rf"{name} is wrong: [^\n]+\.", error_of())
    assert "pattern" not in error_of()


def test_each_value_with_a_pattern_has_a_description_for_people() -> None:
    with_pattern = {
        name.upper()
        for name, field in Conf.model_fields.items()
        if any(getattr(rule, "pattern", None) for rule in field.metadata)
    }
    assert with_pattern == setting_values._FORMS.keys()


def test_a_wrong_region_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-l")
    assert error_of() == (
        "AWS_REGION is wrong: it is not the code of an AWS region, such as eu-central-1 "
        "(it is 'eu-central-l')."
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("FILEHUB_CORS_ORIGINS", "https://"),
        ("FILEHUB_CORS_ORIGINS", "https://:80"),
        ("FILEHUB_CORS_ORIGINS", "https://a:x"),
        ("FILEHUB_CORS_ORIGINS", "https://u:p@a"),
        ("AWS_ENDPOINT_URL", "http://a:port"),
        ("AWS_ENDPOINT_URL", "http://a:0"),
        ("AWS_ENDPOINT_URL", "http://a:65536"),
        ("AWS_ENDPOINT_URL", "http://a ; script-src *"),
        ("AWS_ENDPOINT_URL", "http://a/?x=1"),
        ("AWS_ENDPOINT_URL", "http://a/#x"),
        ("AWS_ENDPOINT_URL", "http://u:p@a"),
        ("FILEHUB_CORS_ORIGINS", "https://*"),
        ("FILEHUB_CORS_ORIGINS", "https://a;b"),
    ],
)
def test_a_url_that_can_never_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    assert error_of().startswith(f"{name} is wrong: ")


def test_a_missing_secret_key_is_reported_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SECRET_KEY")
    assert error_of() == "DJANGO_SECRET_KEY is not set."


def test_one_of_several_invalid_values_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEHUB_URL_EXPIRY", "0")
    monkeypatch.setenv("FILEHUB_MAX_SIZE", "0")
    assert error_of().count(" is wrong: ") == 1


def test_an_invalid_value_that_is_not_secret_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEHUB_URL_EXPIRY", "15m")
    assert "'15m'" in error_of()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DJANGO_SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "nosuch://u:hunter2@db/filehub"),
        ("DATABASE_URL", "postgres://u:hunter2@db:port/filehub"),
        ("CELERY_BROKER_URL", "http://u:hunter2@rabbit/"),
        ("CELERY_BROKER_URL", "hunter2"),
        ("CELERY_BROKER_URL", "amqp://u:hunter2@[rabbit/"),
        ("CELERY_BROKER_URL", "amqp://u:[hunter2]@h"),
        ("CELERY_BROKER_URL", "redis://:hunter2\u2100x@host/0"),
        ("CELERY_BROKER_WRITE_URL", "amqp://u:hunter2@h"),
        ("EMAIL_URL", "smtp://u:hunter2@h:port"),
        ("EMAIL_URL", "http://u:hunter2@h"),
        ("AWS_ENDPOINT_URL", "http://u:hunter2@h"),
        ("FILEHUB_SIGN_RATE_STORAGE", "redis://:hunter2@h:port/0"),
    ],
)
def test_a_secret_never_appears_in_the_error(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    assert "hunter2" not in error_of()


@pytest.mark.parametrize(
    "url",
    ["redis://h:6379/0", "rediss://h", "sentinel://h", "amqp://u:p@h//", "amqps://h", "pyamqp://h",
     "memory://", "filesystem://", "sqla+sqlite:///x", "sqs+redis://h", "sqs", "sqs:", "sqs:/h",
     " sqs://", "xsqs://", "https://sqs.us-east-1.amazonaws.com", "sqs://;redis://h", "h:6379",
     "sqs://[", "azureservicebus://h", "kafka://h", "gcpubsub://h"],
)  # fmt: skip
@pytest.mark.parametrize(
    "name", ["CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL"]
)
def test_a_broker_other_than_sqs_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    assert error_of().startswith(f"{name} is wrong: it must begin with sqs://, because only SQS ")


def test_a_valid_secret_does_not_appear_in_another_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FILEHUB_MAX_SIZE", "0")
    assert SECRET_KEY not in error_of()


SERVICES = ["s3", "sqs", "dynamodb"]


@pytest.mark.parametrize("service", SERVICES)
def test_without_an_endpoint_a_service_is_on_aws(service: str) -> None:
    assert env.load_app().endpoint(service) is None


@pytest.mark.parametrize("service", SERVICES)
def test_the_common_endpoint_applies_to_every_service(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://common:1")
    assert env.load_app().endpoint(service) == "http://common:1"


@pytest.mark.parametrize("service", SERVICES)
def test_the_endpoint_of_a_service_overrides_the_common_one(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://common:1")
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service.upper()}", "http://own:2")
    assert env.load_app().endpoint(service) == "http://own:2"


def test_the_endpoint_of_one_service_does_not_apply_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://own:2")
    assert env.load_app().endpoint("sqs") is None


def test_an_empty_endpoint_of_a_service_falls_back_to_the_common_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://common:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    assert env.load_app().endpoint("s3") == "http://common:1"
