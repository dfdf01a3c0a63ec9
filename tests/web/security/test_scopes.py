"""An API token permits what its scopes name, until its last day; a session permits everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from ninja import Router
from ninja.testing import TestClient

from local.aws import LocalAws
from tests.support.users import script_of
from tests.web.security.routes import descriptions, fill, operations
from tests.web.test_api import check_error
from uploads.accounts import api_tokens
from uploads.core.errors import InvalidRequest
from uploads.models import ApiToken, Scope
from uploads.web.api import api as filehub_api
from uploads.web.api.app import Api

UPLOAD, READ, DELETE = Scope.UPLOAD, Scope.READ, Scope.DELETE

#: Every route of the API. A new one has to be listed here, with the scope that it needs.
SCOPES = {
    ("post", "/get-url"): UPLOAD,
    ("get", "/uploads"): UPLOAD,
    ("post", "/uploads"): UPLOAD,
    ("post", "/uploads/batch"): UPLOAD,
    ("get", "/uploads/destinations"): UPLOAD,
    ("get", "/uploads/{upload_id}"): UPLOAD,
    ("delete", "/uploads/{upload_id}"): UPLOAD,
    ("get", "/uploads/{upload_id}/parts"): UPLOAD,
    ("post", "/uploads/{upload_id}/parts"): UPLOAD,
    ("post", "/uploads/{upload_id}/complete"): UPLOAD,
    ("get", "/files"): READ,
    ("get", "/files/version"): READ,
    ("post", "/files/move"): UPLOAD,
    ("post", "/files/trash"): DELETE,
    ("post", "/files/restore"): DELETE,
    ("post", "/files/delete"): DELETE,
    ("post", "/files/trash/empty"): DELETE,
    ("get", "/files/{file_id}"): READ,
    ("patch", "/files/{file_id}"): UPLOAD,
    ("delete", "/files/{file_id}"): DELETE,
    ("get", "/files/{file_id}/download"): READ,
    ("get", "/files/{file_id}/preview"): READ,
    ("get", "/folders"): READ,
    ("post", "/folders"): UPLOAD,
    ("patch", "/folders"): UPLOAD,
    ("delete", "/folders"): DELETE,
    ("get", "/s3/params"): UPLOAD,
    ("post", "/s3/sign"): UPLOAD,
    ("post", "/s3/multipart"): UPLOAD,
    ("get", "/s3/multipart/{upload_id}"): UPLOAD,
    ("delete", "/s3/multipart/{upload_id}"): UPLOAD,
    ("post", "/s3/multipart/{upload_id}/complete"): UPLOAD,
    ("get", "/s3/multipart/{upload_id}/{part_number}"): UPLOAD,
    ("get", "/api/v1/uploads"): UPLOAD,
    ("post", "/api/v1/uploads"): UPLOAD,
    ("post", "/api/v1/uploads/batch"): UPLOAD,
    ("get", "/api/v1/uploads/{upload_id}"): UPLOAD,
    ("delete", "/api/v1/uploads/{upload_id}"): UPLOAD,
    ("get", "/api/v1/uploads/{upload_id}/parts"): UPLOAD,
    ("post", "/api/v1/uploads/{upload_id}/parts"): UPLOAD,
    ("post", "/api/v1/uploads/{upload_id}/complete"): UPLOAD,
    ("get", "/api/v1/files"): READ,
    ("get", "/api/v1/files/version"): READ,
    ("post", "/api/v1/files/move"): UPLOAD,
    ("post", "/api/v1/files/trash"): DELETE,
    ("post", "/api/v1/files/restore"): DELETE,
    ("post", "/api/v1/files/delete"): DELETE,
    ("post", "/api/v1/files/trash/empty"): DELETE,
    ("get", "/api/v1/files/{file_id}"): READ,
    ("patch", "/api/v1/files/{file_id}"): UPLOAD,
    ("delete", "/api/v1/files/{file_id}"): DELETE,
    ("post", "/api/v1/files/{file_id}/trash"): DELETE,
    ("post", "/api/v1/files/{file_id}/restore"): DELETE,
    ("get", "/api/v1/files/{file_id}/download"): READ,
    ("get", "/api/v1/files/{file_id}/preview"): READ,
    ("get", "/api/v1/folders"): READ,
    ("post", "/api/v1/folders"): UPLOAD,
    ("patch", "/api/v1/folders"): UPLOAD,
    ("delete", "/api/v1/folders"): DELETE,
}
ROUTES = pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        pytest.param(method, path, scope, id=f"{method} {path}")
        for (method, path), scope in SCOPES.items()
    ],
)


def bearer(user: User, *scopes: Scope, expires_on: date | None = None) -> Client:
    secret = api_tokens.create(user, scopes=scopes, expires_on=expires_on)
    return Client(headers={"Authorization": f"Bearer {secret}"}, raise_request_exception=False)


def send(client: Client, method: str, path: str) -> Any:
    body = json.dumps({"file_name": "a.txt", "size": 1})
    return client.generic(method.upper(), fill(path), body, content_type="application/json")


def test_the_table_lists_every_route() -> None:
    assert sorted(SCOPES) == operations()


@ROUTES
def test_a_token_needs_the_scope_of_the_route(
    _aws: LocalAws, alice: User, method: str, path: str, scope: Scope
) -> None:
    response = send(bearer(alice, *(other for other in Scope if other != scope)), method, path)
    assert response.status_code == 403
    assert response.json()["code"] == "insufficient_scope"
    assert f"“{scope}”" in response.json()["error"]
    assert send(bearer(alice, scope), method, path).status_code not in {401, 403, 500}


@ROUTES
def test_a_session_needs_no_scope(
    _aws: LocalAws, alice: User, method: str, path: str, scope: Scope
) -> None:
    assert send(script_of(alice), method, path).status_code not in {401, 403, 500}


@ROUTES
def test_the_openapi_description_names_the_scope(method: str, path: str, scope: Scope) -> None:
    operation = descriptions()[method, path]
    assert operation["security"] == [{"Bearer": [scope]}, {"Session": []}]


@pytest.mark.parametrize("is_nested", [False, True], ids=["a route of the API", "of a router"])
def test_a_route_that_names_no_scope_accepts_no_tokens(alice: User, is_nested: bool) -> None:
    """Nobody has to remember to protect a new route."""
    new = Api(auth=filehub_api.auth, urls_namespace="new", docs_url=None)
    router = Router()

    @(router if is_nested else new).get("/new")
    def reached(request: Any) -> str:
        return "reached"

    new.add_router("", router)
    new._exception_handlers = filehub_api._exception_handlers
    secret = api_tokens.create(alice)
    response = TestClient(new).get("/new", headers={"Authorization": f"Bearer {secret}"})
    assert response.status_code == 403
    assert response.json()["code"] == "insufficient_scope"
    assert new.get_openapi_schema(path_prefix="/")["paths"]["/new"]["get"]["security"] == [
        {"Session": []}
    ]


@pytest.mark.parametrize("scopes", ["", "admin", "readupload", "READ", "upload,read,delete"])
def test_a_token_with_unknown_scopes_in_the_database_permits_nothing(
    _aws: LocalAws, alice: User, scopes: str
) -> None:
    """A later version may have written them."""
    client = bearer(alice, READ)
    token = ApiToken.objects.get()
    token.scopes = scopes
    token.save()
    check_error(client.get("/files"), 403, "insufficient_scope")


def test_a_refused_token_is_not_used(_aws: LocalAws, alice: User) -> None:
    assert bearer(alice, UPLOAD).get("/files").status_code == 403
    assert ApiToken.objects.get().last_used_at is None


@pytest.mark.parametrize(
    ("days", "status"), [(-400, 200), (-1, 200), (0, 200), (1, 401), (400, 401)]
)
def test_a_token_works_until_its_last_day_is_over(alice: User, days: int, status: int) -> None:
    now = datetime.now(UTC)
    client = bearer(alice, UPLOAD, expires_on=now.date() + timedelta(days=401))
    with time_machine.travel(now + timedelta(days=401 + days), tick=False):
        response = send(client, "post", "/get-url")
    assert response.status_code == status
    if status == 401:
        check_error(response, 401, "token_expired")
        assert response["WWW-Authenticate"] == "Bearer"


def test_requests_with_an_expired_token_are_limited_like_those_with_a_wrong_one(
    alice: User, limit: Callable[..., None]
) -> None:
    limit(address=1)
    client = bearer(alice, UPLOAD, expires_on=datetime.now(UTC).date())
    ApiToken.objects.update(expires_on=date(2020, 1, 1))
    check_error(send(client, "post", "/get-url"), 401, "token_expired")
    check_error(send(client, "post", "/get-url"), 429, "rate_limited")


@pytest.mark.parametrize(
    ("arguments", "scopes", "expires_on"),
    [
        ([], [UPLOAD, READ, DELETE], None),
        (["--scopes", "upload"], [UPLOAD], None),
        (["--scopes", "delete,upload"], [UPLOAD, DELETE], None),
        (["--scopes", " read, upload read "], [UPLOAD, READ], None),
        (["--scopes=read", "--expires=2999-12-31"], [READ], date(2999, 12, 31)),
    ],
)
def test_the_command_sets_scopes_and_expiry(
    alice: User,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    scopes: list[Scope],
    expires_on: date | None,
) -> None:
    call_command("create_api_token", "alice", *arguments)
    token = api_tokens.find(capsys.readouterr().out.strip())
    assert token is not None
    assert (token.scope_list, token.expires_on) == (scopes, expires_on)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--scopes", ""], "at least one scope"),
        (["--scopes", ","], "at least one scope"),
        (
            ["--scopes", "read,write"],
            "“write” is not a scope. The scopes are: upload, read, delete",
        ),
        (["--scopes", "Read"], "“Read” is not a scope"),
        (["--scopes", "*"], "is not a scope"),
        (["--expires", "2020-01-01"], "in the past"),
        (["--expires", "tomorrow"], "“tomorrow” is not a date such as"),
        (["--expires", "2027-02-30"], "is not a date such as"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(
    alice: User, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence.replace("*", r"\*")):
        call_command("create_api_token", "alice", *arguments)
    assert not ApiToken.objects.exists()


def test_a_token_without_scopes_is_never_created(alice: User) -> None:
    with pytest.raises(InvalidRequest):
        api_tokens.create(alice, scopes=[])


@pytest.mark.django_db(transaction=True)
def test_tokens_from_before_there_were_scopes_keep_all_of_them() -> None:
    executor = MigrationExecutor(connection)
    everything = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate([("uploads", "0001_initial")])
        apps = executor.loader.project_state([("uploads", "0001_initial")]).apps
        user = User.objects.create_user("before")
        apps.get_model("uploads", "ApiToken").objects.create(user_id=user.pk, digest="d")
        executor = MigrationExecutor(connection)
        executor.migrate([("uploads", "0002_api_token_scopes")])
        token = ApiToken.objects.get()
    finally:
        MigrationExecutor(connection).migrate(everything)
    assert token.scope_list == list(Scope)
    assert token.expires_on is None
    assert not token.has_expired
