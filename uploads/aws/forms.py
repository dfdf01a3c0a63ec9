"""Forms for browsers that send a file to S3 by POST, signed in advance. IAM: s3:PutObject.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from uploads.aws import s3
from uploads.aws.errors import aws_errors
from uploads.aws.signer import presign_form
from uploads.core.conf import conf
from uploads.core.keys import object_key


@dataclass(frozen=True)
class SignedForm:
    """A form that its holder may POST to `url` with the file as its last field, until it expires.

    Unlike a SignedRequest it may be sent again: S3 has no condition for forms that an object must
    not exist. Each object that it creates is inspected as any other.
    """

    url: str
    fields: dict[str, str]


def sign_form(
    upload_id: str,
    *,
    owner: str,
    file_name: str,
    folder: str,
    content_type: str,
    max_size: int,
    extra: Mapping[str, str] | None = None,
) -> SignedForm:
    """Sign a form for one key, owner, name, folder and type, and at most `max_size` bytes.

    Raises BackendUnavailable without credentials.
    """
    fields = {
        "key": object_key(upload_id),
        "Content-Type": content_type,
        **s3.metadata_headers(owner, file_name, folder, extra),
    }
    with aws_errors("S3 could not sign the form."):
        signed = presign_form(
            conf().bucket,
            fields,
            max_size=max_size,
            credentials=s3.credentials(),
            region=conf().region,
            expires=conf().url_expiry,
            now=datetime.now(UTC),
        )
    return SignedForm(conf().s3_bucket_url, signed)
