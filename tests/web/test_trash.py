"""The trash over HTTP: results for each id, lists of one state, and what a file in it answers."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from tests.support.aws_requests import AwsRequests
from tests.support.files import removal, store, upload
from tests.support.http import send
from tests.support.users import Api, script_of
from tests.web.test_api import UNKNOWN, check_error
from tests.web.test_cost import counted
from uploads.aws import s3
from uploads.files.record import StoredFile
from uploads.ingest import confirm

NOT_FOUND = {"error": "File not found", "code": "file_not_found"}
CHANGES = ("trash", "restore", "delete")


def change(api: Api, name: str, *ids: Any) -> Any:
    return api.post(f"/files/{name}", {"ids": list(ids)})


def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    response = api.get(f"/files{query}")
    assert response.status_code == 200
    files: list[dict[str, Any]] = response.json()
    return files


def test_a_file_goes_to_the_trash_and_comes_back(api: Api) -> None:
    upload_id = store(api.owner, "a.txt")
    assert change(api, "trash", upload_id).json() == {
        "results": [{"id": upload_id, "state": "trashed"}]
    }
    assert listed(api) == []
    (file,) = listed(api, "?state=trashed")
    assert (file["id"], file["state"], file["file_name"]) == (upload_id, "trashed", "a.txt")
    assert file["trashed_at"] < file["purge_at"]
    assert api.get(f"/uploads/{upload_id}").json()["state"] == "trashed"
    assert change(api, "restore", upload_id).json() == {
        "results": [{"id": upload_id, "state": "stored"}]
    }
    (file,) = listed(api)
    assert (file["id"], file["state"]) == (upload_id, "stored")
    assert not {"trashed_at", "purge_at", "reason", "reason_code"} & file.keys()
    assert listed(api, "?state=trashed") == []


def test_a_file_in_the_trash_keeps_its_folder_and_leaves_its_totals(api: Api) -> None:
    upload_id = store(api.owner, folder="A/B")
    version = api.get("/files/version").json()["version"]
    change(api, "trash", upload_id)
    assert api.get("/files/version").json()["version"] > version
    contents = api.get("/folders?folder=A/B").json()
    assert (contents["folder"]["files"], contents["folder"]["bytes"], contents["files"]) == (
        0,
        0,
        [],
    )
    assert api.get("/folders").json()["folder"]["files"] == 0
    for query in ("", "&folder=", "&folder=A", "&folder=A/B", "&q=A.TX&folder=A", "&type=text"):
        (file,) = listed(api, f"?state=trashed{query}")
        assert (file["id"], file["folder"]) == (upload_id, "A/B"), query
    assert listed(api, "?state=trashed&folder=B") == []
    check_error(api.get("/files?state=trashed&folder=A&sort=name"), 400, "invalid_sort")
    moved = api.post("/files/move", {"ids": [upload_id], "folder": "C"}).json()["results"]
    assert moved == [{"id": upload_id, **NOT_FOUND}]
    assert api.delete("/folders?folder=A/B").status_code == 204
    change(api, "restore", upload_id)
    (file,) = listed(api, "?folder=A/B")
    assert file["id"] == upload_id


def test_a_file_in_the_trash_is_not_found(api: Api) -> None:
    """A URL that was signed before lasts until it expires (docs/contract.md)."""
    upload_id = store(api.owner, body=b"bytes")
    signed = api.get(f"/files/{upload_id}/download").json()["url"]
    change(api, "trash", upload_id)
    for path in ("", "/download", "/download?inline=1", "/download?redirect=1", "/preview"):
        check_error(api.get(f"/files/{upload_id}{path}"), 404, "file_not_found")
    assert send("GET", signed).body == b"bytes"


@pytest.mark.parametrize("place", ["list", "trash"])
@pytest.mark.parametrize("call", ["DELETE", "POST"])
def test_a_permanent_deletion_deletes_the_object(api: Api, place: str, call: str) -> None:
    upload_id = store(api.owner)
    if place == "trash":
        change(api, "trash", upload_id)
    if call == "DELETE":
        response = api.delete(f"/files/{upload_id}")
        assert response.json() == {"id": upload_id, "state": "deleting"}
    else:
        response = change(api, "delete", upload_id)
        assert response.json() == {"results": [{"id": upload_id, "state": "deleting"}]}
    assert s3.head(upload_id) is None
    assert listed(api, "?state=trashed") == []
    removal(upload_id, 5)
    check_error(api.delete(f"/files/{upload_id}"), 404, "file_not_found")
    assert change(api, "restore", upload_id).json()["results"] == [{"id": upload_id, **NOT_FOUND}]


@pytest.mark.parametrize("name", CHANGES)
def test_a_stranger_gets_not_found_for_each_id(api: Api, other_api: Api, name: str) -> None:
    ids = [store(api.owner), store(api.owner), UNKNOWN, "x", ""]
    change(api, "trash", ids[1])
    before = [StoredFile.get(upload_id).attribute_values for upload_id in ids[:2]]
    response = change(other_api, name, *ids)
    assert response.status_code == 200
    assert response.json()["results"] == [{"id": given, **NOT_FOUND} for given in ids]
    assert [StoredFile.get(upload_id).attribute_values for upload_id in ids[:2]] == before
    check_error(other_api.delete(f"/files/{ids[1]}"), 404, "file_not_found")
    assert listed(other_api, "?state=trashed") == []
    emptied = other_api.post("/files/trash/empty", {}).json()
    assert emptied == {"deleted": 0, "failed": 0, "more": False}
    assert s3.head(ids[1]) is not None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_ids"),
        ({"ids": []}, "missing_ids"),
        ({"ids": None}, "invalid_ids"),
        ({"ids": "x"}, "invalid_ids"),
        ({"ids": {"0": "x"}}, "invalid_ids"),
        ({"ids": [1]}, "invalid_ids"),
        ({"ids": [None]}, "invalid_ids"),
        ({"ids": [["x"]]}, "invalid_ids"),
        ({"ids": ["x"] * 101}, "too_many_ids"),
        ([], None),
        ("x", None),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.django_db
def test_an_invalid_request_changes_nothing(alice: User, body: Any, code: str | None) -> None:
    api = Api(alice)
    for name in CHANGES:
        check_error(api.post(f"/files/{name}", body), 400, code)


@pytest.mark.parametrize("path", [*CHANGES, "trash/empty"])
@pytest.mark.django_db
def test_a_page_needs_its_token_and_a_stranger_credentials(alice: User, path: str) -> None:
    body = {"ids": [UNKNOWN]}
    page = script_of(alice, checks_csrf=True)
    check_error(page.post(f"/files/{path}", body, "application/json"), 403, "csrf_failed")
    check_error(Client().post(f"/files/{path}", body, "application/json"), 401)


def test_the_trash_is_emptied_in_steps(api: Api) -> None:
    ids = [store(api.owner) for _ in range(3)]
    change(api, "trash", *ids)
    answers = [api.post("/files/trash/empty", {"limit": 2}).json() for _ in range(2)]
    assert answers == [
        {"deleted": 2, "failed": 0, "more": True},
        {"deleted": 1, "failed": 0, "more": False},
    ]
    assert [s3.head(upload_id) for upload_id in ids] == [None] * 3


def test_a_rejected_file_is_listed_with_its_reason(api: Api) -> None:
    upload_id = upload(api.owner, "a.png", b"<html>", "image/png")
    assert confirm.confirm(upload_id) == "rejected"
    english, german = (
        api._client.get("/files?state=rejected", headers={"Accept-Language": language}).json()
        for language in ("en", "de")
    )
    for files in (english, german):
        assert [(file["id"], file["state"]) for file in files] == [(upload_id, "rejected")]
        assert files[0]["reason_code"] == "content_mismatch"
    assert english[0]["reason"].startswith("It was uploaded as image/png")
    assert german[0]["reason"].startswith("Die Datei wurde als image/png")


def test_an_unknown_state_is_refused(api: Api) -> None:
    for state in ("deleted", "x", "STORED"):
        check_error(api.get(f"/files?state={state}"), 400, "invalid_state")


@pytest.mark.parametrize("state", ["stored", "trashed", "rejected"])
def test_each_page_of_a_list_costs_one_query_and_leads_to_the_next(
    api: Api, aws_requests: AwsRequests, state: str
) -> None:
    if state == "rejected":
        ids = [upload(api.owner, "a.png", b"<html>", "image/png") for _ in range(5)]
        for upload_id in ids:
            confirm.confirm(upload_id)
    else:
        ids = [store(api.owner) for _ in range(5)]
        if state == "trashed":
            change(api, "trash", *ids)
    found: list[str] = []
    url = f"/files?state={state}&limit=2"
    for _ in range(3):
        with counted() as seen:
            response = api.get(url)
        assert seen == ["Query"]
        found += [file["id"] for file in response.json()]
        url = response.get("Link", "").partition(">")[0].removeprefix("<http://testserver")
    assert found == sorted(ids, reverse=True)
    assert url == ""


def test_a_name_is_found_in_the_trash(api: Api) -> None:
    ids = {name: store(api.owner, name) for name in ("Report.txt", "report 2.txt", "other.txt")}
    change(api, "trash", *ids.values())
    found = listed(api, "?state=trashed&q=REP")
    assert {file["id"] for file in found} == {ids["Report.txt"], ids["report 2.txt"]}
    (file,) = listed(api, "?state=trashed&name=other.txt")
    assert file["id"] == ids["other.txt"]
    assert listed(api, "?q=rep") == []


def test_without_a_trash_files_are_deleted(api: Api, settings: Settings) -> None:
    settings.FILEHUB = settings.FILEHUB | {"TRASH_DAYS": 0}
    upload_id = store(api.owner)
    assert change(api, "trash", upload_id).json() == {
        "results": [{"id": upload_id, "state": "deleting"}]
    }
    assert s3.head(upload_id) is None
