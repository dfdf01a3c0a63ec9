"""The storage report as text, and unfinished uploads for it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from uploads.aws import clients, multipart
from uploads.core import keys
from uploads.core.conf import conf

PATH = "/admin/uploads/storagereport/"
ABORT = f"{PATH}abort/"


def page(client: Client, query: str = "") -> str:
    response = client.get(f"{PATH}{query}")
    assert response.status_code == 200
    return response.content.decode()


def section(html: str, title: str) -> str:
    """The text of a section of the report, in one line."""
    match = re.search(
        rf'<section class="module" aria-labelledby="{title}">(.*?)</section>', html, re.DOTALL
    )
    assert match, html
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", match[1])).split())


def begin(*parts: bytes, upload_id: str | None = None) -> tuple[str, str]:
    """Begin an upload with these parts; return its id and S3's upload ID."""
    upload_id = upload_id or keys.new_upload_id("7", "secret")
    s3_id = multipart.create(
        upload_id, owner="7", file_name="big.bin", content_type="text/plain", checksums=False
    )
    for number, body in enumerate(parts, 1):
        clients.s3().upload_part(
            Bucket=conf().bucket,
            Key=keys.object_key(upload_id),
            UploadId=s3_id,
            PartNumber=number,
            Body=body,
        )
    return upload_id, s3_id


def choice(upload_id: str, s3_id: str) -> str:
    """The form value of an unfinished upload."""
    return f"{s3_id} {keys.object_key(upload_id)}"


def unfinished_in_s3() -> set[str]:
    """S3's upload IDs of the unfinished uploads."""
    response = clients.s3().list_multipart_uploads(Bucket=conf().bucket)
    return {upload["UploadId"] for upload in response.get("Uploads", [])}


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]
