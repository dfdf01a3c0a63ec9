"""settings.FILEHUB: keys, values, and the errors for invalid ones."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.files import store
from uploads.aws import clients, s3, sqs
from uploads.core.conf import KEYS, Conf, conf, rules
from uploads.core.errors import BackendUnavailable
from uploads.files import queries
from uploads.files.record import StoredFile


def test_a_project_that_sets_nothing_has_the_defaults(settings: Settings) -> None:
    del settings.FILEHUB
    assert (conf().bucket, conf().table, conf().url_expiry) == ("filehub-uploads", "files", 900)


def test_a_project_sets_python_values(settings: Settings) -> None:
    settings.FILEHUB = {"BUCKET": "my-files", "ALLOWED_TYPES": ["image/*"], "MAX_SIZE": 5}
    assert conf().bucket == "my-files"
    assert rules().allowed_types == ("image/*",)
    assert rules().max_size == 5


def test_every_setting_survives_a_round_trip() -> None:
    written = conf().model_dump(by_alias=True)
    assert set(written) == set(KEYS)
    assert Conf.model_validate(written) == conf()


WRONG: dict[str, tuple[Any, str]] = {
    "a misspelt key": ({"BUKET": "x"}, r"\['BUKET'\] is not a setting .*Did you mean 'BUCKET'\?"),
    "a key in lower case": ({"bucket": "abc"}, r"\['bucket'\] is not .*Did you mean 'BUCKET'\?"),
    "True for a number": ({"MAX_SIZE": True}, r"\['MAX_SIZE'\] is wrong: .*bool"),
    "False for a quota": ({"USER_QUOTA": False}, r"\['USER_QUOTA'\] is wrong: .*bool"),
    "bytes": ({"BUCKET": b"my-files"}, r"\['BUCKET'\] is wrong: .*bytes"),
    "a key with a lone surrogate": ({"BUCKET\ud800": 1}, r"is not a setting .*'BUCKET'"),
    "a storage with an invalid port": (
        {"SIGN_RATE_STORAGE": "redis://h:abc/0"},
        r"\['SIGN_RATE_STORAGE'\] is wrong: its host",
    ),
    "an unknown key": ({"XYZZY": 1}, r"\['XYZZY'\] is not a setting of filehub\.$"),
    "a key that is not text": ({5: 1}, r"\[5\] is not a setting of filehub\.$"),
    "a wrong value": ({"BUCKET": "Uploads"}, r"\['BUCKET'\] is wrong: .*'Uploads'"),
    "a wrong type": ({"MAX_SIZE": "5 GB"}, r"\['MAX_SIZE'\] is wrong: .*'5 GB'"),
    "a number of types": ({"ALLOWED_TYPES": 5}, r"\['ALLOWED_TYPES'\] is wrong: "),
    "no dict": (["BUCKET"], r"must be a dict"),
    "None": (None, r"must be a dict"),
}


@pytest.mark.parametrize(("values", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_an_invalid_setting_is_one_sentence_with_its_name(
    settings: Settings, values: Any, sentence: str
) -> None:
    settings.FILEHUB = values
    with pytest.raises(ImproperlyConfigured, match=sentence) as caught:
        conf()
    assert "\n" not in str(caught.value)
    (message,) = [message for message in run_checks() if str(message.id).startswith("filehub.")]
    assert (message.id, message.msg) == ("filehub.E003", str(caught.value))


SECRETS: dict[str, dict[str, str]] = {
    "a short token": {"METRICS_TOKEN": "hunter2"},
    "a Redis with an invalid port": {"SIGN_RATE_STORAGE": "redis://:hunter2@h:port/0"},
    "an unclosed bracket": {"SIGN_RATE_STORAGE": "redis://:hunter2@[::1"},
    "an endpoint with a password": {"ENDPOINT_URL": "http://u:hunter2@h"},
}


@pytest.mark.parametrize("values", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_never_quoted(settings: Settings, values: dict[str, str]) -> None:
    settings.FILEHUB = values
    with pytest.raises(ImproperlyConfigured) as caught:
        conf()
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_in_the_representation_of_the_settings(settings: Settings) -> None:
    settings.FILEHUB = {"METRICS_TOKEN": "hunter2" * 3, "SIGN_RATE_STORAGE": "redis://:hunter2@h/0"}
    assert "hunter2" not in repr(conf())


@pytest.mark.usefixtures("aws")
def test_nothing_is_frozen_when_the_app_is_imported(settings: Settings) -> None:
    """Names and endpoints always follow the current settings."""
    stored = store("7")
    before = settings.FILEHUB
    settings.FILEHUB = before | {"TABLE": "another-table"}
    assert StoredFile.Meta.table_name == "another-table"
    with pytest.raises(BackendUnavailable):
        queries.stored_file(stored, "7")
    settings.FILEHUB = before | {"ENDPOINT_URL": "http://127.0.0.1:9", "REGION": "eu-west-1"}
    assert clients.s3().meta.endpoint_url == "http://127.0.0.1:9"
    assert clients.sqs().meta.region_name == "eu-west-1"
    assert StoredFile._get_connection().connection.region == "eu-west-1"
    settings.FILEHUB = before
    assert s3.head(stored) is not None
    assert queries.stored_file(stored, "7").id == stored
    assert sqs.depth(conf().events_queue).total >= 0


def test_clients_are_made_once(aws: LocalAws) -> None:
    assert clients.s3() is clients.s3()
    assert clients.s3() is not clients.s3(clients.DIAGNOSIS)
