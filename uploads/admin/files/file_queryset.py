"""Files for Django's admin: `File` instances, and a collection that stands in for a queryset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from uploads.accounts import owners
from uploads.core.texts import describe
from uploads.files import queries
from uploads.files.record import FileInfo
from uploads.models import File


def row(info: FileInfo, usernames: dict[str, str]) -> File:
    """Return a file as a model instance, with its owner's username and its `info`.

    Its reason is a sentence in the active language.
    """
    values = {field.name: getattr(info, field.name) for field in File._meta.fields}
    owner = usernames.get(info.owner, info.owner)
    file = File(**values | {"owner": owner, "reason": describe(info.reason)})
    file.info = info
    return file


def rows(infos: Iterable[FileInfo]) -> list[File]:
    """Return files as model instances. Looks up all usernames with one SQL query."""
    files = list(infos)
    names = owners.usernames(info.owner for info in files)
    return [row(info, names) for info in files]


class Selection:
    """A stand-in for a queryset of files, which can only select by id.

    It is empty until `filter` is called, so a forged “select all” selects nothing.
    """

    model = File

    def __init__(self, files: list[File] | None = None) -> None:
        self._files = files or []

    def filter(self, *, pk__in: Iterable[str]) -> Selection:
        """Return the existing files with these ids, in the order of the ids; at most MAX_IDS."""
        return Selection(rows(queries.any_files(pk__in)))

    def __iter__(self) -> Iterator[File]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
