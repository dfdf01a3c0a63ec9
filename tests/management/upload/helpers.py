"""Run `manage.py upload`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from filehub_client import LocalFile
from uploads.aws import s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.limits import MIB

PART = 5 * MIB


def run(*arguments: object) -> list[list[str]]:
    """The fields of each line of output. CommandError propagates."""
    out = StringIO()
    try:
        call_command("upload", *map(str, arguments), stdout=out, stderr=StringIO())
    finally:
        lines = [re.split(" {2,}", line) for line in out.getvalue().splitlines()]
        run.lines = lines  # type: ignore[attr-defined]
    return lines


def failed(*arguments: object) -> tuple[str, list[list[str]]]:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return str(caught.value), run.lines  # type: ignore[attr-defined]


def local(paths: Iterable[Path]) -> list[LocalFile]:
    """These files, to be uploaded to the root."""
    return [LocalFile(path, path.name) for path in paths]


def content(upload_id: str) -> bytes:
    return s3.read(conf().bucket, keys.object_key(upload_id))
