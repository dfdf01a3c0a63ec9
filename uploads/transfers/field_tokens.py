"""The field token: which form field a file is for, signed for the user who has the form.

The page with the form has it, and the client sends it with the request that begins an upload. So
nobody can upload a file for a field that they were not shown, or with other limits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core import signing

from uploads.core.errors import InvalidRequest
from uploads.core.fields import FieldRules

#: How long a page with a form may be open before its uploads begin.
LIFETIME = timedelta(days=1)
_SALT = "filehub.field"
#: Longer than any token that filehub creates. Longer input is rejected unchecked.
_MAX_LENGTH = 2_000


def sign(field: FieldRules, owner: str) -> str:
    """The signed, URL-safe form of a field, for uploads of this owner."""
    fields: dict[str, Any] = {"key": field.key, "owner": owner}
    if field.types:
        fields["types"] = field.types
    if field.max_size is not None:
        fields["max_size"] = field.max_size
    return signing.dumps(fields, salt=_SALT, compress=True)


def read(text: str, owner: str) -> FieldRules:
    """Verify a token for this owner.

    Raises InvalidRequest: `field_expired` if it is too old, else `invalid_field`, whether it was
    edited or is another user's.
    """
    invalid = InvalidRequest(
        "field is not the token of a form field of yours.", code="invalid_field"
    )
    if len(text) > _MAX_LENGTH:
        raise invalid
    try:
        fields = signing.loads(text, salt=_SALT)
        key, signed_for = fields["key"], fields["owner"]
        field = FieldRules(key, tuple(fields.get("types", ())), fields.get("max_size"))
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        raise invalid from None
    if signed_for != owner:
        raise invalid
    # Check the age last: only its user may learn that a token has expired.
    try:
        signing.loads(text, salt=_SALT, max_age=LIFETIME)
    except signing.SignatureExpired:
        raise InvalidRequest(
            "This form has been open for too long. Reload the page.", code="field_expired"
        ) from None
    return field
