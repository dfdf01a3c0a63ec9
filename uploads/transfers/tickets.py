"""Tickets: permissions for one request about an upload, signed for clients that send it without
their credentials. A ticket is to filehub what a presigned URL is to S3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from django.core import signing

from uploads.core.conf import conf

Operation = Literal["create", "list", "complete", "abort"]

_SALT = "filehub.ticket"
#: Longer than any ticket that filehub creates, because names, tags and contexts have limits. Longer
#: input is rejected unchecked.
_MAX_LENGTH = 6_000


@dataclass(frozen=True)
class Ticket:
    """What its holder may do, as which owner: create an upload in parts, or change that of a token.

    It expires after as many seconds as presigned requests do.
    """

    operation: Operation
    owner: str
    #: Of a new upload: what the client said about the file, already validated.
    file_name: str = ""
    folder: str = ""
    tags: tuple[str, ...] = ()
    context: str = ""
    destination: str = ""
    #: Of an upload that exists: its token.
    token: str = ""

    def sign(self) -> str:
        """The signed, URL-safe form."""
        return signing.dumps(asdict(self), salt=_SALT, compress=True)


def read(text: str) -> Ticket | None:
    """Verify a ticket; None if it was edited, has expired or is none."""
    if len(text) > _MAX_LENGTH:
        return None
    try:
        fields = signing.loads(text, salt=_SALT, max_age=conf().url_expiry)
        return Ticket(**{**fields, "tags": tuple(fields.get("tags", ()))})
    except (signing.BadSignature, AttributeError, TypeError, ValueError):
        return None
