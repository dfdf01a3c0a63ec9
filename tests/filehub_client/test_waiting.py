"""Each state of an upload gives its file, or the error that says why there is none."""

from __future__ import annotations

import pytest

from filehub_client.errors import FilehubError
from filehub_client.models import State, UploadStatus
from filehub_client.waiting import stored_file


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("pending", "not_stored_in_time", "in S3"),
        ("trashed", "trashed", "in the trash"),
        ("rejected", "too_large", "Too large."),
        ("deleted", "deleted", "deleted"),
    ],
)
def test_an_upload_without_a_file_says_why(state: State, code: str, words: str) -> None:
    is_rejected = state == "rejected"
    status = UploadStatus(
        "an-id",
        state,
        reason="Too large." if is_rejected else "",
        reason_code="too_large" if is_rejected else "",
    )
    with pytest.raises(FilehubError, match=words) as caught:
        stored_file(status)
    assert caught.value.code == code
