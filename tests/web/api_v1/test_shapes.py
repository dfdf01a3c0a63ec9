"""Names, conflicts, invalid fields, pages and deletions as generated clients need them."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from tests.support.files import removal, store, upload
from tests.web.api_v1.conftest import V1
from tests.web.security.routes import UNKNOWN, descriptions
from uploads.core.limits import MIB
from uploads.files import trash
from uploads.files.batches import Actor
from uploads.web.api.v1 import api as v1_api

#: Generated clients name their functions after these.
NAMES = {
    "abort_upload", "begin_upload", "begin_uploads", "change_file", "complete_upload",
    "create_folder", "delete_file", "delete_files", "delete_folder", "empty_trash", "get_download",
    "get_file", "get_folder", "get_preview", "get_upload", "get_version", "list_files",
    "list_parts", "list_uploads", "move_files", "move_folder", "restore_file", "restore_files",
    "sign_parts", "trash_file", "trash_files",
}  # fmt: skip


def test_the_description_is_openapi_3_1_with_stable_names_and_described_tags(v1: V1) -> None:
    description = v1.send("get", "/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    operations = descriptions(v1_api).values()
    assert {operation["operationId"] for operation in operations} == NAMES
    described = {tag["name"] for tag in description["tags"] if tag["description"]}
    assert {tag for operation in operations for tag in operation["tags"]} == described


def test_the_pages_about_the_two_apis_lead_to_each_other(v1: V1) -> None:
    assert 'href="/api/v1/docs"' in v1._client.get("/api/docs").content.decode()
    assert 'href="/api/docs"' in v1._client.get("/api/v1/docs").content.decode()


# --- Invalid fields -------------------------------------------------------------------------------


def test_everything_that_is_wrong_with_a_body_is_reported_at_once(
    v1: V1, settings: Settings
) -> None:
    settings.FILEHUB = settings.FILEHUB | {"ALLOWED_TYPES": ["image/*"]}
    response = v1.begin(
        {"file_name": "a\nb", "folder": "../x", "content_type": "text/plain", "size": "5",
         "sha256": "abc", "checksum": "md5"}
    )  # fmt: skip
    assert response.status_code == 400
    body = response.json()
    assert {(error["pointer"], error["code"]) for error in body["errors"]} == {
        ("/file_name", "invalid_name"),
        ("/folder", "invalid_folder"),
        ("/content_type", "type_not_allowed"),
        ("/size", "invalid_size"),
        ("/sha256", "invalid_sha256"),
        ("/checksum", "invalid_checksum"),
    }
    assert all(error["error"] for error in body["errors"])
    assert (body["error"], body["code"]) == (
        body["errors"][0]["error"],
        body["errors"][0]["code"],
    )


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "expected"),
    [
        ("post", "/uploads", {}, 400, [("/file_name", "missing_file_name"),
                                       ("/size", "missing_size")]),
        ("post", "/uploads", {"file_name": "a", "size": 2**60}, 413, [("/size", "file_too_large")]),
        ("post", "/uploads", None, 400, [("", "missing_body")]),
        ("patch", f"/files/{UNKNOWN}", {"file_name": "", "folder": "/"}, 400,
         [("/file_name", "missing_file_name"), ("/folder", "invalid_folder")]),
        ("post", "/files/move", {"ids": [1, "a", 2], "folder": "/"}, 400,
         [("/ids/0", "invalid_ids"), ("/ids/2", "invalid_ids"), ("/folder", "invalid_folder")]),
        ("patch", "/folders", {"folder": "a//b"}, 400, [("/folder", "invalid_folder"),
                                                        ("/to", "missing_to")]),
        ("get", "/files?limit=0&state=x", None, 400, [(None, "invalid_limit"),
                                                      (None, "invalid_state")]),
        ("get", "/uploads", None, 400, [(None, "missing_ids")]),
    ],
    ids=str,
)  # fmt: skip
def test_each_error_names_its_place(
    v1: V1, method: str, path: str, body: Any, status: int, expected: list[tuple[str | None, str]]
) -> None:
    response = v1.send(method, path, body)
    assert response.status_code == status, response.content
    errors = response.json()["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == expected


def test_each_file_of_a_batch_has_a_kind_and_all_of_its_errors(v1: V1, small_parts: int) -> None:
    files = [
        {"file_name": "a", "size": 1},
        {"file_name": "b", "size": small_parts + 1},
        {"file_name": "", "size": -1},
        7,
    ]
    results = v1.send("post", "/uploads/batch", {"files": files}).json()["results"]
    assert [result["kind"] for result in results] == ["single", "multipart", "error", "error"]
    assert [error["pointer"] for error in results[2]["errors"]] == ["/file_name", "/size"]
    assert results[3]["errors"] == []


# --- States ---------------------------------------------------------------------------------------


def test_a_deletion_is_accepted_and_its_location_tells_when_it_is_done(v1: V1) -> None:
    upload_id = store(v1.owner)
    accepted = v1.send("delete", f"/files/{upload_id}")
    assert accepted.status_code == 202
    assert accepted.json() == {"id": upload_id, "state": "deleting"}
    assert v1.send("get", accepted["Location"]).json()["state"] == "deleting"
    removal(upload_id, 2**60)
    assert v1.send("get", accepted["Location"]).json()["state"] == "deleted"
    repeated = v1.send("delete", f"/files/{upload_id}")
    assert (repeated.status_code, repeated.json()["state"]) == (202, "deleted")


def stored(v1: V1) -> str:
    return store(v1.owner)


def trashed(v1: V1) -> str:
    upload_id = store(v1.owner)
    trash.move_to_trash([upload_id], Actor(v1.owner, v1.owner))
    return upload_id


def deleting(v1: V1) -> str:
    upload_id = store(v1.owner)
    trash.delete([upload_id], Actor(v1.owner, v1.owner))
    return upload_id


def purged(v1: V1) -> str:
    upload_id = trashed(v1)
    trash.delete([upload_id], Actor(v1.owner, v1.owner))
    return upload_id


def deleted(v1: V1) -> str:
    upload_id = purged(v1)
    removal(upload_id, 2**60)
    return upload_id


@pytest.mark.parametrize(
    ("prepare", "method", "path", "state", "code"),
    [
        (trashed, "patch", "", "trashed", "wrong_state"),
        (trashed, "get", "/download", "trashed", "wrong_state"),
        (trashed, "get", "/preview", "trashed", "wrong_state"),
        (deleting, "patch", "", "deleting", "being_deleted"),
        (purged, "post", "/restore", "deleting", "being_deleted"),
        (purged, "post", "/trash", "deleting", "being_deleted"),
        (deleted, "post", "/restore", "deleted", "wrong_state"),
        (deleted, "patch", "", "deleted", "wrong_state"),
    ],
)
def test_a_conflict_names_the_state(
    v1: V1, prepare: Any, method: str, path: str, state: str, code: str
) -> None:
    upload_id = prepare(v1)
    body = {"file_name": "b.txt"} if method == "patch" else None
    response = v1.send(method, f"/files/{upload_id}{path}", body)
    assert response.status_code == 409, response.content
    assert response.json()["code"] == code
    assert response.json()["current"] == {"id": upload_id, "state": state}


def test_another_users_conflict_is_an_unknown_file(v1: V1, other_v1: V1) -> None:
    path = f"/files/{trashed(v1)}"
    for method, end in (("patch", ""), ("delete", ""), ("post", "/restore"), ("get", "/download")):
        response = other_v1.send(method, path + end, {"file_name": "b"})
        assert (response.status_code, response.json()["code"]) == (404, "file_not_found")
        assert "current" not in response.json()


def test_a_state_that_changes_meanwhile_is_a_conflict_too(
    v1: V1, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is moved to the trash between the check and the change."""
    upload_id = stored(v1)
    from uploads.web.api import files as root_files  # noqa: PLC0415

    change = root_files.moves.update

    def late(*arguments: Any, **options: Any) -> Any:
        trash.move_to_trash([upload_id], Actor(v1.owner, v1.owner))
        return change(*arguments, **options)

    monkeypatch.setattr(root_files.moves, "update", late)
    response = v1.send("patch", f"/files/{upload_id}", {"file_name": "b"})
    assert response.status_code == 409
    assert response.json()["current"]["state"] == "trashed"


def test_a_conflict_about_parts_names_the_state_of_the_upload(v1: V1, small_parts: int) -> None:
    begun = v1.begin({"file_name": "a", "size": small_parts + MIB}).json()
    response = v1.send("post", f"/uploads/{begun['id']}/complete", {"token": begun["token"]})
    assert (response.status_code, response.json()["code"]) == (409, "parts_missing")
    assert response.json()["current"] == {"id": begun["id"], "state": "pending"}


def test_pages_have_the_cursor_in_the_body_and_in_the_link(v1: V1) -> None:
    ids = [store(v1.owner, name) for name in ("a", "b", "c")]
    first = v1.send("get", "/files?limit=2")
    body = first.json()
    assert [item["id"] for item in body["items"]] == [ids[2], ids[1]]
    link = first["Link"]
    assert link == (
        f'<http://testserver/api/v1/files?limit=2&cursor={body["next_cursor"]}>; rel="next"'
    )
    second = v1.send("get", f"/files?limit=2&cursor={body['next_cursor']}")
    assert [item["id"] for item in second.json()["items"]] == [ids[0]]
    assert second.json()["next_cursor"] is None
    assert "Link" not in second


def test_the_states_of_uploads_are_items(v1: V1) -> None:
    pending = upload(v1.owner)
    response = v1.send("get", "/uploads", query={"ids": [UNKNOWN, pending]}).json()
    assert [(item["id"], item["state"]) for item in response["items"]] == [(pending, "pending")]
    assert response["next_cursor"] is None
