"""The protocol of Uppy's Companion, driven over HTTP exactly as @uppy/aws-s3 5.1 drives it."""

from __future__ import annotations

import json
from copy import copy
from typing import Any
from urllib.parse import quote, urlencode

from django.contrib.auth.models import User
from django.test import Client

from tests.support.http import send
from uploads.accounts import api_tokens
from uploads.core import keys
from uploads.core.limits import MIB

PART = 5 * MIB
BODY = b"".join(bytes([n]) * MIB for n in range(12))
CHUNKS = [BODY[start : start + PART] for start in range(0, len(BODY), PART)]


class Uppy:
    """The requests of Uppy for one file."""

    def __init__(
        self, user: User, name: str = "große Datei.bin", type_: str = "text/plain"
    ) -> None:
        self.name, self.type = name, type_
        self.http = Client(
            headers={
                "Accept": "application/json",
                "Authorization": f"Bearer {api_tokens.create(user)}",
            }
        )
        self.key = self.upload_id = ""

    def params(self, accept: str | None = "application/json") -> Any:
        query = urlencode(
            {
                "filename": self.name,
                "type": self.type,
                "metadata[name]": self.name,
                "metadata[type]": self.type,
            }
        )
        client = copy(self.http)
        client.defaults = {k: v for k, v in client.defaults.items() if k != "HTTP_ACCEPT"}
        headers = {} if accept is None else {"Accept": accept}
        return client.get(f"/s3/params?{query}", headers=headers)

    def create(self) -> Any:
        metadata = {"name": self.name, "type": self.type, "relativePath": "null"}
        response = self._post(
            "/s3/multipart", {"filename": self.name, "type": self.type, "metadata": metadata}
        )
        if response.status_code == 200:
            self.key, self.upload_id = response.json()["key"], response.json()["uploadId"]
        return response

    def sign(self, number: int | str) -> Any:
        return self.http.get(self._path(f"/{number}"))

    def list_parts(self) -> Any:
        return self.http.get(self._path())

    def send(self, number: int, body: bytes | None = None) -> dict[str, Any]:
        signed = self.sign(number)
        assert signed.status_code == 200, signed.content
        response = send("PUT", signed.json()["url"], body or CHUNKS[number - 1])
        assert response.status == 200, response.body
        return {"ETag": response.headers["ETag"], "PartNumber": number}

    def send_all(self) -> list[dict[str, Any]]:
        return [self.send(number) for number in range(1, len(CHUNKS) + 1)]

    def complete(self, parts: list[dict[str, Any]]) -> Any:
        return self._post(self._path("/complete"), {"parts": parts})

    def abort(self) -> Any:
        return self.http.delete(self._path())

    def _path(self, rest: str = "") -> str:
        """Encode both as encodeURIComponent does."""
        return (
            f"/s3/multipart/{quote(self.upload_id, safe='')}{rest}?key={quote(self.key, safe='')}"
        )

    def _post(self, path: str, body: Any) -> Any:
        return self.http.post(path, json.dumps(body), content_type="application/json")

    @property
    def id(self) -> str:
        upload_id = keys.upload_id_of(self.key)
        assert upload_id
        return upload_id


def refused(response: Any, status: int, code: str) -> str:
    """The error has filehub's format, and a `message` for Uppy."""
    assert (response.status_code, response.json()["code"]) == (status, code), response.content
    assert response.json()["message"] == response.json()["error"]
    return str(response.json()["message"])
