"""Errors about one foreign object, and those that may pass. No requests."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from uploads.aws import foreign
from uploads.core.errors import BackendUnavailable

RESTORED = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2029 00:00:00 GMT"'


@pytest.mark.parametrize(
    ("headers", "is_archived"),
    [
        ({}, False),
        ({"StorageClass": "GLACIER"}, True),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}, True),
        ({"StorageClass": "GLACIER", "Restore": RESTORED}, False),
        ({"StorageClass": "DEEP_ARCHIVE"}, True),
        ({"StorageClass": "DEEP_ARCHIVE", "Restore": RESTORED}, False),
        ({"StorageClass": "GLACIER_IR"}, False),
        ({"StorageClass": "INTELLIGENT_TIERING"}, False),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "DEEP_ARCHIVE_ACCESS"}, True),
    ],
)
def test_an_archived_object_can_be_read_once_it_is_restored(
    headers: Any, is_archived: bool
) -> None:
    assert foreign._is_archived(headers) is is_archived


@pytest.mark.parametrize(
    ("operation", "code", "message", "sentence"),
    [
        ("CopyObject", "NoSuchKey", "", "It was deleted after it had been listed."),
        ("HeadObject", "404", "", "It was deleted after it had been listed."),
        ("UploadPartCopy", "PreconditionFailed", "", "It was replaced after"),
        ("HeadObject", "412", "", "It was replaced after"),
        ("CopyObject", "InvalidObjectState", "", "It is archived"),
        ("CopyObject", "ObjectNotInActiveTierError", "", "It is archived"),
        ("GetObject", "KMS.DisabledException", "", "is disabled"),
        ("GetObject", "KMS.NotFoundException", "", "does not exist"),
        ("GetObject", "AccessDenied", "", "Access denied: s3:GetObject is missing."),
        ("HeadObject", "403", "", "Access denied: s3:GetObject is missing."),
        ("CopyObject", "AccessDenied", "", "Access denied: s3:PutObject is missing."),
        ("UploadPartCopy", "AccessDenied", "", "Access denied: s3:PutObject is missing."),
        ("CopyObject", "AccessDenied", "User: a is not authorized to perform: kms:Decrypt on b",
         "Access denied: kms:Decrypt is missing."),
    ],
)  # fmt: skip
def test_an_error_about_the_object_has_a_reason(
    operation: str, code: str, message: str, sentence: str
) -> None:
    with pytest.raises(foreign.NotCopyable) as caught, foreign._copying():
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)
    assert sentence in caught.value.message


@pytest.mark.parametrize(
    "error",
    [
        *(
            ClientError({"Error": {"Code": code, "Message": "Not now."}}, "CopyObject")
            for code in ("SlowDown", "InternalError", "ExpiredToken", "400", "NoSuchBucket",
                         "ConditionalRequestConflict", "NoSuchUpload", "RequestTimeTooSkewed")
        ),
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
    ],
)  # fmt: skip
def test_any_other_error_may_pass(error: Exception) -> None:
    with pytest.raises(BackendUnavailable) as caught, foreign._copying():
        raise error
    assert caught.value.__cause__ is error
