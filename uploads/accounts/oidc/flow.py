"""The authorization code flow, with state, nonce and PKCE: what is sent to the provider and when.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth
https://www.rfc-editor.org/rfc/rfc7636
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from uploads.accounts.oidc import http, id_token
from uploads.accounts.oidc.errors import EXPIRED, INVALID_TOKEN, SETUP, UNAVAILABLE, SignInFailed
from uploads.accounts.oidc.provider import Metadata, Provider, provider_of
from uploads.core.conf import conf

logger = logging.getLogger(__name__)

#: Characters. A longer ID token is not sent back to the provider when the user signs out, because
#: servers refuse addresses of such length.
MAX_HINT = 4096


@dataclass(frozen=True)
class Attempt:
    """The secrets of one sign-in, which stay in the browser in which it began."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @staticmethod
    def new() -> Attempt:
        return Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True)
class SignedIn:
    """A user whom the provider has signed in: the claims, and the ID token for signing out."""

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)
    id_token: str = field(repr=False)


def provider() -> Provider:
    """Return the provider that the settings name. Raises SignInFailed without one."""
    issuer = conf().oidc_issuer
    if issuer is None:
        raise SignInFailed(SETUP, "FILEHUB_OIDC_ISSUER is not set")
    return provider_of(issuer)


def sign_in_url(attempt: Attempt, redirect_uri: str) -> str:
    """Return the address of the provider's sign-in page. Raises SignInFailed."""
    metadata = http.within_limit(provider().metadata)
    digest = hashlib.sha256(attempt.verifier.encode()).digest()
    return _with_query(
        metadata.authorization_endpoint,
        response_type="code",
        client_id=_client_id(),
        redirect_uri=redirect_uri,
        scope=conf().oidc_scopes,
        state=attempt.state,
        nonce=attempt.nonce,
        code_challenge=base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        code_challenge_method="S256",
    )


def finish(attempt: Attempt, code: str, redirect_uri: str) -> SignedIn:
    """Exchange the code for the user's claims. Raises SignInFailed."""
    source = provider()

    def call(deadline: float) -> SignedIn:
        metadata = source.metadata(deadline)
        tokens = _redeem(metadata, attempt, code, redirect_uri, deadline)
        token = tokens["id_token"]
        claims = _verified(source, token, attempt.nonce, deadline)
        details = _user_info(metadata, tokens.get("access_token"), claims["sub"], deadline)
        return SignedIn(source.name, claims["sub"], {**details, **claims}, token)

    return http.within_limit(call)


def sign_out_url(id_token_hint: str | None, back_to: str) -> str | None:
    """Return the address at which the provider signs the user out too; None if it has none.

    Raises SignInFailed. https://openid.net/specs/openid-connect-rpinitiated-1_0.html
    """
    endpoint = http.within_limit(provider().metadata).end_session_endpoint
    if endpoint is None:
        return None
    parameters = {"client_id": _client_id(), "post_logout_redirect_uri": back_to}
    if id_token_hint:
        parameters["id_token_hint"] = id_token_hint
    return _with_query(endpoint, **parameters)


def _client_id() -> str:
    return conf().oidc_client_id or ""


def _with_query(url: str, **parameters: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def _redeem(
    metadata: Metadata, attempt: Attempt, code: str, redirect_uri: str, deadline: float
) -> Mapping[str, Any]:
    """Return the token response, which has an `id_token`. Raises SignInFailed."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": attempt.verifier,
    }
    headers = {}
    client_id, secret = _client_id(), conf().oidc_client_secret
    if secret and not metadata.secret_in_form:
        # Encoded as forms are, before base64: RFC 6749, section 2.3.1.
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    else:
        form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    answer = http.send("POST", metadata.token_endpoint, deadline, data=form, headers=headers)
    if answer.status == 200 and isinstance(answer.body.get("id_token"), str):
        return answer.body
    raise _refusal(answer)


def _refusal(answer: http.Answer) -> SignInFailed:
    """Explain why there is no ID token. The provider's own description is not repeated."""
    error = answer.body.get("error")
    if error == "invalid_grant":
        return SignInFailed(EXPIRED, "the provider no longer accepts the code (invalid_grant)")
    if not answer.body:
        return SignInFailed(UNAVAILABLE, f"status {answer.status} without JSON for the code")
    if answer.status == 200:
        return SignInFailed(INVALID_TOKEN, "the token response has no ID token")
    return SignInFailed(SETUP, f"the provider refused the code: {error!r:.80}")


def _verified(source: Provider, token: str, nonce: str, deadline: float) -> Mapping[str, Any]:
    """Verify the ID token; if no known key has signed it, with the provider's present keys."""
    expected = id_token.Expected(source.metadata(deadline).issuer, _client_id(), nonce)
    try:
        return id_token.verify(token, source.keys(deadline), expected)
    except id_token.UnknownKey:
        pass
    try:
        return id_token.verify(token, source.keys(deadline, fresh=True), expected)
    except id_token.UnknownKey:
        raise SignInFailed(INVALID_TOKEN, "none of the provider's keys has signed it") from None


def _user_info(
    metadata: Metadata, access_token: object, subject: str, deadline: float
) -> Mapping[str, Any]:
    """Return what the provider says about the user beside the ID token; nothing if that fails.

    Many providers put all claims into the ID token and refuse this request for some clients. What
    is missing then grants nothing.
    """
    if metadata.userinfo_endpoint is None or not isinstance(access_token, str):
        return {}
    if not (access_token.isascii() and access_token.isprintable()):
        return {}
    headers = {"Authorization": f"Bearer {access_token}"}
    answer = http.send("GET", metadata.userinfo_endpoint, deadline, headers=headers)
    if answer.status != 200 or not answer.body:
        logger.warning("sign-in: the provider has no user info: status %s", answer.status)
        return {}
    if answer.body.get("sub") != subject:
        raise SignInFailed(INVALID_TOKEN, "the user info is that of another user")
    return answer.body
