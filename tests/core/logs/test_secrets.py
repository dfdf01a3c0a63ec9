"""Secrets never appear in a log line, wherever in a record they are."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.core import signing

from uploads.core.logs.lines import LineFormatter
from uploads.core.logs.secrets import HIDDEN, Redactor
from uploads.models import ApiToken, WebhookEndpoint

#: What must not appear. No rule knows it: only what is around it, or its place.
SECRET = "Wq7-x2Zp_L9vT4"
#: A secret of the settings, which no rule would recognize.
KEY = "a plain sentence & more: $/+="
#: Another one, which looks different in JSON and in Python.
QUOTED = 'it is "quoted" with \\ in it'

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"
SIGNED = signing.dumps({"id": 1}, key="k" * 40, salt="s")
URL = (
    "https://b.s3.amazonaws.com/uploads/1/x?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential=AKIA%2F20260101&X-Amz-Date=20260101T000000Z&X-Amz-Signature={SECRET}"
)

TEXTS = {
    "a presigned URL": URL,
    "one in another URL": f"GET /redirect?to={quote(URL, safe='')}",
    "one that is encoded twice": quote(quote(URL, safe=""), safe=""),
    "one with the parameter first": f"https://b/x?X-Amz-Signature={SECRET}&X-Amz-Date=1",
    "one in lower case": URL.lower().replace(SECRET.lower(), SECRET),
    "one of the old signature": f"https://b/x?AWSAccessKeyId=AK&Signature={SECRET}&Expires=1",
    "temporary credentials in a URL": f"https://b/x?X-Amz-Security-Token={SECRET}&X-Amz-Date=1",
    "one in HTML": f'<a href="https://b/x?a=1&amp;X-Amz-Signature={SECRET}">',
    "one in JSON": json.dumps({"url": URL}),
    "one in JSON in JSON": json.dumps(json.dumps({"url": URL})),
    "one in a list in Python": repr([URL, "x"]),
    "a bearer token": f"Authorization: Bearer {SECRET}",
    "one in lower case without its header": f"got bearer {SECRET} from 10.0.0.1",
    "basic authentication": f"authorization: Basic {SECRET}==",
    "a signature of AWS in a header": (
        f"Authorization: AWS4-HMAC-SHA256 Credential=AK/x, SignedHeaders=host, Signature={SECRET}"
    ),
    "headers in Python": repr({"Authorization": f"Bearer {SECRET}", "Accept": "*/*"}),
    "headers as tuples": repr([("Authorization", f"Bearer {SECRET}"), ("Accept", "*/*")]),
    "headers as bytes": repr([(b"cookie", f"a=1; b={SECRET}".encode())]),
    "WSGI's variables": repr({"HTTP_COOKIE": f"x=1; y={SECRET}", "PATH": "/"}),
    "a cookie": f"Cookie: theme=dark; sessionid={SECRET}; csrftoken=x",
    "a cookie with an unknown name": f"Cookie: theme=dark; other={SECRET}",
    "a cookie that is set": f"Set-Cookie: sessionid={SECRET}; HttpOnly; Path=/",
    "a session's cookie alone": f"sessionid={SECRET}",
    "a CSRF token": f"csrfmiddlewaretoken={SECRET}&username=alice",
    "a password in a form": f"username=alice&password={SECRET}&next=/",
    "a password in JSON": json.dumps({"user": "alice", "password": SECRET}),
    "a password in JSON in Python": repr(json.dumps({"password": SECRET})),
    "a password in Python": repr({"password": SECRET, "user": "alice"}),
    "a password with spaces in Python": repr({"password": f"my own {SECRET}"}),
    "a password with quotes in Python": repr({"password": f"it's \"{SECRET}"}),
    "a password as bytes": repr({"password": SECRET.encode()}),
    "a password in a keyword": f"connect(host='db', password={SECRET!r})",
    "a password in a dataclass": f"Login(name='alice', password='{SECRET}')",
    "new passwords": f"new_password1={SECRET}&new_password2={SECRET}",
    "a password in a sentence": f"the password: {SECRET}",
    "a password in YAML": f"passwd: {SECRET}",
    "a passphrase": f"passphrase={SECRET}",
    "PostgreSQL's own form": f"host=db user=filehub password={SECRET} dbname=filehub",
    "the URL of a database": f"postgres://filehub:{SECRET}@db.example/filehub",
    "one with a slash in the password": f"postgres://filehub:{SECRET}/x@db.example/filehub",
    "one without a user": f"redis://:{SECRET}@cache:6379/0",
    "one with the secret as user": f"https://{SECRET}@example.com/x",
    "one in a URL": "to=" + quote(f"redis://:{SECRET}@cache", safe=""),
    "the broker's URL": f"sqs://AKIA:{SECRET}@sqs.eu-central-1.amazonaws.com",
    "the secret key of AWS": f"AWS_SECRET_ACCESS_KEY={SECRET}",
    "one in a file": f"aws_secret_access_key = {SECRET}",
    "one of boto3": f"client('s3', aws_secret_access_key='{SECRET}', aws_session_token='x')",
    "credentials of a role": repr({"SecretAccessKey": SECRET, "Token": "x", "Expiration": "1"}),
    "a session token by its shape": f"x IQoJb3JpZ2luX2VjE{'a' * 30}{SECRET} y",
    "the secret key of Django": f"DJANGO_SECRET_KEY={SECRET}",
    "an API key": f"x-api-key: {SECRET}",
    "an upload token in a path": f"Not Found: /s3/multipart/{SECRET}/1",
    "one in a URL of a page": f"https://files/s3/multipart/{SECRET}?key=x",
    "one in a query": f"/uploads/x/parts?token={SECRET}",
    "one in a body": json.dumps({"token": SECRET, "parts": []}),
    "the code of a sign-in": f"GET /oidc/callback?code={SECRET}&state=x",
    "the ticket of Uppy's request": f"POST /s3/signed/multipart?ticket={SECRET}",
    "a link that resets a password": f"POST /accounts/password/reset/Mw/{SECRET}/ 302",
    "a secret of a client": f"client_secret={SECRET}",
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    "half of a private key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
}

#: Secrets that are recognized by their shape: the text, and the part that must not appear.
SHAPES = {
    "a JSON Web Token": (f"claims of {JWT} are invalid", JWT),
    "an API token of filehub": ((token := ApiToken.new_secret()), token),
    "the secret of a webhook": ((signs := WebhookEndpoint.new_secret()), signs),
    "a value that Django signed": (SIGNED, SIGNED.rpartition(":")[2]),
}

#: Ordinary texts, which stay as they are.
HARMLESS = [
    "100 messages: 100 events queued, 0 ignored, 0 not deleted",
    "ReceiveMessage failed: EndpointConnectionError('http://127.0.0.1:4566/')",
    "sign-in failed: 'alice' from '192.0.2.1'",
    "the worker's credentials do not allow s3:GetObject, dynamodb:UpdateItem",
    "Task uploads.tasks.confirm_objects[0b4f9c1e-93cf-4b0e-8d3c-0a9c2b6a1f11] succeeded",
    "GET /uploads/0195d5a1-7f3c-7c4e-8a51-5f0e5f0a1b2c 200",
    "PUT https://b.s3.eu-central-1.amazonaws.com/uploads/c/0195d5a1 took 0.2 s",
    "An error occurred (AccessDenied) when calling the HeadObject operation: Forbidden",
    "the session of a user has ended, and the token has expired",
    "2026-11-27T14:41:42.123456+00:00",
    "photo: Straße & Übersicht (1).png",
]


def format_line(message: Any, *arguments: Any, form: str = "json", **extra: Any) -> str:
    record = logging.LogRecord("uploads.x", logging.INFO, "x.py", 1, message, arguments, None)
    vars(record).update(extra)
    return LineFormatter(form, secrets=[KEY, QUOTED]).format(record)


def format_raised(text: str) -> str:
    try:
        raise ValueError(text)
    except ValueError as exc:
        exc.add_note(text)
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "failed", (), sys.exc_info())
    return LineFormatter("json", secrets=[KEY, QUOTED]).format(record)


#: Where in a record a text may be.
PLACES: dict[str, Callable[[str], str]] = {
    "the message": lambda text: format_line(text.replace("%", "%%") + "%s", ""),
    "an argument": lambda text: format_line("failed: %s", text),
    "the representation of an argument": lambda text: format_line("failed: %r", text),
    "an exception as an argument": lambda text: format_line("failed: %r", ValueError(text)),
    "arguments that do not fit": lambda text: format_line("failed", text),
    "a field": lambda text: format_line("failed", detail=text),
    "a nested field": lambda text: format_line("failed", detail={"a": [{"b": text}]}),
    "the name of a field": lambda text: format_line("failed", detail={text: 1}),
    "the traceback, and a note": format_raised,
    "text for people": lambda text: format_line("failed: %s", text, form="text", detail=[text]),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_secret_is_in_a_line(place: Callable[[str], str]) -> None:
    lines = {name: place(text) for name, text in TEXTS.items()}
    assert [name for name, line in lines.items() if SECRET in line] == []
    assert [name for name, line in lines.items() if HIDDEN not in line] == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_secret_with_a_known_shape_is_in_a_line(place: Callable[[str], str]) -> None:
    assert [name for name, (text, part) in SHAPES.items() if part in place(text)] == []


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_no_secret_of_the_settings_is_in_a_line(place: Callable[[str], str]) -> None:
    forms = [KEY, quote(KEY, safe=""), json.dumps(KEY), repr(KEY), f"x{KEY}y"]
    assert [form for form in forms if "sentence" in place(f"before {form} after")] == []
    assert "quoted" not in place(f"before {QUOTED} after")


@pytest.mark.parametrize(
    "name",
    ["password", "new_password1", "Authorization", "cookie", "api_key", "token", "X-Amz-Signature",
     "aws_secret_access_key", "SecretAccessKey", "sessionid", "session_key", "credentials", "pwd"],
)  # fmt: skip
def test_a_field_whose_name_is_that_of_a_secret_is_empty(name: str) -> None:
    for value in (SECRET, SECRET.encode(), [SECRET], {"a": SECRET}):
        for line in (format_line("x", **{name: value}), format_line("x", detail={name: value})):
            assert SECRET not in line
            assert HIDDEN in line


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_lines_stay_as_they_are(text: str) -> None:
    assert json.loads(format_line("%s", text))["message"] == text


def test_the_rest_of_a_line_stays() -> None:
    line = json.loads(format_line("PUT %s failed", URL))["message"]
    assert line.startswith("PUT https://b.s3.amazonaws.com/uploads/1/x?X-Amz-Algorithm=")
    assert line.endswith(f"X-Amz-Signature={HIDDEN} failed")


#: Repeated, they make a rule try each beginning again to the end, if it can.
BEGINNINGS = (
    "a", "password", "password=", "password='", "://", "://a:", "Bearer ", "cookie: ", "eyJ",
    "eyJaaaaaaa.", ":aaaaaa", 'token\\"', "IQoJ", "%3a//", "-----BEGIN PRIVATE KEY-----",
)  # fmt: skip


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_the_time_grows_in_proportion_to_the_text(beginning: str) -> None:
    """Eight times the text takes about eight times as long; a quadratic rule takes 64 times."""
    redactor = Redactor([KEY])

    def seconds(length: int) -> float:
        text = (beginning * length)[:length]
        started_at = time.process_time()
        redactor.text(text)
        return time.process_time() - started_at

    short = min(seconds(5_000) for _ in range(3))
    assert min(seconds(40_000) for _ in range(3)) < 25 * max(short, 0.001)
