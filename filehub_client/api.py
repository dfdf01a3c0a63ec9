"""The calls of filehub's API (docs/contract.md), as flows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from filehub_client.config import Site
from filehub_client.errors import ApiError, FilehubError, api_error
from filehub_client.flow import Flow, Request, Response, send
from filehub_client.models import (
    Begun,
    File,
    FileSpec,
    Page,
    PartsPlan,
    SignedRequest,
    UploadStatus,
    parse_begun,
    parse_file,
    parse_request,
    parse_status,
    unexpected,
)
from filehub_client.retry import Retries, retrying

#: Ids in one request for states.
MAX_IDS = 100
#: Files in one request that begins uploads.
MAX_BATCH = 100


class Api:
    """One user's API of one site. Every call is retried, because all of them are safe to repeat:
    beginning an upload records nothing.
    """

    def __init__(self, site: Site, retries: Retries) -> None:
        self.site = site
        self._retries = retries

    def begin(self, files: Sequence[FileSpec]) -> Flow[list[Begun]]:
        """Begin 1 to MAX_BATCH uploads; what goes wrong with one is that file's result."""
        data = yield from self._call("POST", "/uploads/batch", {"files": list(map(_spec, files))})
        try:
            results = [_begun(result) for result in data["results"]]
        except (KeyError, TypeError):
            raise unexpected() from None
        if len(results) != len(files):
            raise unexpected()
        return results

    def sign_part(self, plan: PartsPlan, number: int, sha256: str) -> Flow[SignedRequest]:
        body = {"token": plan.token, "parts": [{"part_number": number, "sha256": sha256}]}
        data = yield from self._call("POST", f"/uploads/{quote(plan.id, '')}/parts", body)
        try:
            return parse_request(data["parts"][0])
        except (KeyError, TypeError, IndexError):
            raise unexpected() from None

    def parts(self, plan: PartsPlan) -> Flow[dict[int, str]]:
        """The parts that S3 has: number -> base64 SHA-256, which may be empty."""
        query = urlencode({"token": plan.token})
        data = yield from self._call("GET", f"/uploads/{quote(plan.id, '')}/parts?{query}")
        try:
            return {int(part["part_number"]): str(part.get("sha256") or "") for part in data}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise unexpected() from None

    def complete(self, plan: PartsPlan) -> Flow[None]:
        body = {"token": plan.token}
        yield from self._call("POST", f"/uploads/{quote(plan.id, '')}/complete", body)

    def confirm(self, upload_id: str) -> Flow[None]:
        """Ask filehub to look for the object now."""
        yield from self._call("POST", f"/uploads/{quote(upload_id, '')}/complete", {})

    def abort(self, plan: PartsPlan) -> Flow[None]:
        query = urlencode({"token": plan.token})
        yield from self._call("DELETE", f"/uploads/{quote(plan.id, '')}?{query}")

    def statuses(self, ids: Sequence[str]) -> Flow[dict[str, UploadStatus]]:
        """The states of any number of uploads, without those that are not yours."""
        found: dict[str, UploadStatus] = {}
        for start in range(0, len(ids), MAX_IDS):
            query = urlencode({"ids": ",".join(ids[start : start + MAX_IDS])})
            data = yield from self._call("GET", f"/uploads?{query}")
            if not isinstance(data, list):
                raise unexpected()
            found |= {status.id: status for status in map(parse_status, data)}
        return found

    def page(self, query: Mapping[str, str | int]) -> Flow[Page]:
        """A page of files; the query's parameters are those of `GET /files`."""
        path = f"/files?{urlencode(query)}" if query else "/files"
        response = yield from retrying(lambda: self._send("GET", path), self._retries)
        data = _json(response)
        if not isinstance(data, list):
            raise unexpected()
        return Page(tuple(map(parse_file, data)), next_cursor(response.headers.get("link", "")))

    def file(self, file_id: str) -> Flow[File]:
        return parse_file((yield from self._call("GET", f"/files/{quote(file_id, '')}")))

    def download_url(self, file_id: str) -> Flow[str]:
        """A presigned URL that returns the file's bytes."""
        data = yield from self._call("GET", f"/files/{quote(file_id, '')}/download")
        try:
            return str(data["url"])
        except (KeyError, TypeError):
            raise unexpected() from None

    def delete(self, file_id: str) -> Flow[None]:
        yield from self._call("DELETE", f"/files/{quote(file_id, '')}")

    def _call(self, method: str, path: str, body: Any = None) -> Flow[Any]:
        response = yield from retrying(lambda: self._send(method, path, body), self._retries)
        return _json(response) if response.body else None

    def _send(self, method: str, path: str, body: Any = None) -> Flow[Response]:
        headers = {"Authorization": f"Bearer {self.site.token}", "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        request = Request(method, f"{self.site.url}{path}", headers, content)
        response = yield from send(request)
        if not 200 <= response.status < 300:
            raise _error(response)
        return response


def next_cursor(link: str) -> str:
    """The cursor in a header `Link`. The address itself is not used: it may name another host."""
    for entry in link.split(","):
        address, _, parameters = entry.strip().partition(";")
        if 'rel="next"' in parameters:
            return parse_qs(urlsplit(address.strip("<>")).query).get("cursor", [""])[0]
    return ""


def _spec(file: FileSpec) -> dict[str, Any]:
    fields = {
        "file_name": file.file_name,
        "size": file.size,
        "content_type": file.content_type,
        "sha256": file.sha256,
        "part_size": file.part_size,
        "folder": file.folder or None,
        "tags": list(file.about.tags) or None,
        "context": file.about.context or None,
        "destination": file.about.destination or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _begun(result: Any) -> Begun:
    if "error" not in result:
        return parse_begun(result)
    code = str(result.get("code") or "error")
    # The batch has no status for each of its files; these two codes are the ones to wait for.
    status = {"rate_limited": 429, "unavailable": 503}.get(code, 400)
    return api_error(status, str(result["error"]), code, _seconds(result.get("retry_after")))


def _json(response: Response) -> Any:
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError):
        raise unexpected(response.status) from None


def _error(response: Response) -> FilehubError:
    try:
        data = _json(response)
        message, code = str(data["error"]), str(data["code"])
    except (FilehubError, KeyError, TypeError):
        return _foreign_error(response)
    retry_after = _seconds(response.headers.get("retry-after"))
    return api_error(response.status, message, code, retry_after)


def _foreign_error(response: Response) -> FilehubError:
    """The error for a response that is not filehub's: of a proxy, or of another site."""
    if response.status < 500 and response.status != 429:
        return unexpected(response.status)
    retry_after = _seconds(response.headers.get("retry-after"))
    message = f"The server responded with {response.status}."
    error: ApiError = api_error(response.status, message, "unavailable", retry_after)
    return error


def _seconds(value: Any) -> float | None:
    """The seconds of a header Retry-After; None if there are none, or if it is a date."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < float("inf") else None
