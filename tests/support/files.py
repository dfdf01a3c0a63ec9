"""Files in every state between the signature and the record."""

from __future__ import annotations

from tests.support.http import put
from uploads.aws import s3
from uploads.core import keys
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.transfers import begin


def upload(
    owner: str,
    name: str = "a.txt",
    body: bytes = b"hello",
    type_: str = "text/plain",
    folder: str = "",
) -> str:
    """Begin an upload and send it, without confirming it; return its id."""
    begun = begin.begin_put(
        owner, file_name=name, folder=folder, content_type=type_, size=len(body)
    )
    assert put(begun.request, body).status == 200
    return begun.id


def put_under(upload_id: str, owner: str, body: bytes, type_: str = "text/plain") -> None:
    """Put an object under this id, past filehub's checks."""
    request = s3.sign_put(
        upload_id, owner=owner, file_name="a.txt", content_type=type_, size=len(body), sha256=None
    )
    assert put(request, body).status == 200


def old_upload(owner: str, body: bytes = b"hello") -> str:
    """Put an object that was signed long ago and has no record; return its id."""
    upload_id = keys._make(1_700_000_000_000, owner, "secret")
    put_under(upload_id, owner, body)
    return upload_id


def store(owner: str, name: str = "a.txt", body: bytes = b"hello", folder: str = "") -> str:
    """Upload and confirm a file; return its id."""
    upload_id = upload(owner, name, body, folder=folder)
    assert confirm.confirm(upload_id) == "stored"
    return upload_id


def removal(upload_id: str, number: int) -> confirm.Outcome:
    """Delete the object and apply the event of its removal with this sequencer."""
    s3.delete(upload_id)
    sequencer = f"{number:018X}".ljust(64, "0")
    return confirm.apply_event(ObjectEvent("removed", upload_id, sequencer))
