"""A provider of single sign-on that can misbehave in every way, in a thread of the tests.

The well-behaved one of the browser tests is a process of its own (tests/support/sso.py).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

CLIENT_ID = "filehub at example.com"
SECRET = "s3cret:with/odd+characters %"
#: Faster to make than an RSA key.
KEYS = {kid: ec.generate_private_key(ec.SECP256R1()) for kid in ("one", "two", "stranger")}

#: Writes a response: status, body, content type.
Response = tuple[int, bytes]


def jwk(kid: str, /, **changes: Any) -> dict[str, Any]:
    """The public part of a key as providers publish it."""
    public = jwt.algorithms.ECAlgorithm.to_jwk(KEYS[kid].public_key(), as_dict=True)
    return {**public, "kid": kid, "use": "sig", "alg": "ES256"} | changes


def sign(claims: Mapping[str, Any], kid: str = "one", /, **header: Any) -> str:
    return jwt.encode(dict(claims), KEYS[kid], "ES256", {"kid": kid, **header})


@dataclass
class FakeProvider:
    """What it says can be changed by each test."""

    url: str
    #: Of the user who signs in next.
    claims: dict[str, Any] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    published: list[dict[str, Any]] = field(default_factory=lambda: [jwk("one")])
    sign: Callable[[Mapping[str, Any]], str] = sign
    #: Path -> what to do instead.
    faults: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def reset(self) -> None:
        """Forget what a test has changed."""
        vars(self).update(vars(FakeProvider(self.url)))

    def settings(self, **more: Any) -> dict[str, Any]:
        """The settings of filehub for this provider."""
        client = {"OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": SECRET}
        return {"OIDC_ISSUER": self.url, **client, **more}

    def approve(self, location: str) -> dict[str, str]:
        """What a user's browser brings back after it was sent to `location`: code and state."""
        assert location.startswith(f"{self.url}/authorize?"), location
        query = dict(parse_qsl(urlsplit(location).query))
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    def respond(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> Response:
        path = urlsplit(handler.path).path
        if path == "/.well-known/openid-configuration":
            return _json({**self._addresses(), **self.metadata})
        if path == "/keys":
            return _json({"keys": self.published})
        if path == "/token":
            return self._redeem(handler, form)
        if path == "/userinfo":
            assert handler.headers["Authorization"] == "Bearer the-access-token"
            return _json({"sub": self.claims.get("sub"), **self.user_info})
        return 404, b""

    def _addresses(self) -> dict[str, str]:
        names = {
            "authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys",
            "userinfo_endpoint": "userinfo", "end_session_endpoint": "logout",
        }  # fmt: skip
        return {"issuer": self.url} | {name: f"{self.url}/{path}" for name, path in names.items()}

    def _redeem(self, handler: BaseHTTPRequestHandler, form: dict[str, str]) -> Response:
        query = self._codes.pop(form["code"], None)
        if query is None:
            return _json({"error": "invalid_grant", "error_description": "<b>used</b>"}, 400)
        if self._client(handler, form) != (CLIENT_ID, SECRET):
            return _json({"error": "invalid_client"}, 401)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert query["code_challenge_method"] == "S256"
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query["code_challenge"]
        assert form["redirect_uri"] == query["redirect_uri"]
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": query["client_id"], "iat": now, "exp": now + 300,
            "nonce": query["nonce"], **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not ...}
        token = {"access_token": "the-access-token", "token_type": "Bearer"}
        return _json({**token, "id_token": self.sign(claims)})

    @staticmethod
    def _client(handler: BaseHTTPRequestHandler, form: dict[str, str]) -> tuple[str, str]:
        scheme, _, value = handler.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return form.get("client_id", ""), form.get("client_secret", "")
        name, _, secret = base64.b64decode(value).decode().partition(":")
        return unquote_plus(name), unquote_plus(secret)


def _json(body: Any, status: int = 200) -> Response:
    return status, json.dumps(body).encode()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    """A fault: another response."""
    return lambda handler: send(handler, status, body, **headers)


@contextmanager
def fake_provider() -> Iterator[FakeProvider]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            path = urlsplit(self.path).path
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            provider.requests.append((self.command, path))
            if fault := provider.faults.get(path):
                fault(self)
                return
            form = {name: values[0] for name, values in parse_qs(body).items()}
            send(self, *provider.respond(self, form))

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider = FakeProvider(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sign_in(client: Client, provider: FakeProvider, next_page: str = "/account/") -> Any:
    """Sign in as a browser does; return the last response, that of filehub's callback."""
    begun = client.get("/accounts/sso/", {"next": next_page})
    assert begun.status_code == 302, begun.content
    return client.get("/accounts/sso/callback", provider.approve(begun["Location"]))
