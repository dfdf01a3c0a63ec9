"""doctor and the system checks about single sign-on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from filehub import checks
from tests.support.oidc import FakeProvider, answer
from uploads.core.conf import conf
from uploads.core.sign_in_conf import NO_MAIL
from uploads.operations.checks import check_single_sign_on
from uploads.operations.doctor import single_sign_on


def findings() -> list[tuple[str, str]]:
    return [(finding.level, finding.text) for finding in single_sign_on.inspect()]


def test_doctor_says_that_the_provider_responds(provider: FakeProvider) -> None:
    assert findings() == [("ok", f"{provider.url} responds, and its keys can be read.")]


@pytest.mark.parametrize(
    ("change", "text", "fix"),
    [
        ({"faults": {"/keys": answer(503)}}, "status 503", "network"),
        ({"metadata": {"issuer": "https://evil.example"}}, "names itself", "FILEHUB_OIDC_ISSUER"),
    ],
)
def test_doctor_says_what_is_wrong_with_the_provider(
    provider: FakeProvider, change: dict[str, Any], text: str, fix: str
) -> None:
    vars(provider).update(change)
    (finding,) = single_sign_on.inspect()
    assert finding.level == "FAIL"
    assert text in finding.text
    assert fix in finding.fix


def test_doctor_is_silent_without_a_provider() -> None:
    assert not conf().has_single_sign_on
    assert findings() == []


def ids() -> set[str]:
    messages = [*check_single_sign_on(), *checks.production()]
    return {str(message.id) for message in messages} & {f"filehub.W03{n}" for n in range(1, 7)}


@pytest.fixture
def _complete(configure: Callable[..., None], settings: Settings) -> None:
    configure(
        OIDC_ISSUER="https://login.example", OIDC_CLIENT_ID="filehub", OIDC_CLIENT_SECRET="secret"
    )
    settings.SECURE_SSL_REDIRECT = True


WARNINGS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "nothing missing": ({}, {}, set()),
    "no mail": ({}, {"EMAIL_BACKEND": NO_MAIL}, {"filehub.W031"}),
    "no mail, and no passwords": (
        {"LOCAL_ACCOUNTS": "off", "OIDC_STAFF": "a"}, {"EMAIL_BACKEND": NO_MAIL}, set(),
    ),
    "mail that others can read": ({}, {"EMAIL_HOST": "mail.example"}, {"filehub.W032"}),
    "mail with TLS": ({}, {"EMAIL_HOST": "mail.example", "EMAIL_USE_TLS": True}, set()),
    "no HTTPS": ({}, {"SECURE_SSL_REDIRECT": False}, {"filehub.W033"}),
    "no secret": ({"OIDC_CLIENT_SECRET": ""}, {}, {"filehub.W034"}),
    "a provider for everybody": (
        {"OIDC_ISSUER": "https://accounts.google.com"}, {}, {"filehub.W035"},
    ),
    "a provider for everybody, with a condition": (
        {"OIDC_ISSUER": "https://accounts.google.com", "OIDC_REQUIRED": "hd=example.com"}, {},
        set(),
    ),
    "nobody becomes staff": ({"LOCAL_ACCOUNTS": "off"}, {}, {"filehub.W036"}),
    "no single sign-on": (
        {"OIDC_ISSUER": "", "OIDC_CLIENT_SECRET": ""}, {"SECURE_SSL_REDIRECT": False}, set(),
    ),
}  # fmt: skip


@pytest.mark.usefixtures("_complete")
@pytest.mark.parametrize(("values", "django", "expected"), WARNINGS.values(), ids=WARNINGS.keys())
def test_what_is_incomplete_is_a_warning(
    configure: Callable[..., None],
    settings: Settings,
    values: dict[str, Any],
    django: dict[str, Any],
    expected: set[str],
) -> None:
    configure(**values)
    for name, value in django.items():
        setattr(settings, name, value)
    assert ids() == expected
