"""Presigned downloads, which django-storages signs. IAM: s3:GetObject."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from storages.backends.s3 import S3Storage

from uploads.aws.errors import aws_errors
from uploads.core.conf import conf
from uploads.core.keys import object_key
from uploads.core.names import content_disposition


def _current_storage() -> S3Storage:
    """The storage of this installation's bucket, whatever the project's default storage is."""
    current = conf()
    addressing = "path" if current.s3_path_style else "virtual"
    return _storage(current.bucket, current.region, current.s3_url, addressing, current.url_expiry)


@lru_cache(maxsize=4)  # The settings are fixed for each installation.
def _storage(
    bucket: str, region: str, endpoint_url: str, addressing: str, expiry: int
) -> S3Storage:
    return S3Storage(
        bucket_name=bucket,
        region_name=region,
        endpoint_url=endpoint_url,
        signature_version="s3v4",
        addressing_style=addressing,
        querystring_expire=expiry,
        querystring_auth=True,
        # The rest would come from the project's AWS_… settings, which are for its own storage.
        custom_domain=None,
        location="",
        client_config=None,
        access_key=None,
        secret_key=None,
        security_token=None,
        session_profile=None,
    )


def sign(
    upload_id: str, *, file_name: str, inline: bool = False, content_type: str | None = None
) -> tuple[str, datetime]:
    """Presign a GET; return its URL and expiry. Browsers save the file under its name (RFC 6266).

    With `content_type`, S3 responds with that type instead of the object's own.
    """
    parameters = {"ResponseContentDisposition": content_disposition(file_name, inline=inline)}
    if content_type is not None:
        parameters["ResponseContentType"] = content_type
    with aws_errors("S3 could not sign the download."):
        url = _current_storage().url(object_key(upload_id), parameters=parameters)
    return url, datetime.now(UTC) + timedelta(seconds=conf().url_expiry)
