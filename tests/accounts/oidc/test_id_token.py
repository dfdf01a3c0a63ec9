"""ID tokens: which are accepted, and why the others are not."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.oidc import KEYS, jwk, sign
from uploads.accounts.oidc.errors import CLOCK, INVALID_TOKEN, SignInFailed
from uploads.accounts.oidc.id_token import LEEWAY, Expected, UnknownKey, verify

ISSUER, CLIENT, NONCE = "https://login.example/tenant", "filehub", "nonce-of-this-sign-in"
EXPECTED = Expected(ISSUER, CLIENT, NONCE)
JWKS: dict[str, Any] = {"keys": [jwk("one"), jwk("two")]}
NOW = int(time.time())


@pytest.fixture(autouse=True)
def _clock_stands_still() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a valid token, with changes; `...` removes one."""
    valid = {
        "iss": ISSUER, "sub": "4711", "aud": CLIENT, "nonce": NONCE, "iat": NOW, "exp": NOW + 300,
    }  # fmt: skip
    return {name: value for name, value in (valid | changes).items() if value is not ...}


def segment(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def raw(payload: Any, header: Any = None, kid: str = "one") -> str:
    """A token with any header and payload, and a valid signature of a key."""
    header = segment({"alg": "ES256", "kid": kid} if header is None else header)
    message = f"{header}.{segment(payload)}"
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    signature = algorithm.sign(message.encode(), KEYS[kid])
    return f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _tampered() -> str:
    header, _, signature = sign(claims()).split(".")
    return f"{header}.{segment(claims(sub='4712'))}.{signature}"


def _with_public_key_as_secret() -> str:
    pem = KEYS["one"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    message = f"{segment({'alg': 'HS256', 'kid': 'one'})}.{segment(claims())}"
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        message.encode(), pem
    )
    return f"{message}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


ACCEPTED: dict[str, Callable[[], str]] = {
    "an ordinary one": lambda: sign(claims()),
    "of the other key": lambda: sign(claims(), "two"),
    "without the id of its key": lambda: raw(claims(), {"alg": "ES256"}, "two"),
    "that has just expired": lambda: sign(claims(exp=NOW - LEEWAY + 30)),
    "from a clock that is ahead": lambda: sign(claims(iat=NOW + LEEWAY - 30, nbf=NOW + 60)),
    "for a list of one client": lambda: sign(claims(aud=[CLIENT])),
    "for several clients, issued to this one": lambda: sign(claims(aud=["x", CLIENT], azp=CLIENT)),
    "with the longest subject": lambda: sign(claims(sub="x" * 255)),
    "with more claims": lambda: sign(claims(groups=["a"] * 1000, _claim_names={})),
}


@pytest.mark.parametrize("token", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_token_is_accepted(token: Callable[[], str]) -> None:
    assert verify(token(), JWKS, EXPECTED)["iss"] == ISSUER


REFUSED: dict[str, Callable[[], str]] = {
    "of another issuer": lambda: sign(claims(iss="https://login.example/other")),
    "of an issuer that begins the same": lambda: sign(claims(iss=f"{ISSUER}.evil.example")),
    "without an issuer": lambda: sign(claims(iss=...)),
    "for another client": lambda: sign(claims(aud="another")),
    "for a client whose name contains this one's": lambda: sign(claims(aud=f"{CLIENT}-admin")),
    "for nobody": lambda: sign(claims(aud=...)),
    "for an empty list": lambda: sign(claims(aud=[])),
    "for a number": lambda: raw(claims(aud=5)),
    "for several clients, issued to nobody": lambda: sign(claims(aud=["x", CLIENT])),
    "issued to another client": lambda: sign(claims(azp="another")),
    "issued to another of several clients": lambda: sign(claims(aud=["x", CLIENT], azp="x")),
    "of another sign-in": lambda: sign(claims(nonce="another")),
    "without a nonce": lambda: sign(claims(nonce=...)),
    "with an empty nonce": lambda: sign(claims(nonce="")),
    "with a list as nonce": lambda: raw(claims(nonce=[NONCE])),
    "without a subject": lambda: sign(claims(sub=...)),
    "with an empty subject": lambda: sign(claims(sub="")),
    "with a number as subject": lambda: raw(claims(sub=4711)),
    "with null as subject": lambda: raw(claims(sub=None)),
    "with a subject that is too long": lambda: sign(claims(sub="x" * 256)),
    "with NUL in the subject": lambda: sign(claims(sub="4711\0")),
    "with a bidirectional subject": lambda: sign(claims(sub="4711\u202e")),
    "with half a surrogate pair": lambda: raw(claims(sub="\ud800")),
    "without an expiry": lambda: sign(claims(exp=...)),
    "with text as expiry": lambda: raw(claims(exp="soon")),
    "with a list as expiry": lambda: raw(claims(exp=[NOW])),
    "without a time of issue": lambda: sign(claims(iat=...)),
    "with text as time of issue": lambda: raw(claims(iat="now")),
    "with infinity as time of issue": lambda: raw(json.dumps(claims()).replace(str(NOW), "1e999")),
    "that is not signed": lambda: raw(claims(), {"alg": "none"}).rpartition(".")[0] + ".",
    "that is not signed, in other letters": lambda: raw(claims(), {"alg": "nOnE"}),
    "whose algorithm is a list": lambda: raw(claims(), {"alg": ["ES256"]}),
    "without an algorithm": lambda: raw(claims(), {"kid": "one"}),
    "signed with the client's secret": lambda: jwt.encode(
        claims(), "s3cret" * 8, "HS256", {"kid": "one"}
    ),
    "signed with the public key as a secret": _with_public_key_as_secret,
    "with an extension that must be understood": lambda: raw(
        claims(), {"alg": "ES256", "kid": "one", "crit": ["x"], "x": 1}
    ),
    "with the same claim twice": lambda: raw(
        json.dumps(claims())[:-1] + ', "sub": "4712"}'
    ),
    "that is nested too deeply": lambda: raw("[" * 100_000 + "]" * 100_000),
    "with a header that is nested too deeply": lambda: raw(claims(), "[" * 10_000),
    "whose payload is a list": lambda: raw([1]),
    "whose payload is no JSON": lambda: raw("sub=4711"),
    "without a signature": lambda: ".".join(sign(claims()).split(".")[:2]),
    "with too many parts": lambda: sign(claims()) + ".x.y",
    "that is empty": lambda: "",
    "that is not base64": lambda: "§.§.§",
    "that is a web page": lambda: "<html>. . </html>",
}  # fmt: skip


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_a_token_is_refused(token: Callable[[], str]) -> None:
    with pytest.raises(SignInFailed) as caught:
        verify(token(), JWKS, EXPECTED)
    assert caught.value.problem is INVALID_TOKEN
    assert "4711" not in caught.value.detail


OUT_OF_TIME = {
    "expired": claims(exp=NOW - LEEWAY - 30),
    "expired long ago": claims(exp=1),
    "not valid yet": claims(nbf=NOW + LEEWAY + 30),
    "issued in the future": claims(iat=NOW + LEEWAY + 30),
}


@pytest.mark.parametrize("payload", OUT_OF_TIME.values(), ids=OUT_OF_TIME.keys())
def test_a_token_of_another_time_points_to_the_clocks(payload: dict[str, Any]) -> None:
    with pytest.raises(SignInFailed) as caught:
        verify(sign(payload), JWKS, EXPECTED)
    assert caught.value.problem is CLOCK


UNKNOWN: dict[str, Callable[[], str]] = {
    "changed after it was signed": _tampered,
    "of a stranger with the id of a known key": lambda: raw(
        claims(), {"alg": "ES256", "kid": "one"}, "stranger"
    ),
    "of a stranger": lambda: sign(claims(), "stranger"),
    "of a stranger without an id": lambda: raw(claims(), {"alg": "ES256"}, "stranger"),
    "of another algorithm than the key's": lambda: raw(claims(), {"alg": "ES384", "kid": "one"}),
    "with its own key in the header": lambda: raw(
        claims(), {"alg": "ES256", "kid": "stranger", "jwk": jwk("stranger")}, "stranger"
    ),
}


@pytest.mark.parametrize("token", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_token_that_no_key_has_signed_asks_for_new_keys(token: Callable[[], str]) -> None:
    with pytest.raises(UnknownKey):
        verify(token(), JWKS, EXPECTED)


UNUSABLE: dict[str, Any] = {
    "no key": ...,
    "a text": "key",
    "an unknown kind": {"kty": "future", "kid": "one"},
    "a secret": {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
    "a key for encryption": jwk("one", use="enc"),
    "a key of another curve": jwk("one", crv="P-999"),
    "a key without its numbers": {"kty": "EC", "kid": "one", "crv": "P-256"},
    "a number in place of text": {"kty": "EC", "kid": "one", "crv": "P-256", "x": 1, "y": 2},
}


@pytest.mark.parametrize("key", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_key_that_cannot_be_used_disturbs_no_other(key: Any) -> None:
    keys = [] if key is ... else [key]
    with pytest.raises(UnknownKey):
        verify(sign(claims()), {"keys": keys}, EXPECTED)
    assert verify(sign(claims()), {"keys": [*keys, jwk("one")]}, EXPECTED)


def test_other_kinds_of_keys_work_too() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    published = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key.public_key(), as_dict=True)
    for algorithm in ("RS256", "PS512"):
        token = jwt.encode(claims(), rsa_key, algorithm, {"kid": "rsa"})
        assert verify(token, {"keys": [{**published, "kid": "rsa"}]}, EXPECTED)
    edwards = ed25519.Ed25519PrivateKey.generate()
    published = jwt.algorithms.OKPAlgorithm.to_jwk(edwards.public_key(), as_dict=True)
    token = jwt.encode(claims(), edwards, "EdDSA", {"kid": "ed"})
    assert verify(token, {"keys": [{**published, "kid": "ed"}]}, EXPECTED)
