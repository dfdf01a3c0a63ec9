"""How a file can be shown: `GET /files/{id}/preview`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.files import upload
from tests.support.http import send
from tests.support.users import Api
from uploads.core.limits import MIB
from uploads.files import queries
from uploads.ingest import confirm


def preview(api: Api, body: bytes, type_: str) -> tuple[str, dict[str, Any]]:
    """Store a file; return its id and what the API says about its preview."""
    upload_id = upload(api.owner, "a\u202etxt.exe", body, type_)
    confirm.confirm(upload_id)
    return upload_id, api.get(f"/files/{upload_id}/preview").json()


@pytest.mark.parametrize(
    ("type_", "body", "charset", "sent_as"),
    [
        ("text/plain", "naïve".encode(), None, "text/plain; charset=utf-8"),
        ("text/html", b"<script>", None, "text/plain; charset=utf-8"),
        ("text/csv;charset=utf-16le", b"a\0", "utf-16le", "text/plain; charset=utf-16le"),
        ('text/plain;charset="latin1"', b"\xef", "latin1", "text/plain; charset=latin1"),
        ("text/plain;charset=utf-7", b"+ADw-", None, "text/plain; charset=utf-8"),
        ("application/xml", b"<a/>", None, "text/plain; charset=utf-8"),
    ],
)
def test_a_text_is_previewed_as_plain_text(
    api: Api, type_: str, body: bytes, charset: str | None, sent_as: str
) -> None:
    _id, shown = preview(api, body, type_)
    assert (shown["kind"], shown["reason"]) == ("text", None)
    assert (shown["charset"], shown["max_bytes"]) == (charset, MIB)
    response = send("GET", shown["url"])
    assert (response.body, response.headers["Content-Type"]) == (body, sent_as)
    assert response.headers["Content-Disposition"].startswith("inline")


def test_a_preview_is_no_download(api: Api) -> None:
    upload_id, shown = preview(api, b"%PDF-1.4\n", "application/pdf")
    assert (shown["kind"], shown["charset"], shown["max_bytes"]) == ("pdf", None, None)
    assert datetime.fromisoformat(shown["expires_at"]) > datetime.now(UTC)
    assert send("GET", shown["url"]).headers["Content-Type"] == "application/pdf"
    assert queries.stored_file(upload_id, api.owner).downloads == 0


@pytest.mark.parametrize(
    ("type_", "body", "reason"),
    [
        ("image/svg+xml", b"<svg onload='alert(1)'/>", "type"),
        ("application/zip", b"PK", "type"),
        ("text/plain", b"", "empty"),
    ],
)
def test_without_a_preview_there_is_a_reason_and_no_url(
    api: Api, type_: str, body: bytes, reason: str
) -> None:
    _id, shown = preview(api, body, type_)
    nothing = dict.fromkeys(("kind", "url", "expires_at", "charset", "max_bytes"))
    assert shown == {**nothing, "reason": reason}
