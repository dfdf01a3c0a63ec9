"""`thumbnail_url` in all calls that return files: who sees it, what it costs, when it changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from botocore.exceptions import CredentialRetrievalError
from django.contrib.auth.models import User
from django.test import Client

from local.aws import LocalAws
from tests.support.aws_requests import AwsRequests
from tests.support.files import store
from tests.support.records import tamper
from tests.support.users import Api, signed_in
from tests.web.security.test_scopes import bearer
from tests.web.test_place import first_page
from uploads.accounts.owners import owner_of
from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.keys import thumbnail_key
from uploads.files import trash
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.models import Scope

#: The calls that return a file with this id, and how to find it in the response.
CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "list": ("/files", lambda body: body[0]),
    "trash": ("/files?state=trashed", lambda body: body[0]),
    "search": ("/files?q=a", lambda body: body[0]),
    "folder": ("/folders", lambda body: body["files"][0]),
    "files of a folder": ("/files?folder=", lambda body: body[0]),
    "file": ("/files/{id}", lambda body: body),
    "upload": ("/uploads/{id}", lambda body: body["file"]),
    "uploads": ("/uploads?ids={id}", lambda body: body[0]["file"]),
}


def with_thumbnail(owner: str, thumbnail: str = "320x200") -> str:
    upload_id = store(owner)
    tamper(upload_id, StoredFile.thumbnail.set(thumbnail))
    return upload_id


@pytest.mark.parametrize("call", CALLS)
def test_it_is_shown_wherever_a_file_is(api: Api, call: str) -> None:
    upload_id = with_thumbnail(api.owner)
    path, find = CALLS[call]
    if call == "trash":
        trash.move_to_trash([upload_id], Actor(api.owner, api.owner))
    url = find(api.get(path.format(id=upload_id)).json())["thumbnail_url"]
    expected = f"{conf().s3_bucket_url}/{thumbnail_key(upload_id)}"
    assert url.partition("?")[0] == expected


@pytest.mark.parametrize("call", CALLS)
def test_a_list_without_credentials_is_unavailable(
    api: Api, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise CredentialRetrievalError(provider="container", error_msg="500")

    upload_id = with_thumbnail(api.owner)
    path, _ = CALLS[call]
    if call == "trash":
        trash.move_to_trash([upload_id], Actor(api.owner, api.owner))
    # PynamoDB has another session.
    session = clients.session(conf().region)
    monkeypatch.setitem(vars(session.get_credentials()), "get_frozen_credentials", fail)
    response = api.get(path.format(id=upload_id))
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


def test_the_data_of_the_page_has_it_like_the_api(api: Api, alice: User) -> None:
    with_thumbnail(api.owner)
    (file,) = first_page(signed_in(alice).get("/"))["files"]
    assert file["thumbnail_url"] == api.get(f"/files/{file['id']}").json()["thumbnail_url"]


@pytest.mark.parametrize(
    ("thumbnail", "call", "expected"),
    [
        ("none", "list", "left out"), ("none", "folder", None), ("none", "file", None),
        ("320x200", "rejected", "left out"),
    ],
)  # fmt: skip
def test_files_without_one_have_no_address(
    api: Api, thumbnail: str, call: str, expected: str | None
) -> None:
    upload_id = with_thumbnail(api.owner, thumbnail)
    path, find = CALLS.get(call, ("/files?state=rejected", lambda body: body[0]))
    if call == "rejected":
        tamper(
            upload_id,
            StoredFile.state.set("rejected"),
            StoredFile.owner_feed.set(f"\0rejected\0{api.owner}"),
        )
    file = find(api.get(path.format(id=upload_id)).json())
    assert file["id"] == upload_id
    assert file.get("thumbnail_url", "left out") == expected


def test_signing_needs_no_request(api: Api, aws_requests: AwsRequests) -> None:
    ids = [store(api.owner) for _ in range(3)]
    aws_requests.counts()
    api.get("/files")
    without = aws_requests.counts()
    for upload_id in ids:
        tamper(upload_id, StoredFile.thumbnail.set("320x200"))
    aws_requests.counts()
    assert all("thumbnail_url" in file for file in api.get("/files").json())
    assert aws_requests.counts() == without


def test_it_stays_the_same_from_poll_to_poll(api: Api) -> None:
    """So a browser that draws the list again finds the pictures in its cache."""
    with_thumbnail(api.owner)
    period = conf().url_expiry // 2
    now = datetime.now(UTC)
    begin = now - timedelta(seconds=now.timestamp() % period)
    bodies = []
    for seconds in (0, 5, period - 1, period):
        with time_machine.travel(begin + timedelta(seconds=seconds), tick=False):
            bodies.append(api.get("/files").content)
    assert bodies[0] == bodies[1] == bodies[2] != bodies[3]


UPLOAD, READ = Scope.UPLOAD, Scope.READ


@pytest.mark.parametrize("scopes", [(UPLOAD,), (UPLOAD, READ)], ids=str)
@pytest.mark.parametrize("call", ["status", "rename"])
def test_a_token_without_the_scope_to_read_does_not_see_it(
    aws: LocalAws, alice: User, scopes: tuple[Scope, ...], call: str
) -> None:
    client, upload_id = bearer(alice, *scopes), with_thumbnail(owner_of(alice))
    if call == "status":
        file = client.get(f"/uploads/{upload_id}").json()["file"]
    else:
        body, type_ = {"file_name": "b.txt"}, "application/json"
        file = client.patch(f"/files/{upload_id}", body, content_type=type_).json()
    assert file["id"] == upload_id
    assert (file["thumbnail_url"] is not None) == (READ in scopes)


def test_pages_allow_pictures_of_the_site_and_the_bucket_alone(api: Api, alice: User) -> None:
    with_thumbnail(api.owner)
    (file,) = api.get("/files").json()
    url = urlsplit(file["thumbnail_url"])
    policy = _directives(signed_in(alice), "/")
    assert sorted(policy["img-src"]) == sorted(
        ["'self'", "data:", "blob:", f"{url.scheme}://{url.netloc}"]
    )


def _directives(client: Client, path: str) -> dict[str, list[str]]:
    header = client.get(path)["Content-Security-Policy"]
    return {name: values for name, *values in map(str.split, header.split(";"))}
