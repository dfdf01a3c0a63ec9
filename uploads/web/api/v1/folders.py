"""Routes of folders."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from ninja import Query, Router
from ninja.responses import Status

from uploads.accounts.requests import AuthenticatedHttpRequest
from uploads.models import Scope
from uploads.web.api import folders
from uploads.web.api.auth import requires
from uploads.web.api.file_schemas import FolderQuery, FolderState
from uploads.web.api.v1.app import api
from uploads.web.api.v1.responses import errors
from uploads.web.api.v1.schemas import FolderMove, FolderPage, NewFolder

router = Router(tags=["folders"])


@router.get("", response={200: FolderPage, **errors(404)}, auth=requires(Scope.READ))
def get_folder(
    request: AuthenticatedHttpRequest, response: HttpResponse, query: Query[FolderQuery]
) -> dict[str, Any]:
    """Return a folder and a page of what is in it. Newest first and A–Z begin with subfolders."""
    return folders.folder_contents(request, response, query)


@router.post(
    "", response={200: FolderState, 201: FolderState, **errors(413)}, auth=requires(Scope.UPLOAD)
)
def create_folder(request: AuthenticatedHttpRequest, body: NewFolder) -> Status[Any]:
    """Create an empty folder, and those that contain it; 200 if it exists already."""
    return folders.create_folder(request, body)


@router.patch(
    "",
    response={200: FolderState, 202: FolderState, **errors(404, 409, 413)},
    auth=requires(Scope.UPLOAD),
)
def move_folder(request: AuthenticatedHttpRequest, body: FolderMove) -> Status[Any]:
    """Move or rename a folder with all that is in it; 202 if the rest is moved in the background.

    Repeating the request is harmless.
    """
    return folders.move_folder(request, body)


@router.delete("", response={204: None, **errors(404, 409)}, auth=requires(Scope.DELETE))
def delete_folder(request: AuthenticatedHttpRequest, folder: str) -> Status[Any]:
    """Delete an empty folder."""
    return folders.delete_folder(request, folder)


api.add_router("/folders", router)
