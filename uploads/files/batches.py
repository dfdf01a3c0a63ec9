"""Change many files at once, each on its own: what the trash and moves have in common.

IAM: dynamodb:BatchGetItem, dynamodb:UpdateItem.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from uploads.core import keys
from uploads.core.errors import FilehubError, FileNotFound
from uploads.files import store
from uploads.files.record import State, StoredFile
from uploads.files.store import DecideOne

logger = logging.getLogger(__name__)

#: Files that one request may change.
MAX_IDS = 100

#: What a file is after a change.
NewState = Literal["stored", "trashed", "deleting", "moved", "scanning"]


@dataclass(frozen=True)
class Actor:
    """Who changes files (`by`, an owner string), and whose: `owner`, or anybody's if it is None."""

    by: str
    owner: str | None


@dataclass(frozen=True)
class Result:
    """What happened to one file: the state that it is in now, or the error that prevented it.

    `file_name` is its name, if it could be read.
    """

    id: str
    state: NewState | None = None
    error: FilehubError | None = None
    file_name: str = field(default="", compare=False)


#: Changes files, by their ids; returns a result for each, in order.
ChangeMany = Callable[[Sequence[str], Actor], list[Result]]


def permitted(record: StoredFile | None, actor: Actor, in_states: Collection[State]) -> StoredFile:
    """The record, if there is one that the actor may change. Others look like unknown ids.

    Raises FileNotFound.
    """
    if (
        record is None
        or record.state not in in_states
        or (actor.owner is not None and record.owner != actor.owner)
    ):
        raise FileNotFound
    return record


def change(ids: Iterable[str], state: NewState, decide: DecideOne) -> list[Result]:
    """Change the records; return a result for each id: `state`, or the error.

    Raises BackendUnavailable if the records cannot be read.
    """
    given = list(ids)
    changes = store.change_many(parsed(given), decide)
    errors = errors_of(changes)
    for upload_id in changes.keys() - errors.keys():
        logger.info("%s is %s", upload_id, state, extra={"upload_id": upload_id})
    return results(given, state, changes)


def errors_of(changed: dict[str, store.Changed]) -> dict[str, FilehubError]:
    """Those of the results that are errors."""
    return {key: each for key, each in changed.items() if isinstance(each, FilehubError)}


def parsed(ids: Iterable[str]) -> list[str]:
    """Those of the ids that are valid, in their usual form."""
    return [upload_id for given in ids if (upload_id := keys.parse_upload_id(given))]


def results(ids: Sequence[str], state: NewState, changed: dict[str, store.Changed]) -> list[Result]:
    """A result for each id as it was given, in order: the state, unless there was an error."""
    found = []
    for given in ids:
        upload_id = keys.parse_upload_id(given)
        outcome = changed[upload_id] if upload_id else FileNotFound()
        if isinstance(outcome, FilehubError):
            found.append(Result(given, error=outcome))
        else:
            found.append(Result(given, state, file_name=outcome.file_name or ""))
    return found
