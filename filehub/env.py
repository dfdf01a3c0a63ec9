"""All settings that the standalone project reads from the environment.

Django's own settings come from the variables of `Env`. The app's settings (`uploads.core.conf`)
come from `FILEHUB_<KEY>`, except the region and endpoint URLs, which have the names that AWS tools
use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from filehub import mail
from uploads.core import conf
from uploads.core.conf import Conf, InvalidSettings
from uploads.core.logs.lines import Format
from uploads.core.setting_values import explain, split_commas

#: Celery reads these variables itself, whatever its settings say.
_BROKER_VARIABLES = ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL")
#: Variables whose values never appear in messages.
_SECRETS = {"DJANGO_SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL"}
#: For the command `filehub`, which may run in the same environment.
_CLIENT_VARIABLES = {"FILEHUB_URL", "FILEHUB_TOKEN", "FILEHUB_TOKEN_FILE"}
#: Ends the variable that names a file with the value, as container engines provide secrets.
_FILE = "_FILE"
#: Variable -> key of the app's setting.
APP_VARIABLES = {
    ("AWS_" if key.startswith(("REGION", "ENDPOINT_URL")) else "FILEHUB_") + key: key
    for key in conf.KEYS
}

CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split_commas)]


#: Not the value: it may contain a password.
_NOT_SQS = (
    "it must begin with sqs://, because only SQS retries a task that fails and then keeps it as a "
    "dead letter; unset it, and use other brokers only in other Celery apps than filehub's"
)


def _is_sqs(url: str) -> bool:
    """Whether a broker URL names SQS and nothing else: kombu tries alternatives after `;`."""
    try:
        urlsplit(url)
    except ValueError:
        return False
    return url.lower().startswith("sqs://") and ";" not in url


class InvalidEnvironment(Exception):
    """A variable is missing or invalid. The text is one sentence for the operator."""


class Env(BaseSettings):
    """Django's part of the environment. The variables are the field names in upper case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, validate_default=True)

    django_secret_key: str = Field(
        min_length=32, description="Signs sessions, upload ids and upload tokens."
    )
    django_secret_key_fallbacks: CommaList = Field(
        (),
        description=(
            "Earlier keys, comma-separated, while you rotate: what they signed stays valid."
        ),
    )
    django_debug: bool = Field(False, description="Django's debug pages. Never in production.")
    django_allowed_hosts: CommaList = Field(
        ("localhost", "127.0.0.1", "[::1]"), description="Host names that the site responds to."
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
    celery_broker_url: str = Field(
        "sqs://",
        description=(
            "`sqs://`, the queue of `FILEHUB_TASKS_QUEUE`. No other broker is accepted, because "
            "only SQS keeps tasks that fail."
        ),
    )

    filehub_log_format: Format = Field(
        "auto",
        description=(
            "Log lines as `json`, as `text` for people, or `auto`: text on a terminal, JSON "
            "elsewhere."
        ),
    )

    email_url: str | None = Field(
        None,
        repr=False,
        description=(
            "Mail server, so that users can reset a password that they have forgotten: "
            "`smtp://user:password@host:587` (STARTTLS), `smtps://…` (TLS), or `smtp+plain://host` "
            "(never encrypted, for a relay on this machine)."
        ),
    )
    email_from: str | None = Field(
        None, description="Sender of that mail, such as `filehub <filehub@example.com>`."
    )

    @field_validator("email_url", "email_from", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: str | None) -> str | None:
        return value or None

    @field_validator("email_url")
    @classmethod
    def _check_email_url(cls, value: str | None) -> str | None:
        mail.server_of(value)
        return value

    @field_validator("email_from")
    @classmethod
    def _check_sender(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("email_url"):
            raise ValueError("it is not set, but EMAIL_URL is")
        if value is not None and not mail.is_sender(value):
            raise ValueError("it is not an address such as filehub <filehub@example.com>")
        return value

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

    @field_validator("celery_broker_url")
    @classmethod
    def _check_broker_url(cls, value: str) -> str:
        if not _is_sqs(value):
            raise ValueError(_NOT_SQS)
        return value


def load() -> Env:
    """Read and validate Django's part of the environment.

    Raises InvalidEnvironment, which names the first missing or invalid variable but never contains
    a value that could be a secret.
    """
    files = _from_files(os.environ)
    fields: dict[str, Any] = {
        name: files[name.upper()] for name in Env.model_fields if name.upper() in files
    }
    try:
        result = Env(**fields)
    except ValidationError as exc:
        raise InvalidEnvironment(" ".join(explain(exc, _SECRETS))) from None
    for name in _BROKER_VARIABLES:
        if not _is_sqs(os.environ.get(name) or "sqs://"):
            raise InvalidEnvironment(f"{name} is wrong: {_NOT_SQS}.")
    return result


def load_app(environ: Mapping[str, str] = os.environ) -> Conf:
    """Read and validate the app's part of the environment.

    AWS_REGION takes precedence over AWS_DEFAULT_REGION, which boto3 reads itself. Raises
    InvalidEnvironment, as `load` does.
    """
    environ = {**environ, **_from_files(environ)}
    values = {key: environ[name] for name, key in APP_VARIABLES.items() if name in environ}
    try:
        return conf.validate(values)
    except InvalidSettings as exc:
        raise InvalidEnvironment(f"{_source(exc.key, environ)} {exc.problem}") from None
    except ImproperlyConfigured as exc:
        raise InvalidEnvironment(str(exc)) from None


def secrets(env: Env, app: Conf, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the values that no log line may contain: keys, tokens, and passwords in URLs."""
    values: list[str | None] = [env.django_secret_key, *env.django_secret_key_fallbacks]
    values += [app.metrics_token, app.oidc_client_secret]
    values += [environ.get(name) for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
    # Each URL was validated, or is not one.
    urls = (env.database_url, env.celery_broker_url, app.sign_rate_storage, env.email_url or "")
    for url in urls:
        password = urlsplit(url).password
        values += [password, unquote(password or "")]
    return [value for value in values if value]


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the variables that look like filehub settings but are not."""
    names = {*APP_VARIABLES, *map(str.upper, Env.model_fields)}
    known = {*names, *(name + _FILE for name in file_variables()), *_CLIENT_VARIABLES}
    return sorted(name for name in environ if name.startswith("FILEHUB_") and name not in known)


def file_variables() -> list[str]:
    """The variables whose value may be in a file. Names such as AWS_…_FILE belong to boto3."""
    names = [*map(str.upper, Env.model_fields), *APP_VARIABLES]
    return [name for name in names if not name.startswith("AWS_")]


def _from_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Read the variables whose files are named by NAME_FILE, without white space around them.

    Raises InvalidEnvironment, which never contains what is in a file.
    """
    values = {}
    for name in file_variables():
        path = environ.get(name + _FILE)
        if not path:
            continue
        if environ.get(name):
            raise InvalidEnvironment(f"{name} and {name + _FILE} are both set; unset one of them.")
        try:
            values[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not text in UTF-8"
            raise InvalidEnvironment(
                f"{name + _FILE} is wrong: {path!r} cannot be read: {reason}."
            ) from None
    return values


def _source(key: str, environ: Mapping[str, str]) -> str:
    """Describe where a setting's value comes from."""
    if key == "REGION" and "AWS_REGION" not in environ:
        return "The region that boto3 finds (AWS_DEFAULT_REGION, or the AWS profile)"
    return next(name for name, setting in APP_VARIABLES.items() if setting == key)
