"""Address and token come from the caller, a file or the environment, and stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from filehub_client import Client, ConfigurationError
from filehub_client.config import Site, site

SECRET = "s3cret-token"


@pytest.mark.parametrize(
    ("arguments", "environment", "token"),
    [
        ({"token": "given"}, {"FILEHUB_TOKEN": "variable"}, "given"),
        ({"token": "given", "token_file": "FILE"}, {}, "given"),
        ({"token_file": "FILE"}, {"FILEHUB_TOKEN": "variable"}, "in-file"),
        ({}, {"FILEHUB_TOKEN": "variable", "FILEHUB_TOKEN_FILE": "FILE"}, "variable"),
        ({}, {"FILEHUB_TOKEN": "", "FILEHUB_TOKEN_FILE": "FILE"}, "in-file"),
        ({"token": ""}, {"FILEHUB_TOKEN": " variable\n"}, "variable"),
    ],
)
def test_the_token_comes_from_the_nearest_source(
    tmp_path: Path, arguments: dict[str, str], environment: dict[str, str], token: str
) -> None:
    (tmp_path / "file").write_text("in-file\r\n")

    def filled(values: dict[str, str]) -> dict[str, str]:
        return {k: str(tmp_path / "file") if v == "FILE" else v for k, v in values.items()}

    found = site("https://a.example", environment=filled(environment), **filled(arguments))
    assert found == Site("https://a.example", token)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/", "https://a.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://a.example/files//", "https://a.example/files"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_may_have_a_port_and_a_path(url: str, expected: str) -> None:
    assert site(url, SECRET).url == expected


@pytest.mark.parametrize(
    "url",
    [
        "a.example", "ftp://a.example", "https://", "https:///files", "https://user:pw@a.example",
        "https://user@a.example", "https://a.example?x=1", "https://a.example/#x", "//a.example",
        "https://a.example:port", "https://a.example:99999", "https://[::1", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_a_malformed_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        site(url, SECRET)
    assert "pw" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("token", [f"{SECRET} x", f"{SECRET}\nX: y", f"{SECRET}\x00", f"{SECRET}ä"])
def test_a_malformed_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        site("https://a.example", token)
    assert SECRET not in f"{caught.value}{caught.value!r}"


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, "missing_url"),
        ({"FILEHUB_URL": "https://a.example"}, "missing_token"),
        ({"FILEHUB_URL": "https://a.example", "FILEHUB_TOKEN": " \n"}, "missing_token"),
        ({"FILEHUB_URL": "https://a.example", "FILEHUB_TOKEN_FILE": "/no/such"},
         "invalid_configuration"),
        ({"FILEHUB_URL": "https://a.example", "FILEHUB_TOKEN_FILE": "/"}, "invalid_configuration"),
        ({"FILEHUB_URL": "https://a.example", "FILEHUB_TOKEN_FILE": "/dev/null"}, "missing_token"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(environment: dict[str, str], code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        site(environment=environment)
    assert caught.value.code == code


def test_no_representation_shows_the_token() -> None:
    with Client("https://a.example", token=SECRET) as client:
        flows = client._flows
        shown = f"{client!r}{vars(client)!r}{flows!r}{vars(flows)!r}{vars(flows.api)!r}"
    assert SECRET not in shown
