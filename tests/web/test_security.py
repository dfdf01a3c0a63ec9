"""What attackers try, on every route and page there is: a new one cannot be forgotten.

What is told elsewhere is not told again: bad JSON and missing credentials (test_api), upload tokens
and parts (test_multipart), API tokens in the admin (test_users), signed requests (test_signing).
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core import signing
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from local.aws import LocalAws
from tests.support.files import store, upload
from tests.support.local_aws import drain
from tests.support.users import PASSWORD, Api, signed_in
from tests.support.waiting import wait_for
from uploads.accounts import api_tokens
from uploads.aws import s3, sqs
from uploads.core import keys, policy
from uploads.core.conf import env
from uploads.core.errors import FilehubError, UploadNotFound
from uploads.files import queries
from uploads.ingest.consumer import Consumer
from uploads.models import ApiToken
from uploads.transfers import begin, tokens
from uploads.web import pages
from uploads.web.api import api as ninja_api

# Pages that are shown without AWS need them too.
pytestmark = pytest.mark.usefixtures("_static_files")

#: Made by another secret.
UNKNOWN = "019c0000-0000-7000-8000-0123456789ab"


UNSAFE = {"post", "put", "patch", "delete"}


def operations() -> list[tuple[str, str]]:
    """Method and path of each route of the API."""
    paths: dict[str, dict[str, Any]] = ninja_api.get_openapi_schema()["paths"]
    return sorted((method, path) for path, found in paths.items() for method in found)


def patterns(
    urls: list[URLPattern | URLResolver] | None = None, before: str = ""
) -> Iterator[tuple[str, str]]:
    """Address and name of each page; what varies in it is "1", in whatever form it comes."""
    for each in get_resolver().url_patterns if urls is None else urls:
        path = before + str(each.pattern).removeprefix("^").removesuffix("$").removesuffix(r"\Z")
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns, path)
        else:
            path = re.sub(r"<[^>]+>|\(\?P<[^>]+>[^)]*\)", "1", path)
            yield "/" + path.replace("\\", "").replace("?", ""), each.name or ""


PAGES = sorted(
    {
        (path, name)
        for path, name in patterns()
        if not path.startswith(("/get-url", "/uploads", "/files", "/api/"))
    }
)
WRITING = pytest.mark.parametrize(
    ("method", "path"),
    [pytest.param(*each, id=" ".join(each)) for each in operations() if each[0] in UNSAFE],
)
ADMIN = [(path, name) for path, name in PAGES if path.startswith("/admin/")]


def fill(path: str, upload_id: str = UNKNOWN) -> str:
    return re.sub(r"\{\w+\}", upload_id, path)


def check_json(answer: Any, status: int | None = None) -> None:
    """An error of the contract, and nothing else."""
    assert status is None or answer.status_code == status, answer.content
    assert 400 <= answer.status_code < 500
    # Uppy shows its users a `message`.
    is_uppys = answer.wsgi_request.path.startswith("/s3/")
    assert set(answer.json()) == {"error", "code"} | ({"message"} if is_uppys else set())


# Cross-site requests


@WRITING
def test_no_route_changes_anything_for_a_session_without_its_csrf_token(
    root: User, method: str, path: str
) -> None:
    client = signed_in(root, checks_csrf=True)
    answer = getattr(client, method)(fill(path), {}, content_type="application/json")
    check_json(answer, 403)
    assert answer.json()["code"] == "csrf_failed"


def test_no_page_accepts_a_form_without_its_csrf_token(root: User) -> None:
    client = signed_in(root, checks_csrf=True)
    accepted = [path for path, _ in PAGES if client.post(path).status_code not in {403, 404, 405}]
    assert accepted == []


# Sessions


@pytest.mark.usefixtures("aws")
def test_signing_in_gives_the_session_another_key(alice: User) -> None:
    client = Client()
    # What an attacker planted.
    session = client.session
    session["planted"] = "1"
    session.save()
    before = session.session_key
    client.cookies[django_settings.SESSION_COOKIE_NAME] = before
    answer = client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 302
    after = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert after != before
    planted = Client()
    planted.cookies[django_settings.SESSION_COOKIE_NAME] = before
    assert planted.get("/rows?ids=").status_code == 302


@pytest.mark.django_db
def test_a_session_cookie_is_kept_from_scripts_and_other_sites(alice: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


# Redirects

ELSEWHERE = [
    "//evil.example", "https://evil.example", "https:evil.example", "http:///evil.example",
    "///evil.example", "/\\evil.example", "\\\\evil.example", "/%09/evil.example",
    "\t//evil.example", "javascript:alert(1)", "data:text/html,x", "https://testserver@evil.example",
    "https://testserver.evil.example", "//testserver:80@evil.example/",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/accounts/login/", {"username": "root", "password": PASSWORD}),
        ("/admin/login/", {"username": "root", "password": PASSWORD}),
        ("/accounts/logout/", {}),
        ("/i18n/setlang/", {"language": "de"}),
    ],
    ids=["sign in", "admin", "sign out", "language"],
)
def test_no_page_sends_anybody_elsewhere(root: User, path: str, form: dict[str, str]) -> None:
    sent = {
        target: Client().post(path, {**form, "next": target})["Location"] for target in ELSEWHERE
    }
    # A browser takes // and /\\ for the beginning of a host.
    assert {each: to for each, to in sent.items() if not re.match(r"/(?![/\\\t])", to)} == {}


# Hosts


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/files", "/accounts/login/", "/healthz", "/admin/login/"])
def test_a_foreign_host_is_a_400_in_the_shape_of_every_error(path: str) -> None:
    for host in ("evil.example", "testserver.evil.example", "testserver@evil.example", "a b", "["):
        check_json(Client().get(path, headers={"Host": host}), 400)


@pytest.mark.django_db
def test_a_foreign_host_is_a_page_for_browsers() -> None:
    answer = Client().get("/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert answer.status_code == 400
    assert "Traceback" not in answer.content.decode()
    assert "evil.example" not in answer.content.decode()


def test_links_name_the_host_that_was_asked_and_no_other(api: Api) -> None:
    for name in ("a.txt", "b.txt"):
        store(api.owner, name)
    answer = api._client.get("/files?limit=1", headers={"X-Forwarded-Host": "evil.example"})
    assert answer["Link"].startswith("<http://testserver/files?")


# Bodies


@pytest.fixture
def bearer(_aws: LocalAws, alice: User) -> Client:
    """A program that a fault of filehub's reaches as an answer."""
    token = api_tokens.create(alice)
    return Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)


class Untouched(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def huge(type_: str) -> dict[str, Any]:
    """What a server tells of a request with a terabyte of body."""
    return {"CONTENT_TYPE": type_, "CONTENT_LENGTH": str(10**12), "wsgi.input": Untouched()}


@WRITING
@pytest.mark.parametrize("type_", ["application/json", "multipart/form-data; boundary=x"])
def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    bearer: Client, method: str, path: str, type_: str
) -> None:
    answer = bearer.generic(
        method.upper(), fill(path), **huge(type_)
    )  # fmt: skip
    check_json(answer)
    # What takes no body does not look for one.
    assert answer.json()["code"] in {"body_too_large", "file_not_found", "missing_key"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/i18n/setlang/", "/files"])
def test_nobody_fills_the_disk_with_a_form(path: str) -> None:
    """Django would write files of forms to disk, before it knows whose they are."""
    client = Client(enforce_csrf_checks=True)
    client.get("/accounts/login/")
    answer = client.generic(
        "POST", path, **huge("multipart/form-data; boundary=x")
    )  # fmt: skip
    check_json(answer)


@pytest.mark.django_db
def test_a_file_in_a_form_is_never_kept() -> None:
    request = RequestFactory().post("/", {"file": io.BytesIO(b"x" * 1000), "field": "kept"})
    assert dict(request.FILES) == {}
    assert request.POST["field"] == "kept"


BODIES: dict[str, tuple[str, bytes]] = {
    "a key twice": ("application/json", b'{"file_name": "a", "file_name": "b"}'),
    "a key twice, further in": ("application/json", b'{"file_name": {"a": 1, "a": 2}}'),
    "nested objects": ("application/json", b'{"a":' * 50_000),
    "a huge exponent": ("application/json", b'{"file_name": "a", "size": 1e400}'),
    "a minus": ("application/json", b'{"file_name": "a", "size": -}'),
    "UTF-16": ("application/json", '{"file_name": "\x00"}'.encode("utf-16")),
    "an odd charset": ("application/json; charset=utf-7", b"+AHs-}"),
    "an unknown charset": ("application/json; charset=no-such", b"{}"),
    "no boundary": ("multipart/form-data", b"--x"),
    "a broken form": ("multipart/form-data; boundary=x", b"--x\r\nContent-Disp"),
    "a form": ("application/x-www-form-urlencoded", b"file_name=a"),
    "XML": ("text/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
}


@pytest.mark.parametrize(("type_", "body"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("path", ["/get-url", f"/uploads/{UNKNOWN}/parts"])
def test_a_strange_body_is_a_4xx_in_the_shape_of_every_error(
    bearer: Client, path: str, type_: str, body: bytes
) -> None:
    check_json(bearer.generic("POST", path, body, content_type=type_))


def test_a_million_parts_are_refused(bearer: Client) -> None:
    parts = json.dumps({"token": "x", "parts": [{"part_number": 1}] * 10**6})
    answer = bearer.generic("POST", f"/uploads/{UNKNOWN}/parts", parts)
    check_json(answer, 413)


# Names


NAMES = {
    "line separator": "a\u2028Set-Cookie: x=1",
    "paragraph separator": "a\u2029X: y",
    "quotes": 'a"; filename="b.exe',
    "backslash": 'a\\"b',
    "looks encoded": "a%0d%0aX: y",
    "encoded word": "=?utf-8?q?a=0d=0aX?=",
    "other direction": "a\u202egpj.exe",
    "lone dots": "..",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_injects_no_header(aws: LocalAws, name: str) -> None:
    request = begin.begin_put("7", file_name=name, size=1).request
    for value in (*request.headers.values(), request.url, s3.sign_download(
        UNKNOWN, file_name=name
    )[0]):  # fmt: skip
        assert value.isascii()
        assert value.isprintable()


@pytest.mark.parametrize("char", ["\r", "\n", "\x00", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_a_control_character_is_no_part_of_a_name(char: str) -> None:
    with pytest.raises(FilehubError):
        policy.check_name(f"a{char}b")


# API tokens


def test_a_token_is_looked_up_by_its_digest_alone(alice: User) -> None:
    """So that no comparison's time tells how much of a guess was right."""
    secret = api_tokens.create(alice)
    for guess in (secret, secret[:-1] + "x", "x"):
        with CaptureQueriesContext(connection) as captured:
            api_tokens.find(guess)
        (query,) = captured.captured_queries
        assert ApiToken.digest_of(guess) in query["sql"]
        assert guess not in query["sql"] or guess == "x"


def test_a_token_is_in_no_log(
    aws: LocalAws, alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = api_tokens.create(alice)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of filehub's own")

    monkeypatch.setattr(queries, "files_of", fail)
    for token in (secret, secret + "x"):
        client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
        assert client.get(f"/files?token={token}").status_code in {401, 500}
    assert "a fault of filehub's own" in caplog.text
    # Django logs its queries at DEBUG, and there stands only the digest.
    assert secret not in caplog.text


# Whose file


def body_for(upload_id: str, token: str) -> dict[str, Any]:
    """Whatever the routes ask for."""
    return {
        "token": token, "parts": [{"part_number": 1}], "key": keys.object_key(upload_id),
        "uploadId": token, "file_name": "a.txt", "size": 1,
    }  # fmt: skip


def test_a_strangers_upload_answers_exactly_as_an_unknown_one_on_every_route(
    api: Api, other_api: Api, settings: Settings
) -> None:
    settings.ENV = env().model_copy(update={"filehub_multipart_threshold": 5})
    begun = api.post("/uploads", {"file_name": "a", "size": 10}).json()
    stored, pending = store(api.owner), upload(api.owner)

    def ask(method: str, path: str, upload_id: str, token: str) -> tuple[int, str]:
        body = body_for(upload_id, token)
        query = f"?token={token}&key={body['key']}"
        answer = other_api._client.generic(
            method.upper(), fill(path, upload_id) + query, json.dumps(body),
            content_type="application/json",
        )  # fmt: skip
        return answer.status_code, answer.content.decode().replace(upload_id, "…")

    told = set()
    for method, path in operations():
        if "{" not in path:
            continue
        unknown = ask(method, path, UNKNOWN, "x")
        assert 400 <= unknown[0] < 500, (method, path)
        for upload_id, token in (
            (begun["id"], begun["token"]), (stored, "x"), (pending, "x"), (stored, begun["token"]),
        ):  # fmt: skip
            if ask(method, path, upload_id, token) != unknown:
                told.add((method, path))
    assert told == set()
    assert s3.head(stored)
    assert len(api.get(f"/uploads/{begun['id']}/parts?token={begun['token']}").json()) == 0


# Upload tokens


TOKEN = tokens.UploadToken("019c0000-0000-7000-8000-0123456789ab", "s3", "7", 10, 5)


def read(text: str) -> tokens.UploadToken:
    return tokens.read(text, upload_id=TOKEN.upload_id, owner="7")


@pytest.mark.parametrize(
    "forge",
    [
        lambda: TOKEN.sign()[:-1],
        lambda: TOKEN.sign()[1:],
        lambda: TOKEN.sign() + "x",
        lambda: TOKEN.sign().replace(":", "", 1),
        lambda: signing.dumps({"upload_id": TOKEN.upload_id}, salt="filehub.upload"),
        lambda: signing.dumps([1], salt="filehub.upload"),
        lambda: signing.dumps(vars(TOKEN), salt="another", compress=True),
        lambda: signing.dumps(vars(TOKEN), key="another" * 8, salt="filehub.upload"),
    ],
    ids=["cut", "cut in front", "longer", "one piece less", "less in it", "a list", "another salt",
         "another key"],
)  # fmt: skip
def test_a_forged_upload_token_is_none(forge: Callable[[], str]) -> None:
    assert read(TOKEN.sign()) == TOKEN
    with pytest.raises(UploadNotFound):
        read(forge())


def test_an_upload_token_lives_as_long_as_its_key(settings: Settings) -> None:
    text, before = TOKEN.sign(), settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 8
    with pytest.raises(UploadNotFound):
        read(text)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert read(text) == TOKEN


# Messages


def test_the_address_in_a_message_is_never_fetched(aws: LocalAws) -> None:
    """SNS asks for a confirmation by an address; whoever can send could name any."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/?Action=ConfirmSubscription"
        body = {
            "Type": "SubscriptionConfirmation", "SubscribeURL": url, "UnsubscribeURL": url,
            "SigningCertURL": url, "Message": url, "TopicArn": "arn:aws:sns:us-east-1:0:x",
            "Token": "x",
        }  # fmt: skip
        sqs.client().send_message(
            QueueUrl=sqs.url(env().filehub_events_queue), MessageBody=json.dumps(body)
        )
        wait_for(lambda: Consumer().step())
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert drain(env().filehub_events_queue) == []


# The admin

#: What everybody who may enter the admin can see.
FOR_ALL_STAFF = {
    "index", "login", "logout", "password_change", "password_change_done", "jsi18n", "view_on_site",
}  # fmt: skip


@pytest.mark.parametrize("is_staff", [False, True])
def test_no_page_of_the_admin_opens_without_its_permission(alice: User, is_staff: bool) -> None:
    alice.is_staff = is_staff
    alice.save()
    client = Client(headers={"Accept": "text/html"})
    client.force_login(alice)
    opened = {
        (method, path)
        for path, name in ADMIN
        if name not in FOR_ALL_STAFF
        for method in ("get", "post")
        if (answer := getattr(client, method)(path)).status_code not in {403, 404, 405}
        and not (answer.status_code == 302 and answer["Location"].startswith("/admin/login/"))
        # Of an address without a row, or of an old form, Django says so before it asks who it is.
        and answer.get("Location") not in {"/admin/", f"{path}change/"}
    }
    assert opened == set()


@pytest.mark.django_db
def test_strangers_are_asked_to_sign_in_on_every_page_of_the_admin() -> None:
    client = Client(headers={"Accept": "text/html"})
    opened = [
        path
        for path, name in ADMIN
        if name not in {"login", "logout", "jsi18n"}
        and (answer := client.get(path)).status_code not in {404, 405}
        and not (answer.status_code == 302 and "/login/" in answer["Location"])
    ]
    assert opened == []


# Headers and error pages


def check_headers(answer: Any) -> None:
    assert "default-src 'none'" in answer["Content-Security-Policy"], answer
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("who", ["stranger", "superuser"])
def test_every_page_has_the_headers_that_browsers_protect_by(
    aws: LocalAws, root: User, who: str
) -> None:
    client = Client(headers={"Accept": "text/html"}, raise_request_exception=False)
    if who == "superuser":
        client.force_login(root)
    routes = [fill(path) for method, path in operations() if method == "get"]
    for path in [*(path for path, _ in PAGES), *routes, "/api/docs", "/api/openapi.json", "/none"]:
        answer = client.get(path)
        assert answer.status_code != 500, path
        check_headers(answer)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("only for the log")

    monkeypatch.setattr(queries, "files_of", fail)
    monkeypatch.setattr(pages.queries, "upload_statuses", fail)


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", ["/", "/rows?ids=x", "/files"])
def test_a_fault_shows_a_page_and_nothing_of_its_inside(
    root: User, broken: None, path: str, accept: str
) -> None:
    client = Client(headers={"Accept": accept}, raise_request_exception=False)
    client.force_login(root)
    answer = client.get(path)
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    for inside in ("Traceback", "only for the log", "RuntimeError", "site-packages"):
        assert inside not in answer.content.decode()
    check_headers(answer)


@pytest.mark.django_db
def test_errors_before_any_view_have_the_headers_too() -> None:
    client = Client(enforce_csrf_checks=True, headers={"Accept": "text/html"})
    for answer in (
        client.get("/", headers={"Host": "evil.example"}),
        client.post("/accounts/login/"),
        client.put("/healthz"),
    ):
        assert answer.status_code in {400, 403, 405}
        check_headers(answer)
