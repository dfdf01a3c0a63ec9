"""A provider for each test, and filehub with its settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from tests.support.oidc import FakeProvider, fake_provider
from uploads.accounts.oidc.flow import SignedIn
from uploads.accounts.oidc.provider import provider_of


@pytest.fixture(scope="session")
def _fake_provider() -> Iterator[FakeProvider]:
    with fake_provider() as provider:
        yield provider


@pytest.fixture
def provider(_fake_provider: FakeProvider, settings: Settings) -> FakeProvider:
    """A provider that knows one user, with filehub set up for it."""
    _fake_provider.reset()
    _fake_provider.claims = {"sub": "4711", "preferred_username": "ada"}
    settings.FILEHUB = settings.FILEHUB | _fake_provider.settings()
    provider_of.cache_clear()
    return _fake_provider


@pytest.fixture
def configure(settings: Settings) -> Callable[..., None]:
    """Change settings of filehub."""

    def change(**values: Any) -> None:
        settings.FILEHUB = settings.FILEHUB | values

    return change


def person(issuer: str = "https://login.example", sub: str = "4711", **claims: Any) -> SignedIn:
    """A user whom the provider has signed in."""
    return SignedIn(issuer, sub, {"sub": sub, **claims}, "id-token")
