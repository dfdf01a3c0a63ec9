"""Values that are in files, such as the secrets of a container engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filehub import env
from tests.project.conftest import SECRET_KEY
from tests.project.test_env import error_of, value_of

pytestmark = pytest.mark.usefixtures("bare_environment")

KEY = "the-key-of-the-file-" + "0123456789" * 3
#: Variable, what its file contains, and the setting that follows.
FILES: list[tuple[str, str, Any]] = [
    ("DJANGO_SECRET_KEY", KEY, KEY),
    ("DJANGO_SECRET_KEY", f"{KEY}\n", KEY),
    ("DJANGO_SECRET_KEY", f"\r\n {KEY}\r\n", KEY),
    ("DJANGO_SECRET_KEY_FALLBACKS", "one,two\n", ("one", "two")),
    ("DJANGO_ALLOWED_HOSTS", "files.example.com", ("files.example.com",)),
    ("DJANGO_HTTPS", "1\n", True),
    ("DATABASE_URL", "postgres://u:p%40ss@h/d\n", "postgres://u:p%40ss@h/d"),
    ("FILEHUB_METRICS_TOKEN", "0123456789abcdef\n", "0123456789abcdef"),
    ("FILEHUB_SIGN_RATE_STORAGE", "memory://\n", "memory://"),
    ("FILEHUB_MAX_SIZE", "1000\n", 1000),
    ("FILEHUB_OIDC_CLIENT_SECRET", "s3cret/+=\n", "s3cret/+="),
]


def set_only(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Set a variable, and not the one that it stands for."""
    monkeypatch.delenv(name.removesuffix("_FILE"), raising=False)
    monkeypatch.setenv(name, value)


@pytest.mark.parametrize(("name", "content", "value"), FILES)
def test_a_value_is_read_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: str, value: Any
) -> None:
    path = tmp_path / "value"
    path.write_bytes(content.encode())
    set_only(monkeypatch, f"{name}_FILE", str(path))
    assert value_of(name) == value
    assert env.unknown_variables() == []


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("DJANGO_SECRET_KEY", None, "cannot be read: No such file or directory."),
        ("DJANGO_SECRET_KEY", b"\xff\xfe", "cannot be read: it is not text in UTF-8."),
        # What is in the file is as wrong as in the variable, and not repeated.
        ("DJANGO_SECRET_KEY", b"short-secret", "DJANGO_SECRET_KEY"),
        ("DJANGO_SECRET_KEY", b"", "DJANGO_SECRET_KEY"),
        ("DATABASE_URL", b"user:secret@host", "DATABASE_URL is wrong"),
        ("FILEHUB_METRICS_TOKEN", b"short-secret", "FILEHUB_METRICS_TOKEN"),
    ],
)
def test_a_wrong_file_is_explained_without_its_content(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    problem: str,
) -> None:
    path = tmp_path / "value"
    if content is not None:
        path.write_bytes(content)
    set_only(monkeypatch, f"{name}_FILE", str(path))
    error = error_of()
    assert problem in error
    assert "secret" not in error.replace("DJANGO_SECRET_KEY", "")


def test_a_directory_is_not_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_only(monkeypatch, "DATABASE_URL_FILE", str(tmp_path))
    assert "Is a directory" in error_of()


def test_a_variable_and_its_file_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY_FILE", "/run/secrets/key")
    assert error_of() == (
        "DJANGO_SECRET_KEY and DJANGO_SECRET_KEY_FILE are both set; unset one of them."
    )


def test_an_empty_name_of_a_file_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY_FILE", "")
    assert env.load().django_secret_key == SECRET_KEY


@pytest.mark.parametrize("name", ["AWS_REGION_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_files_of_aws_are_left_to_boto3(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/no/such/file")
    assert env.load_app().region == "us-east-1"


def test_a_misspelt_name_of_a_file_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILEHUB_METRIC_TOKEN_FILE", "/run/secrets/token")
    assert env.unknown_variables() == ["FILEHUB_METRIC_TOKEN_FILE"]
