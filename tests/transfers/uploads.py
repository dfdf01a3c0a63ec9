"""An upload in parts, as a client of the API makes it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import quote

from tests.support.http import Response, send, sha256
from tests.support.users import Api
from uploads.aws import clients
from uploads.core.conf import conf
from uploads.core.limits import MIB

PART = 5 * MIB
BODY = b"".join(bytes([n]) * MIB for n in range(12))
PARTS = [BODY[start : start + PART] for start in range(0, len(BODY), PART)]


class Upload:
    """An upload in parts, as a client of the API makes it."""

    def __init__(self, api: Api, **fields: Any) -> None:
        self.api = api
        body = {"file_name": "große Datei.bin", "content_type": "text/plain", "size": len(BODY)}
        response = api.post("/uploads", body | fields)
        assert response.status_code == 201, response.content
        self.begun = response.json()
        self.id, self.token = self.begun["id"], self.begun["token"]
        self.path = f"/uploads/{self.id}"

    def sign(self, *parts: dict[str, Any], token: str | None = None) -> Any:
        body = {"token": self.token if token is None else token, "parts": list(parts)}
        return self.api.post(f"{self.path}/parts", body)

    def send(self, number: int, body: bytes | None = None, **signed: Any) -> Response:
        """Get one part signed and send it, or another body in its place."""
        requested = {"part_number": number, "sha256": sha256(PARTS[number - 1])} | signed
        (part,) = self.sign(requested).json()["parts"]
        assert (part["part_number"], part["method"]) == (number, "PUT")
        return send("PUT", part["url"], body or PARTS[number - 1], part["headers"])

    def send_all(self) -> None:
        for number in range(1, len(PARTS) + 1):
            assert self.send(number).status == 200

    def listed(self) -> Any:
        return self.api.get(f"{self.path}/parts?token={self.token}")

    def complete(self) -> Any:
        return self.api.post(f"{self.path}/complete", {"token": self.token})

    def abort(self) -> Any:
        return self.api.delete(f"{self.path}?token={self.token}")


def incomplete() -> list[str]:
    response = clients.s3().list_multipart_uploads(Bucket=conf().bucket)
    return [entry["Key"] for entry in response.get("Uploads", [])]


def composite(parts: list[bytes]) -> str:
    """S3's checksum of a file in parts: the digest of the digests of its parts."""
    digests = b"".join(hashlib.sha256(part).digest() for part in parts)
    return f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-{len(parts)}"


def every_route(begun: Upload, path: str, token: str) -> list[Any]:
    body = {"token": token, "parts": [{"part_number": 1}]}
    return [
        begun.api.post(f"{path}/parts", body),
        begun.api.get(f"{path}/parts?token={quote(token)}"),
        begun.api.delete(f"{path}?token={quote(token)}"),
    ] + ([begun.api.post(f"{path}/complete", {"token": token})] if token else [])
