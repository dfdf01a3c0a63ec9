"""The page with the user's files."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from uploads.accounts import owners
from uploads.accounts.requests import AuthenticatedHttpRequest, is_for_another_user
from uploads.core import csrf, folders, media_types, type_lists
from uploads.core.conf import conf, rules
from uploads.core.content_security import shows_previews
from uploads.core.errors import BackendUnavailable, FolderNotFound, NotAuthenticated
from uploads.core.fan_out import attempt
from uploads.files import quotas
from uploads.web import destination_choices, navigation, session
from uploads.web.api.file_schemas import ListPage
from uploads.web.linked_file import LinkedFile, linked_file
from uploads.web.navigation import is_navigation, prefers_json, redirect
from uploads.web.place import Contents, Place, contents, parse

logger = logging.getLogger(__name__)

#: Files of the first page. The scripts read more at a time.
PAGE_SIZE = 50
#: Concurrent requests from the page to S3: as many connections as browsers open to one host.
CONCURRENCY = 6

#: Takes the request of a signed-in user, and what is in the address.
_View = Callable[..., HttpResponse]


def for_signed_in(view: _View) -> _View:
    """Send users who are not signed in to the sign-in page; scripts of an open page get 401.

    A script cannot tell a sign-in page from what it asked for, and cannot follow a redirect to
    another host.
    """

    @wraps(view)
    def guarded(request: Any, **parameters: Any) -> HttpResponse:
        if request.user.is_authenticated and not is_for_another_user(request):
            return view(request, **parameters)
        if prefers_json(request):
            raise NotAuthenticated
        return redirect_to_login(request.get_full_path())

    return guarded


@dataclass(frozen=True)
class Listed:
    """The first page of a list, or the code of the reason why there is none."""

    place: Place
    contents: Contents = field(default_factory=Contents)
    problem: str = ""

    @property
    def is_missing(self) -> bool:
        return self.problem == FolderNotFound.code

    @property
    def is_empty(self) -> bool:
        return not (self.contents.files or self.contents.folders)

    @property
    def is_empty_root(self) -> bool:
        """Whether the user has no files at all, as far as this list shows."""
        return self.place == Place() and self.is_empty and not self.problem

    @property
    def next_page(self) -> str:
        """The address of the next page; "" at the end."""
        cursor = self.contents.next_cursor
        return f"?{self.place.address(cursor=cursor)}" if cursor else ""

    @property
    def breadcrumb(self) -> list[tuple[str, str]]:
        """Names and addresses of the folders that contain the open one, and of itself."""
        return [
            (folders.name_of(path), f"?{Place(folder=path).address()}")
            for path in folders.with_ancestors(self.place.folder)
        ]


def _listed(request: AuthenticatedHttpRequest, place: Place) -> Listed:
    owner, cursor = owners.owner_of(request.user), request.GET.get("cursor")
    try:
        return Listed(place, contents(owner, place, limit=PAGE_SIZE, cursor=cursor))
    except FolderNotFound as exc:
        return Listed(place, problem=exc.code)
    except BackendUnavailable as exc:
        # Uploading may still work, so render the page with an error in place of the list.
        logger.error("Cannot list files: %r", exc.__cause__ or exc)
        return Listed(place, problem=exc.code)


def _first_page(request: AuthenticatedHttpRequest, listed: Listed) -> dict[str, Any] | None:
    """What the scripts would otherwise have to fetch; None if only they can say more about it."""
    if listed.problem or request.GET.get("cursor"):
        return None
    # As the API has it for a session.
    vars(request)["auth"] = request.user
    page = ListPage.model_validate(listed.contents, context={"request": request})
    return page.model_dump(mode="json")


# Previews come from the bucket. Downloads run in a hidden frame, so that they neither leave the
# page nor ask to.
@shows_previews
@for_signed_in
@require_safe
def home(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Render the page with the first files of what its address asks for.

    Scripts take over the list, whose data is in the page; without them, its links work.
    """
    place = parse(request.GET)
    listed = _listed(request, place)
    linked = _linked_file(request)
    context = {
        "place": place,
        "listed": listed,
        "first_page": _first_page(request, listed),
        "kinds": type_lists.KINDS,
        "upload_config": _upload_config(request),
        "quota": _allowance(request),
        "linked_file": linked,
        "trash_days": conf().trash_days,
        "shows_scanning": conf().scans or place.view == "scanning",
        **session.dialog_of(request),
    }
    is_gone = listed.is_missing or (linked is not None and linked.is_gone)
    response = render(request, "uploads/home.html", context, status=404 if is_gone else 200)
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Cookie"
    return response


def _upload_config(request: AuthenticatedHttpRequest) -> dict[str, Any]:
    """What the scripts need to know about uploads."""
    limits = rules()
    return {
        "max_size": limits.max_size,
        "allowed_types": limits.allowed_types,
        # For comparison by a script, which knows no other spellings of a type.
        "accepted_types": media_types.with_aliases(limits.allowed_types),
        "whole_limit": conf().multipart_threshold,
        "concurrency": CONCURRENCY,
        "destinations": destination_choices.of(request.user),
        "namespace": owners.owner_of(request.user),
        "base": navigation.base(),
        "csrf_cookie": csrf.cookie(),
        "csrf_header": csrf.header(),
        "worker_url": static("uploads/client/hashing/hash-worker.js"),
    }


def _linked_file(request: AuthenticatedHttpRequest) -> LinkedFile | None:
    """Return the file that the list has a notice about (`?file=`); None if AWS is unavailable."""
    file_id = request.GET.get("file")
    if not file_id:
        return None
    return attempt(lambda: linked_file(file_id, owners.owner_of(request.user)))


def _allowance(request: AuthenticatedHttpRequest) -> quotas.Allowance | None:
    """Return the quota usage; None without a quota, or while it is unavailable."""
    return attempt(lambda: quotas.allowance_of(request.user))


@for_signed_in
@require_safe
@never_cache
def quota(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Return {"used", "limit"}: the user's quota usage in bytes; null without a quota.

    Raises BackendUnavailable. The page then keeps the figures it has.
    """
    if is_navigation(request):
        return redirect(reverse("filehub:home"))
    allowance = quotas.allowance_of(request.user)
    figures = {"used": allowance.used, "limit": allowance.limit} if allowance else None
    return JsonResponse({"quota": figures})


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon. Browsers request this on pages without one (the admin, API docs)."""
    return HttpResponseRedirect(static("uploads/favicon.svg"))
