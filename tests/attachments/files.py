"""Files that were uploaded for a field, in every state."""

from __future__ import annotations

from django.contrib.auth.models import User

from tests.support.http import put
from uploads.accounts.owners import owner_of
from uploads.core.fields import FieldRules
from uploads.ingest import confirm
from uploads.transfers import begin

MANUAL = "attachments.product.manual"


def send(
    user: User,
    key: str = MANUAL,
    name: str = "a.txt",
    body: bytes = b"hello",
    type_: str = "",
    types: tuple[str, ...] = (),
) -> str:
    """Upload a file for a field, without confirming it; return its id."""
    file = begin.FileRequest(
        name, len(body), type_ or "text/plain", field=FieldRules(key, types) if key else None
    )
    begun = begin.begin_upload(owner_of(user), file)
    assert isinstance(begun, begin.StartedUpload)
    assert put(begun.request, body).status == 200
    return begun.id


def stored(user: User, key: str = MANUAL, name: str = "a.txt", body: bytes = b"hello",
           type_: str = "") -> str:  # fmt: skip
    """Upload a file for a field and have it recorded; return its id."""
    upload_id = send(user, key, name, body, type_)
    assert confirm.confirm(upload_id) == "stored"
    return upload_id
