"""Fixtures for the tests of a project: fields take files without AWS.

    # conftest.py
    pytest_plugins = ["uploads.testing"]

    def test_an_application(client, user, stored_files):
        cv = stored_files.add(user, "jobs.application.cv", name="cv.pdf")
        client.post("/apply/", {"cv": cv.id})

Only what fields do is replaced (`uploads.attachments.gateway`). The API and the page still use AWS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings

from uploads.attachments import gateway
from uploads.attachments.attached import AttachedFile
from uploads.aws.s3 import StoredObject
from uploads.core import keys
from uploads.core.errors import FileClaimed, FilehubError, FileNotFound
from uploads.files.batches import Result
from uploads.files.record import FileInfo


class StoredFiles(gateway.Gateway):
    """Files in memory. `files` has them by id."""

    def __init__(self) -> None:
        self.files: dict[str, FileInfo] = {}

    def add(
        self,
        user: Any,
        field: str,
        *,
        name: str = "file.txt",
        content_type: str = "text/plain",
        size: int = 5,
        **attributes: Any,
    ) -> AttachedFile:
        """A file of this user that was uploaded for the field with this key.

        A model's field has the key `app_label.model.field`. Other `attributes` are those of
        `FileInfo`, such as `state="rejected"`.
        """
        now = datetime.now(UTC)
        owner = str(user.pk)
        info = FileInfo(
            keys.new_upload_id(owner, settings.SECRET_KEY),
            "stored",
            now,
            confirmed_at=now,
            owner=owner,
            field=field,
            file_name=name,
            content_type=content_type,
            size=size,
        )
        info = replace(info, **attributes)
        self.files[info.id] = info
        return AttachedFile(info.id)

    def read(self, ids: Collection[str]) -> dict[str, FileInfo]:
        return {each: self.files[each] for each in ids if each in self.files}

    def heads(self, ids: Sequence[str]) -> dict[str, StoredObject]:
        return {}

    def hint(self, ids: Collection[str]) -> None:
        """Nothing is late."""

    def sign(self, info: FileInfo, *, inline: bool = False) -> str:
        return f"https://bucket.invalid/{info.key}{'?inline' if inline else ''}"

    def claim(self, wanted: Mapping[str, str]) -> dict[str, FilehubError]:
        errors: dict[str, FilehubError] = {}
        for upload_id, by in wanted.items():
            info = self.files.get(upload_id)
            if info is None:
                errors[upload_id] = FileNotFound()
            elif info.claimed_by not in {"", by}:
                errors[upload_id] = FileClaimed()
            else:
                self.files[upload_id] = replace(info, claimed_by=by, kept_until=None)
        return errors

    def trash(self, ids: Sequence[str], by: str) -> list[Result]:
        for upload_id in set(ids) & self.files.keys():
            self.files[upload_id] = replace(self.files[upload_id], state="trashed", trashed_by=by)
        return [
            Result(each, "trashed") if each in self.files else Result(each, error=FileNotFound())
            for each in ids
        ]


@pytest.fixture
def stored_files() -> Iterator[StoredFiles]:
    """Files in memory, instead of those on AWS, for all fields while a test runs."""
    files = StoredFiles()
    previous = gateway.replace(files)
    yield files
    gateway.replace(previous)
