"""Create, inspect, delete and move folders.

A folder is moved by moving what is in it, in steps of at most a hundred files. Each step is a
transaction, so that every file is always in one place and every counter correct. The folder's item
notes where it is moved to: any process that reads it can continue, any number of times.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from uploads.core import folders
from uploads.core.errors import (
    BackendUnavailable,
    FolderExists,
    FolderMoving,
    FolderNotEmpty,
    FolderNotFound,
    InvalidRequest,
)
from uploads.files import browse, folder_items, moves, store, usage
from uploads.files.batches import Actor
from uploads.files.folder_items import FolderInfo

#: Files and subfolders per step.
STEP = 100
#: What a request moves itself; a task moves the rest.
ITEMS_IN_REQUEST = 200
SECONDS_IN_REQUEST = 5.0
#: Attempts to begin a move while other writers change the same folders.
ATTEMPTS = 5
#: Steps that move nothing, because the indexes are behind, before the caller has to retry later.
IDLE_STEPS = 12


@dataclass
class Budget:
    """How many files and folders a move may still change, and until when (`time.monotonic`)."""

    items: int
    deadline: float

    @property
    def is_exhausted(self) -> bool:
        return self.items <= 0 or time.monotonic() >= self.deadline


def info(owner: str, folder: str) -> FolderInfo:
    """One folder with its totals: one GetItem. Of the root, those of all files of the owner.

    Raises InvalidRequest, FolderNotFound and BackendUnavailable.
    """
    path = folders.check_folder(folder)
    if not path:
        total = usage.of_owner(owner).stored
        return FolderInfo("", total.files, total.bytes)
    found = folder_items.get(owner, path)
    if found is None:
        raise FolderNotFound
    return found


def create(owner: str, folder: str) -> bool:
    """Create a folder, and those that contain it; return whether it is new.

    Raises InvalidRequest and BackendUnavailable.
    """
    return folder_items.ensure(owner, _below_root(folder))


def delete(owner: str, folder: str) -> None:
    """Delete an empty folder.

    Raises InvalidRequest, FolderNotFound, FolderNotEmpty and BackendUnavailable.
    """
    path = _below_root(folder)
    if folder_items.get(owner, path) is None:
        raise FolderNotFound
    if not folder_items.remove(owner, path):
        raise FolderNotEmpty


def move(owner: str, folder: str, to: str, by: str) -> bool:
    """Move or rename a folder; return False if the rest has to be moved by `continue_move`.

    Repeating it continues. `by` is the owner string of the user who requested it. Raises
    InvalidRequest, FolderNotFound, FolderExists, FolderMoving and BackendUnavailable.
    """
    source, target = _below_root(folder), _below_root(to)
    if source != target and folders.is_within(target, source):
        raise InvalidRequest("A folder cannot be moved into itself.", code="folder_into_itself")
    _begin(owner, source, target)
    if source == target:
        return True
    budget = Budget(ITEMS_IN_REQUEST, time.monotonic() + SECONDS_IN_REQUEST)
    return continue_move(owner, source, target, by, budget)


def continue_move(owner: str, folder: str, to: str, by: str, budget: Budget) -> bool:
    """Continue a move that has begun; return whether it is complete, or was completed before.

    Raises InvalidRequest if the path of a subfolder would become too long: it stays where it is,
    and the move ends. Raises BackendUnavailable.
    """
    found = folder_items.get(owner, folder)
    if found is None or found.moving_to != to:
        return True
    try:
        return _drain(owner, folder, to, by, budget)
    except InvalidRequest:
        folder_items.end_move(owner, folder)
        raise


def _below_root(folder: str) -> str:
    path = folders.check_folder(folder)
    if not path:
        raise InvalidRequest("The root is not a folder of this kind.", code="invalid_folder")
    return path


def _begin(owner: str, source: str, target: str) -> None:
    """Note the move in the folder, unless it is noted already."""
    for attempt in range(1, ATTEMPTS + 1):
        found = folder_items.get(owner, source)
        if found is None:
            raise FolderNotFound
        if target in (source, found.moving_to):
            return
        if found.moving_to:
            raise FolderMoving
        if folder_items.get(owner, target) is not None:
            raise FolderExists
        if folder_items.begin_move(owner, source, target):
            return
        store.pause(attempt)
    raise BackendUnavailable("The folder keeps being changed by other requests.")


def _drain(owner: str, source: str, target: str, by: str, budget: Budget) -> bool:
    """Move everything in a folder to another, and remove the folder; False without more budget."""
    if folder_items.get(owner, source) is None:
        return True
    folder_items.ensure(owner, folders.check_folder(target))
    idle = 0
    while not budget.is_exhausted:
        moved = _step(owner, source, target, by, budget)
        if folder_items.remove(owner, source):
            budget.items -= 1
            return True
        idle = 0 if moved else idle + 1
        if idle == IDLE_STEPS:
            raise BackendUnavailable("The folder keeps being changed by other requests.")
        if idle:
            # The index does not list the newest files so far.
            store.pause(idle)
    return False


def _step(owner: str, source: str, target: str, by: str, budget: Budget) -> int:
    """Move what one page of a folder lists; return how many files and folders were moved."""
    page = browse.contents(owner, source, limit=STEP)
    ids = [file.id for file in page.files]
    moved = moves.move_from(ids, source, target, Actor(by, owner))
    budget.items -= moved
    for inner in page.folders:
        path = folders.moved_path(inner.folder, source, target)
        if budget.is_exhausted or not _drain(owner, inner.folder, path, by, budget):
            break
        moved += 1
    return moved
