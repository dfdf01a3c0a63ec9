"""The settings of sign-in: what is refused at start, with which sentence."""

from __future__ import annotations

from typing import Any

import pytest

from uploads.core.conf import InvalidSettings, validate

ISSUER = {"OIDC_ISSUER": "https://login.example/realms/x", "OIDC_CLIENT_ID": "filehub"}

VALID: dict[str, dict[str, Any]] = {
    "nothing": {},
    "all empty": {
        "OIDC_ISSUER": "", "OIDC_CLIENT_ID": "", "OIDC_CLIENT_SECRET": "", "OIDC_SCOPES": "",
        "OIDC_STAFF": "", "OIDC_SESSION_HOURS": "", "LOCAL_ACCOUNTS": "", "OIDC_BUTTON": "",
    },
    "a provider": ISSUER,
    "with a slash": {**ISSUER, "OIDC_ISSUER": "https://tenant.auth0.example/"},
    "on this machine": {**ISSUER, "OIDC_ISSUER": "http://localhost:8080/realms/x"},
    "with a port": {**ISSUER, "OIDC_ISSUER": "https://login.example:8443"},
    "no passwords": {**ISSUER, "LOCAL_ACCOUNTS": "off"},
    "more scopes": {"OIDC_SCOPES": "openid  profile email groups"},
    "pairs": {"OIDC_GROUPS": "a=b, cn=x=c", "OIDC_REQUIRED": "hd=example.com"},
}  # fmt: skip

INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "HTTP": ({**ISSUER, "OIDC_ISSUER": "http://login.example"}, "OIDC_ISSUER"),
    "a host that begins as this machine": (
        {**ISSUER, "OIDC_ISSUER": "http://localhost.evil.example"}, "OIDC_ISSUER",
    ),
    "a password": ({**ISSUER, "OIDC_ISSUER": "https://u:hunter2@login.example"}, "OIDC_ISSUER"),
    "a query": ({**ISSUER, "OIDC_ISSUER": "https://login.example/?hunter2"}, "OIDC_ISSUER"),
    "no URL": ({**ISSUER, "OIDC_ISSUER": "login.example"}, "OIDC_ISSUER"),
    "a script": ({**ISSUER, "OIDC_ISSUER": "javascript://login.example"}, "OIDC_ISSUER"),
    "no client": ({"OIDC_ISSUER": ISSUER["OIDC_ISSUER"]}, "OIDC_CLIENT_ID"),
    "an empty client": ({**ISSUER, "OIDC_CLIENT_ID": ""}, "OIDC_CLIENT_ID"),
    "a secret that is no text": ({**ISSUER, "OIDC_CLIENT_SECRET": ["hunter2"]}, "CLIENT_SECRET"),
    "no openid": ({"OIDC_SCOPES": "profile email"}, "OIDC_SCOPES"),
    "a pair without =": ({"OIDC_GROUPS": "admins"}, "OIDC_GROUPS"),
    "a pair without a group": ({"OIDC_GROUPS": "admins="}, "OIDC_GROUPS"),
    "a pair without a claim": ({"OIDC_REQUIRED": "=x"}, "OIDC_REQUIRED"),
    "no hours": ({"OIDC_SESSION_HOURS": "0"}, "OIDC_SESSION_HOURS"),
    "a month": ({"OIDC_SESSION_HOURS": "720"}, "OIDC_SESSION_HOURS"),
    "nobody can sign in": ({"LOCAL_ACCOUNTS": "off"}, "LOCAL_ACCOUNTS"),
    "neither on nor off": ({"LOCAL_ACCOUNTS": "perhaps"}, "LOCAL_ACCOUNTS"),
    "a long button": ({"OIDC_BUTTON": "x" * 61}, "OIDC_BUTTON"),
}  # fmt: skip


@pytest.mark.parametrize("values", VALID.values(), ids=VALID.keys())
def test_what_makes_sense_is_accepted(values: dict[str, Any]) -> None:
    found = validate(values)
    assert found.has_single_sign_on is bool(values.get("OIDC_ISSUER"))
    assert found.oidc_session_hours == 24
    assert validate(found.model_dump(by_alias=True)) == found


@pytest.mark.parametrize(("values", "key"), INVALID.values(), ids=INVALID.keys())
def test_what_makes_no_sense_is_one_sentence(values: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        validate(values)
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_secret_is_not_in_the_representation() -> None:
    assert "hunter2" not in repr(validate({**ISSUER, "OIDC_CLIENT_SECRET": "hunter2"}))
