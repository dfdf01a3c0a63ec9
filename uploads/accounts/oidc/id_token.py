"""Verify ID tokens (pure).

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.utils import base64url_decode

from uploads.accounts.oidc.errors import CLOCK, INVALID_TOKEN, SignInFailed
from uploads.core.strict_json import parse_json

#: With these, only the provider can sign. `none` and the HMAC algorithms are not among them.
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
#: Seconds by which the clocks of filehub and of the provider may differ.
LEEWAY = 120
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
_MAX_SUBJECT = 255


@dataclass(frozen=True)
class Expected:
    """What a token must say. The nonce ties it to the browser in which the sign-in began."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)


class UnknownKey(Exception):
    """None of the provider's keys has signed the token. It may have new ones."""


def verify(token: str, keys: Mapping[str, Any], expected: Expected) -> Mapping[str, Any]:
    """Return the claims of a token that one of the keys (a JWKS) has signed.

    Raises UnknownKey, and SignInFailed with CLOCK for a token that is not valid at this time, and
    INVALID_TOKEN for any other fault.
    """
    header = _parse(token)
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise SignInFailed(INVALID_TOKEN, f"algorithm {algorithm!r:.40}")
    for key in _candidates(keys, header, str(algorithm)):
        try:
            claims = _decode(token, key, expected)
        except jwt.InvalidSignatureError:
            continue
        _check(claims, expected)
        return claims
    raise UnknownKey


def is_subject(text: str) -> bool:
    """Whether a text can be the claim `sub`."""
    return 0 < len(text) <= _MAX_SUBJECT and text.isascii() and text.isprintable()


def _parse(token: str) -> Mapping[str, Any]:
    """Return the header of a token, of which header and payload are strict JSON objects."""
    try:
        parts = [parse_json(base64url_decode(part)) for part in token.split(".")[:2]]
    except ValueError:
        raise SignInFailed(INVALID_TOKEN, "it is not a JWT") from None
    match parts:
        case [dict() as header, dict()]:
            return header
        case _:
            raise SignInFailed(INVALID_TOKEN, "it is not a JWT")


def _candidates(
    keys: Mapping[str, Any], header: Mapping[str, Any], algorithm: str
) -> Iterator[jwt.PyJWK]:
    """The keys that may have signed: those that the header names, or all if it names none."""
    for key in keys.get("keys", ()):
        if not isinstance(key, dict) or key.get("use", "sig") != "sig":
            continue
        if "kid" in header and key.get("kid") != header["kid"]:
            continue
        if key.get("alg", algorithm) != algorithm:
            continue
        try:
            yield jwt.PyJWK(key, algorithm)
        except (jwt.PyJWTError, ValueError, TypeError):  # a key of another kind
            continue


def _decode(token: str, key: jwt.PyJWK, expected: Expected) -> Mapping[str, Any]:
    """Raises jwt.InvalidSignatureError and SignInFailed."""
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=expected.client_id,
            issuer=expected.issuer,
            leeway=LEEWAY,
            options={"require": _REQUIRED},
        )
        return claims
    except jwt.InvalidSignatureError:
        raise
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError) as exc:
        raise SignInFailed(CLOCK, str(exc)) from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as exc:
        raise SignInFailed(INVALID_TOKEN, f"{type(exc).__name__}: {exc}"[:200]) from None


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    """Check what PyJWT does not know. Raises SignInFailed."""
    if claims.get("nonce") != expected.nonce:
        raise SignInFailed(INVALID_TOKEN, "the nonce is that of another sign-in")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp", None if len(audiences) > 1 else expected.client_id)
    if party != expected.client_id:
        raise SignInFailed(INVALID_TOKEN, "it was issued to another client (azp)")
    if not is_subject(claims["sub"]):
        raise SignInFailed(INVALID_TOKEN, "the subject is empty, too long or not ASCII")
