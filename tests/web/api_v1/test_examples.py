"""Each example of the OpenAPI description is a request that works, and what it returns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.support.http import send, sha256
from tests.web.api_v1.conftest import V1
from tests.web.security.routes import descriptions
from uploads.core.limits import MIB
from uploads.files import folder_actions, trash
from uploads.files.batches import Actor
from uploads.ingest import confirm
from uploads.web.api.v1 import api as v1_api
from uploads.web.api.v1.examples import EXAMPLES, FILE_ID, TOKEN

SPECIFICATION = v1_api.get_openapi_schema()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for (method, path), operation in descriptions(v1_api).items()
}
JSON = "application/json"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(48_205)
#: What differs from request to request: the type is compared, not the value.
VARIES = {
    "id", "url", "headers", "expires_at", "created_at", "confirmed_at", "token", "owner", "etag",
    "sha256", "version", "deleted", "examined",
}  # fmt: skip

#: What the example names FILE_ID, and its token.
Target = tuple[str, str]


def example_of(operation: dict[str, Any]) -> Any:
    return operation["requestBody"]["content"][JSON]["example"]


def photo(v1: V1) -> Target:
    """The stored file that most examples are about."""
    begun = v1.begin(example_of(OPERATIONS["begin_upload"][2])).json()
    assert send("PUT", begun["url"], PNG, begun["headers"]).status == 200
    assert confirm.confirm(begun["id"]) == "stored"
    return begun["id"], ""


def photo_in_trash(v1: V1) -> Target:
    upload_id, _ = photo(v1)
    trash.move_to_trash([upload_id], Actor(v1.owner, v1.owner))
    return upload_id, ""


def parts(v1: V1, number: int) -> Target:
    """A file in two parts, this number of which S3 has."""
    body = {"file_name": "a", "size": 6 * MIB, "part_size": 5 * MIB}
    begun = v1.begin(body).json()
    for part, data in [(1, bytes(5 * MIB)), (2, bytes(MIB))][:number]:
        request = {
            "token": begun["token"],
            "parts": [{"part_number": part, "sha256": sha256(data)}],
        }
        signed = v1.send("post", f"/uploads/{begun['id']}/parts", request).json()["parts"][0]
        assert send("PUT", signed["url"], data, signed["headers"]).status == 200
    return begun["id"], begun["token"]


def empty_folder(v1: V1) -> Target:
    folder_actions.create(v1.owner, "Empty")
    return FILE_ID, ""


#: What exists before the example is sent. The others are about the photo.
PREPARE: dict[str, Callable[[V1], Target]] = {
    "begin_upload": empty_folder,
    "begin_uploads": empty_folder,
    "delete_folder": empty_folder,
    "sign_parts": lambda v1: parts(v1, 0),
    "list_parts": lambda v1: parts(v1, 1),
    "complete_upload": lambda v1: parts(v1, 2),
    "abort_upload": lambda v1: parts(v1, 1),
    "restore_file": photo_in_trash,
    "restore_files": photo_in_trash,
    "empty_trash": photo_in_trash,
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_example_returns_what_it_says(v1: V1, name: str) -> None:
    method, path, operation = OPERATIONS[name]
    upload_id, token = PREPARE.get(name, photo)(v1)
    query, headers = {}, {}
    for parameter in operation["parameters"]:
        value = with_ids(parameter.get("example"), upload_id, token)
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif value is not None:
            (headers if parameter["in"] == "header" else query)[parameter["name"]] = value
    body = with_ids(example_of(operation), upload_id, token) if "requestBody" in operation else None
    response = v1.send(method, path, body, headers, query)
    example = EXAMPLES[name]
    assert response.status_code == example.status, response.content
    described = operation["responses"][example.status].get("content", {}).get(JSON)
    if described is None:
        assert response.content == b""
        return
    for instance in (response.json(), described["example"]):
        check_schema(instance, described["schema"])
    assert comparable(response.json()) == comparable(described["example"])


def with_ids(value: Any, upload_id: str, token: str) -> Any:
    """The example with the ids of what exists."""
    if value is None:
        return None
    text = json.dumps(value).replace(FILE_ID, upload_id).replace(TOKEN, token)
    return json.loads(text)


def check_schema(instance: Any, schema: dict[str, Any]) -> None:
    root = {**schema, "components": json.loads(json.dumps(SPECIFICATION["components"]))}
    Draft202012Validator(root).validate(instance)


def comparable(value: Any, name: str = "") -> Any:
    """The value, with types instead of what differs from request to request."""
    if isinstance(value, list):
        return [comparable(item, name) for item in value]
    if isinstance(value, dict) and name not in VARIES:
        return {key: comparable(item, key) for key, item in value.items()}
    return type(value).__name__ if name in VARIES else value
