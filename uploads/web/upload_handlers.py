"""Discard files in form data. Uploads go to S3, and no form of filehub has a file field.

By default, Django writes files of any size to disk before the user is authenticated, because its
CSRF check parses the form.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler, SkipFile


class DiscardFiles(FileUploadHandler):
    """Reject an oversized form before reading it, and discard the files of all others."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803  # Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Raises RequestDataTooBig, which becomes a 400 in Django and a 413 in the API."""
        if content_length > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
            raise RequestDataTooBig("The form is larger than DATA_UPLOAD_MAX_MEMORY_SIZE.")

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return None

    def file_complete(self, file_size: int) -> None:
        return None
