"""What the provider says about itself: its addresses and its keys, kept in memory for an hour."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from uploads.accounts.oidc import http
from uploads.accounts.oidc.errors import SETUP, UNAVAILABLE, SignInFailed
from uploads.core.setting_values import is_local

#: Seconds.
MAX_AGE = 3600


@dataclass(frozen=True)
class Metadata:
    """The part of the provider's discovery document that filehub uses.

    https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    #: Whether the client's secret is sent in the form instead of the header.
    secret_in_form: bool


def parse(body: Mapping[str, Any], issuer: str) -> Metadata:
    """Validate a discovery document. A slash at the end of the issuer makes no difference.

    Raises SignInFailed(SETUP) if it is that of another issuer, or lacks an address.
    """
    claimed = body.get("issuer")
    if not isinstance(claimed, str) or claimed.rstrip("/") != issuer.rstrip("/"):
        raise SignInFailed(SETUP, f"the provider names itself {claimed!r:.200}, not {issuer!r}")
    methods = body.get("token_endpoint_auth_methods_supported")
    return Metadata(
        issuer=claimed,
        authorization_endpoint=_required(body, "authorization_endpoint"),
        token_endpoint=_required(body, "token_endpoint"),
        jwks_uri=_required(body, "jwks_uri"),
        userinfo_endpoint=_address(body, "userinfo_endpoint"),
        end_session_endpoint=_address(body, "end_session_endpoint"),
        # Preferred, because some providers do not decode the other form as RFC 6749 says. A
        # document without this list means the header.
        secret_in_form=isinstance(methods, list) and "client_secret_post" in methods,
    )


def _required(body: Mapping[str, Any], name: str) -> str:
    address = _address(body, name)
    if address is None:
        raise SignInFailed(SETUP, f"the provider's discovery document has no {name}")
    return address


def _address(body: Mapping[str, Any], name: str) -> str | None:
    """Return an address of the provider. Only a provider on this machine may use HTTP."""
    value = body.get(name)
    if value is None:
        return None
    try:
        url = urlsplit(value if isinstance(value, str) and value.isprintable() else "")
    except ValueError:
        url = urlsplit("")
    host = url.hostname or ""
    if (
        not host
        or url.fragment
        or not (url.scheme == "https" or _is_plain_and_local(url.scheme, host))
    ):
        raise SignInFailed(SETUP, f"{name} of the provider is {value!r:.200}, not an https:// URL")
    return str(value)


def _is_plain_and_local(scheme: str, host: str) -> bool:
    return scheme == "http" and is_local(host)


class Provider:
    """A provider, by its issuer. Several threads share it."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, Mapping[str, Any]] | None = None

    @property
    def name(self) -> str:
        """The issuer as accounts store it, whether it is configured with a slash or without."""
        return self.issuer.rstrip("/")

    def metadata(self, deadline: float) -> Metadata:
        """Return its addresses. Raises SignInFailed."""
        if self._metadata is None or _is_old(self._metadata[0]):
            url = f"{self.name}/.well-known/openid-configuration"
            answer = http.send("GET", url, deadline)
            if answer.status != 200:
                raise SignInFailed(SETUP, f"{url}: status {answer.status}")
            if not answer.body:
                raise SignInFailed(UNAVAILABLE, f"{url}: the response is not a JSON object")
            self._metadata = time.monotonic(), parse(answer.body, self.issuer)
        return self._metadata[1]

    def keys(self, deadline: float, *, fresh: bool = False) -> Mapping[str, Any]:
        """Return its set of keys (JWKS), from the provider itself if `fresh`.

        Raises SignInFailed.
        """
        if fresh or self._keys is None or _is_old(self._keys[0]):
            url = self.metadata(deadline).jwks_uri
            answer = http.send("GET", url, deadline)
            if answer.status != 200 or not isinstance(answer.body.get("keys"), list):
                raise SignInFailed(UNAVAILABLE, f"{url}: the response is not a set of keys")
            self._keys = time.monotonic(), answer.body
        return self._keys[1]


def _is_old(read_at: float) -> bool:
    return time.monotonic() - read_at > MAX_AGE


@lru_cache(maxsize=1)
def provider_of(issuer: str) -> Provider:
    """Return the provider with this issuer, with what this process knows of it already."""
    return Provider(issuer)
