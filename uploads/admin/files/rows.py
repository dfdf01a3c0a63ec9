"""Files as Django's admin handles them: instances of `File`, and a collection of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from uploads.accounts import owners
from uploads.files import queries
from uploads.files.record import FileInfo
from uploads.models import File


def row(info: FileInfo, usernames: dict[str, str]) -> File:
    """A file as a model instance, with its owner's name; `info` stays within reach."""
    shown = {field.name: getattr(info, field.name) for field in File._meta.fields}
    file = File(**shown | {"owner": usernames.get(info.owner, info.owner)})
    file.info = info
    return file


def rows(infos: Iterable[FileInfo]) -> list[File]:
    """Files with their owners' names, which are looked up in one SQL query."""
    files = list(infos)
    names = owners.usernames(info.owner for info in files)
    return [row(info, names) for info in files]


class Selection:
    """What the admin takes for a queryset of files: it can pick some by their ids, and no more.

    Without a pick it is empty, so that a made-up “all of them” is none of them.
    """

    model = File

    def __init__(self, files: list[File] | None = None) -> None:
        self._files = files or []

    def filter(self, *, pk__in: Iterable[str]) -> Selection:
        """The files with these ids that exist, in the order of the ids; at most MAX_IDS."""
        return Selection(rows(queries.any_files(pk__in)))

    def __iter__(self) -> Iterator[File]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
