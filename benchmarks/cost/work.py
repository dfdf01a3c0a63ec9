"""What is done with files while requests are counted, as users and filehub's processes do it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks import objects
from benchmarks.cost import recorder
from benchmarks.objects import Resources
from tests.support.http import send, sha256
from tests.support.sample_files import png
from tests.support.users import Api
from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.limits import MIB, S3_MIN_PART_SIZE

CONTENT = b"x" * 1024
IMAGE = png()
#: Parts of the upload in parts.
PARTS = 3
LARGE = bytes(S3_MIN_PART_SIZE * (PARTS - 1) + MIB)


def upload(api: Api, *, with_checksum: bool = True, name: str = "holiday 12.txt") -> str:
    """Upload a small file in one request; return its id."""
    body, content_type = (IMAGE, "image/png") if name.endswith(".png") else (CONTENT, "text/plain")
    declared: dict[str, Any] = {
        "file_name": name, "size": len(body), "content_type": content_type,
    }  # fmt: skip
    if with_checksum:
        declared["sha256"] = sha256(body)
    begun = expect(api.post("/uploads", declared), 201)
    _put(begun, body)
    return str(begun["id"])


def upload_many(api: Api, count: int) -> list[str]:
    """Upload small files whose signatures are requested together; return their ids."""
    declared = [
        {
            "file_name": f"holiday {number}.txt",
            "size": len(CONTENT),
            "content_type": "text/plain",
            "sha256": sha256(CONTENT),
        }
        for number in range(count)
    ]
    begun = expect(api.post("/uploads/batch", {"files": declared}), 200)["results"]
    for each in begun:
        _put(each, CONTENT)
    return [each["id"] for each in begun]


def upload_in_parts(api: Api) -> str:
    """Upload a file in PARTS parts; return its id."""
    begun = expect(api.post("/uploads", {"file_name": "film.bin", "size": len(LARGE)}), 201)
    size, token, path = begun["multipart"]["part_size"], begun["token"], f"/uploads/{begun['id']}"
    pieces = [LARGE[start : start + size] for start in range(0, len(LARGE), size)]
    if len(pieces) != PARTS:
        raise RuntimeError(f"the upload has {len(pieces)} parts")
    numbers = [
        {"part_number": number, "sha256": sha256(piece)} for number, piece in enumerate(pieces, 1)
    ]
    signed = expect(api.post(f"{path}/parts", {"token": token, "parts": numbers}), 200)["parts"]
    for part, piece in zip(signed, pieces, strict=True):
        _put(part, piece)
    expect(api.post(f"{path}/complete", {"token": token}), 202)
    return str(begun["id"])


def _put(signed: dict[str, Any], body: bytes) -> None:
    response = send("PUT", signed["url"], body, signed["headers"])
    if response.status != 200:
        raise RuntimeError(f"S3 responded with {response.status}: {response.body[:500]!r}")


def download(api: Api, upload_id: str) -> None:
    url = expect(api.get(f"/files/{upload_id}/download"), 200)["url"]
    if send("GET", url).body != CONTENT:
        raise RuntimeError("the download differs from the upload")


def change(api: Api, action: str, ids: Sequence[str]) -> None:
    """Move files to the trash, or do something else with many of them."""
    results = expect(api.post(f"/files/{action}", {"ids": list(ids)}), 200)["results"]
    if len(results) != len(ids) or any("error" in result for result in results):
        raise RuntimeError(f"{action} failed: {results[:3]}")


def expect(response: Any, status: int) -> Any:
    """The parsed body of a response. Raises RuntimeError for another status."""
    if response.status_code != status:
        raise RuntimeError(f"{response.status_code}: {response.content[:500]!r}")
    return response.json()


def records(ids: Sequence[str]) -> list[dict[str, Any]]:
    """The items as DynamoDB stores them. This is not counted."""
    resources = Resources(conf().bucket, conf().events_queue, conf().tasks_queue, conf().table)
    with recorder.paused():
        return objects.items(resources, list(ids))


def has_state(state: str, ids: Sequence[str]) -> bool:
    found = records(ids)
    return len(found) == len(ids) and all(item["state"] == {"S": state} for item in found)


def are_stored(ids: Sequence[str]) -> bool:
    return has_state("stored", ids)


def have_thumbnails(ids: Sequence[str]) -> bool:
    return are_stored(ids) and all("thumbnail" in item for item in records(ids))


def make_due(ids: Sequence[str]) -> None:
    """End the time in the trash of these files, without a change of their size."""
    with recorder.paused():
        for item in records(ids):
            clients.dynamodb().update_item(
                TableName=conf().table,
                Key={"id": item["id"]},
                UpdateExpression="SET purgeAt = createdAt",
            )
