"""Folders over HTTP: signing, listing, renaming and moving, searching, and the list's version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from tests.core.test_folders import INVALID
from tests.support.aws_requests import AwsRequests
from tests.support.files import store
from tests.support.http import put, send
from tests.support.local_aws import arguments, drain
from tests.support.table import folder_totals
from tests.support.users import Api
from tests.web.test_api import UNKNOWN, check_error
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import folder_actions, listing
from uploads.ingest import confirm, tasks

FILE: dict[str, Any] = {"file_name": "a.txt", "size": 5}


def names(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [f"{file['folder']}/{file['file_name']}".lstrip("/") for file in response.json()]


# Signing

SIGNING: dict[str, Callable[[Api, str], Any]] = {
    "POST /get-url": lambda api, folder: api.post("/get-url", FILE | {"folder": folder}),
    "POST /uploads": lambda api, folder: api.post("/uploads", FILE | {"folder": folder}),
    "Uppy": lambda api, folder: api.get(
        f"/s3/params?filename=a.txt&metadata%5BrelativePath%5D={quote(f'{folder}/a.txt')}"
    ),
}


@pytest.mark.parametrize("way", SIGNING)
@pytest.mark.parametrize("folder", ["Photos/2024", "Fotos/Übersicht", "a b/%2F/c+d", "\\"])
def test_a_file_is_stored_in_the_folder_that_was_signed(api: Api, way: str, folder: str) -> None:
    signed = SIGNING[way](api, folder).json()
    assert send(signed["method"], signed["url"], b"hello", signed["headers"]).status == 200
    path = signed["fields"]["key"] if "fields" in signed else keys.object_key(signed["id"])
    upload_id = str(keys.upload_id_of(path))
    assert confirm.confirm(upload_id) == "stored"
    file = api.get(f"/files/{upload_id}").json()
    assert (file["folder"], file["file_name"]) == (folder, "a.txt")


def test_the_folder_of_a_signed_request_cannot_be_changed(api: Api) -> None:
    signed = api.post("/get-url", FILE | {"folder": "Photos"}).json()
    headers = signed["headers"] | {"x-amz-meta-folder": "Other"}
    assert send(signed["method"], signed["url"], b"hello", headers).status == 403


@pytest.mark.parametrize("way", ["POST /get-url", "POST /uploads"])
def test_an_invalid_folder_is_refused(api: Api, way: str) -> None:
    for folder in INVALID.values():
        # Larger ones do not fit into the body of a request.
        check_error(SIGNING[way](api, folder[:100_000]), 400, "invalid_folder")


@pytest.mark.parametrize("folder", [5, [], {}, True])
def test_a_folder_of_another_type_is_refused(api: Api, folder: object) -> None:
    check_error(api.post("/get-url", FILE | {"folder": folder}), 400, "invalid_folder")


@pytest.mark.parametrize("folder", [None, ""])
def test_no_folder_is_the_root_and_signs_no_header(api: Api, folder: str | None) -> None:
    signed = api.post("/get-url", FILE | {"folder": folder}).json()
    assert "x-amz-meta-folder" not in signed["headers"]


def test_files_of_a_batch_have_their_own_folders_and_errors(api: Api) -> None:
    files = [FILE | {"folder": folder} for folder in ("A", "../A", "a\ud800", "B")]
    results = api.post("/uploads/batch", {"files": files}).json()["results"]
    assert [result.get("code") for result in results] == [
        None, "invalid_folder", "invalid_folder", None
    ]  # fmt: skip
    assert results[3]["headers"]["x-amz-meta-folder"] == "B"


@pytest.mark.parametrize(
    ("metadata", "folder"),
    [
        ({"relativePath": "Photos/a.txt"}, "Photos"), ({"relativePath": "/A/B/a.txt"}, "A/B"),
        ({"relativePath": None}, ""), ({"relativePath": "null"}, ""), ({"relativePath": 5}, ""),
        ({}, ""), (None, ""), ([], ""), ("Photos/a.txt", ""),
    ],
)  # fmt: skip
def test_uppy_begins_a_multipart_upload_in_the_folder_of_its_relative_path(
    api: Api, metadata: object, folder: str
) -> None:
    body = {"filename": "a.txt", "type": "text/plain", "metadata": metadata}
    begun = api.post("/s3/multipart", body).json()
    path = f"/s3/multipart/{begun['uploadId']}"
    url = api.get(f"{path}/1?key={quote(begun['key'])}").json()["url"]
    etag = send("PUT", url, b"hello").headers["ETag"]
    done = api.post(
        f"{path}/complete?key={quote(begun['key'])}", {"parts": [{"PartNumber": 1, "ETag": etag}]}
    )
    assert done.status_code == 200
    stored = s3.head(str(keys.upload_id_of(begun["key"])))
    assert stored is not None
    assert stored.folder == folder


def test_an_invalid_relative_path_is_refused(api: Api) -> None:
    body = {"filename": "a.txt", "metadata": {"relativePath": "../a.txt"}}
    check_error(api.post("/s3/multipart", body), 400, "invalid_folder")
    path = "/s3/params?filename=a.txt&metadata[relativePath]=a//b.txt"
    check_error(api.get(path), 400, "invalid_folder")


def test_a_put_of_a_file_in_a_folder_is_used_as_signed(api: Api) -> None:
    begun = s3.sign_put(
        keys.new_upload_id(api.owner, "secret"), owner=api.owner, file_name="ä" * 127,
        folder="ä" * 200, content_type="text/plain", size=5, sha256=None,
    )  # fmt: skip
    assert put(begun, b"hello").status == 200


# Listing


@pytest.fixture
def files(api: Api) -> dict[str, str]:
    """Path -> id, oldest first."""
    paths = ["root.txt", "A/one.txt", "A/two.png", "A/B/deep.txt", "Ab/other.txt"]
    return {
        path: store(api.owner, path.rpartition("/")[2], folder=path.rpartition("/")[0])
        for path in paths
    }


def test_a_list_without_a_folder_has_all_files_newest_first(
    api: Api, files: dict[str, str]
) -> None:
    assert names(api.get("/files")) == [*files][::-1]


ALL = ["Ab/other.txt", "A/B/deep.txt", "A/two.png", "A/one.txt", "root.txt"]
QUERIES = [
    ("folder=", ["root.txt"]),
    ("folder=A", ["A/two.png", "A/one.txt"]),
    ("folder=A&sort=date", ["A/one.txt", "A/two.png"]),
    ("folder=A&sort=-name", ["A/two.png", "A/one.txt"]),
    ("folder=A&sort=name", ["A/one.txt", "A/two.png"]),
    ("folder=A%2FB", ["A/B/deep.txt"]),
    ("folder=x", []),
    ("q=O", ["Ab/other.txt", "A/two.png", "A/one.txt", "root.txt"]),
    ("q=o&folder=A", ["A/two.png", "A/one.txt"]),
    ("q=d%C3%A9&folder=A", ["A/B/deep.txt"]),
    ("q=.TXT&folder=", ["Ab/other.txt", "A/B/deep.txt", "A/one.txt", "root.txt"]),
    ("name=deep.txt&folder=A", ["A/B/deep.txt"]),
    ("name=deep.txt&folder=Ab", []),
    ("type=text&folder=A", ["A/two.png", "A/one.txt"]),
    ("type=image&folder=A", []),
    ("type=text", ALL),
    ("type=&sort=-date", ALL),
]


@pytest.mark.parametrize("limit", [1, 50])
def test_what_each_query_lists(api: Api, files: dict[str, str], limit: int) -> None:
    for query, expected in QUERIES:
        found: list[str] = []
        url = f"/files?{query}&limit={limit}"
        while url:
            response = api.get(url)
            found += names(response)
            link = response.headers.get("Link", "")
            url = link.partition(">")[0].removeprefix("<http://testserver")
        assert found == expected, query


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("folder=/A", "invalid_folder"), ("folder=A/../B&q=a", "invalid_folder"),
        ("folder=A&sort=size", "invalid_sort"), ("sort=name", "invalid_sort"),
        ("folder=A&sort=name&q=a", "invalid_sort"), ("type=x", "invalid_type"),
        ("folder=A&cursor=x", "invalid_cursor"), ("folder=A&limit=0", "invalid_limit"),
    ],
)  # fmt: skip
def test_an_invalid_query_is_refused(api: Api, query: str, code: str) -> None:
    check_error(api.get(f"/files?{query}"), 400, code)


def test_a_folder_is_shown_with_its_subfolders_and_totals(
    api: Api, files: dict[str, str], aws_requests: AwsRequests
) -> None:
    folder_actions.create(api.owner, "A/Empty")
    aws_requests.counts()
    shown = api.get("/folders?folder=A&sort=name").json()
    assert aws_requests.counts() == {"dynamodb": 2}
    assert shown["folder"] == {
        "folder": "A", "name": "A", "files": 2, "bytes": 10, "moving_to": None
    }  # fmt: skip
    assert shown["folders"] == [
        {"folder": "A/B", "name": "B", "files": 1, "bytes": 5},
        {"folder": "A/Empty", "name": "Empty", "files": 0, "bytes": 0},
    ]
    assert [file["file_name"] for file in shown["files"]] == ["one.txt", "two.png"]
    assert shown["next_cursor"] is None
    root = api.get("/folders").json()
    assert (root["folder"]["files"], root["folder"]["bytes"]) == (5, 25)
    assert [each["name"] for each in root["folders"]] == ["Ab", "A"]
    assert [file["file_name"] for file in root["files"]] == ["root.txt"]
    check_error(api.get("/folders?folder=x"), 404, "folder_not_found")


def test_a_folder_is_paged_with_subfolders_first(api: Api, files: dict[str, str]) -> None:
    shown, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/folders?folder=A&sort=name&limit=1&cursor={cursor}").json()
        shown += [each["name"] for each in page["folders"]]
        shown += [each["file_name"] for each in page["files"]]
        cursor = page["next_cursor"]
    assert shown == ["B", "one.txt", "two.png"]


def test_a_search_tells_how_many_files_it_examined_and_continues(
    api: Api, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_EXAMINED", 2)
    response = api.get("/files?q=root")
    assert response.json() == []
    assert response.headers["X-Filehub-Examined"] == "2"
    assert "q=root" in response.headers["Link"]
    assert "X-Filehub-Examined" not in api.get("/files").headers


# Changing


def test_a_file_is_renamed_and_moved(api: Api, files: dict[str, str]) -> None:
    upload_id = files["A/one.txt"]
    changed = api.patch(f"/files/{upload_id}", {"file_name": "1.txt", "folder": "C/D"}).json()
    assert (changed["file_name"], changed["folder"]) == ("1.txt", "C/D")
    assert api.get(f"/files/{upload_id}").json() == changed
    assert api.patch(f"/files/{upload_id}", {"folder": ""}).json()["folder"] == ""
    assert folder_totals(api.owner)["C/D"] == (0, 0, 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_changes"), ({"file_name": None}, "missing_changes"),
        ({"file_name": ""}, "missing_file_name"), ({"file_name": 5}, "invalid_file_name"),
        ({"file_name": "a\ud800"}, "invalid_name"), ({"folder": "a\ud800"}, "invalid_folder"),
        ({"folder": "/"}, "invalid_folder"), ({"folder": 5}, "invalid_folder"),
        ({"file_name": "a" * 256}, "name_too_long"),
    ],
)  # fmt: skip
def test_an_invalid_change_is_refused(api: Api, body: object, code: str) -> None:
    check_error(api.patch(f"/files/{store(api.owner)}", body), 400, code)


def test_files_move_together_with_a_result_for_each(api: Api, files: dict[str, str]) -> None:
    ids = [files["root.txt"], UNKNOWN, files["A/B/deep.txt"]]
    response = api.post("/files/move", {"ids": ids, "folder": "New"})
    assert response.status_code == 200
    assert response.json() == {
        "results": [
            {"id": ids[0], "state": "moved"},
            {"id": UNKNOWN, "error": "File not found", "code": "file_not_found"},
            {"id": ids[2], "state": "moved"},
        ]
    }
    assert names(api.get("/files?folder=New&sort=name")) == ["New/deep.txt", "New/root.txt"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"folder": "A"}, "missing_ids"), ({"ids": [], "folder": "A"}, "missing_ids"),
        ({"ids": "a", "folder": "A"}, "invalid_ids"), ({"ids": ["a"]}, "missing_folder"),
        ({"ids": ["a"], "folder": "/"}, "invalid_folder"),
        ({"ids": ["a"], "folder": None}, "invalid_folder"),
        ({"ids": [f"{n}" for n in range(101)], "folder": "A"}, "too_many_ids"),
    ],
)  # fmt: skip
def test_an_invalid_move_is_refused(api: Api, body: object, code: str) -> None:
    check_error(api.post("/files/move", body), 400, code)


def test_a_folder_is_created_renamed_and_deleted(api: Api) -> None:
    created = api.post("/folders", {"folder": "A/B"})
    assert (created.status_code, created.json()) == (201, {"folder": "A/B", "state": "created"})
    again = api.post("/folders", {"folder": "A/B"})
    assert (again.status_code, again.json()) == (200, {"folder": "A/B", "state": "exists"})
    check_error(api.delete("/folders?folder=A"), 409, "folder_not_empty")
    renamed = api.patch("/folders", {"folder": "A", "to": "C"})
    assert (renamed.status_code, renamed.json()) == (200, {"folder": "C", "state": "moved"})
    assert api.delete("/folders?folder=C/B").status_code == 204
    assert api.delete("/folders?folder=C").status_code == 204
    check_error(api.delete("/folders?folder=C"), 404, "folder_not_found")


@pytest.mark.parametrize(
    ("method", "body", "status", "code"),
    [
        ("post", {}, 400, "missing_folder"), ("post", {"folder": ""}, 400, "missing_folder"),
        ("post", {"folder": "/"}, 400, "invalid_folder"),
        ("patch", {"folder": "A"}, 400, "missing_to"),
        ("patch", {"folder": "A", "to": ""}, 400, "missing_to"),
        ("patch", {"folder": "A", "to": "B/"}, 400, "invalid_folder"),
        ("patch", {"folder": "A", "to": "b\ud800"}, 400, "invalid_folder"),
        ("patch", {"folder": "A", "to": "A/B"}, 400, "folder_into_itself"),
        ("patch", {"folder": "x", "to": "B"}, 404, "folder_not_found"),
        ("patch", {"folder": "A", "to": "Ab"}, 409, "folder_exists"),
    ],
)  # fmt: skip
def test_an_impossible_change_of_a_folder_is_refused(
    api: Api, files: dict[str, str], method: str, body: object, status: int, code: str
) -> None:
    check_error(getattr(api, method)("/folders", body), status, code)


def test_a_large_folder_is_moved_by_tasks(
    api: Api, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_actions, "ITEMS_IN_REQUEST", 1)
    monkeypatch.setattr(tasks, "MOVED_PER_TASK", 1)
    monkeypatch.setattr(folder_actions, "STEP", 1)
    response = api.patch("/folders", {"folder": "A", "to": "Z"})
    assert (response.status_code, response.json()) == (202, {"folder": "Z", "state": "moving"})
    assert api.get("/folders?folder=A").json()["folder"]["moving_to"] == "Z"
    runs = 0
    while messages := drain(conf().tasks_queue):
        for message in messages:
            tasks.move_folder(*arguments(message["Body"]))
            runs += 1
    assert runs > 1
    assert sorted(folder_totals(api.owner)) == ["Ab", "Z", "Z/B"]
    assert names(api.get("/files?q=o&folder=Z")) == ["Z/two.png", "Z/one.txt"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "/files/{}", {"file_name": "x"}),
        ("patch", "/files/{}", {"folder": "x"}),
        ("delete", "/folders?folder=A", None),
        ("patch", "/folders", {"folder": "A", "to": "B"}),
        ("get", "/folders?folder=A", None),
    ],
)
def test_strangers_get_404(
    api: Api, other_api: Api, files: dict[str, str], method: str, path: str, body: object
) -> None:
    before = folder_totals(api.owner)
    arguments_ = [] if body is None else [body]
    response = getattr(other_api, method)(path.format(files["A/one.txt"]), *arguments_)
    check_error(response, 404)
    results = other_api.post("/files/move", {"ids": [files["A/one.txt"]], "folder": "x"}).json()
    assert results["results"][0]["code"] == "file_not_found"
    assert names(other_api.get("/files?folder=A")) == []
    assert folder_totals(api.owner) == before


# The version of the list


def test_the_version_of_the_list_is_cheap_to_poll(
    api: Api, other_api: Api, aws_requests: AwsRequests
) -> None:
    first = api.get("/files/version")
    assert first.json() == {"version": 0}
    upload_id = store(api.owner)
    aws_requests.counts()
    second = api.get("/files/version")
    assert aws_requests.counts() == {"dynamodb": 1}
    assert second["ETag"] != first["ETag"]
    assert "private" in second["Cache-Control"]
    token = api._client.defaults["HTTP_AUTHORIZATION"]
    client = Client(headers={"Authorization": token})
    unchanged = client.get("/files/version", headers={"If-None-Match": second["ETag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged["ETag"] == second["ETag"]
    api.patch(f"/files/{upload_id}", {"file_name": "b.txt"})
    changed = client.get("/files/version", headers={"If-None-Match": second["ETag"]})
    assert changed.status_code == 200
    assert other_api.get("/files/version").json() == {"version": 0}
