"""The theme of the pages, the admin and the API docs: that of the system, light or dark.

It is kept in a cookie, so that the server renders each page in it and nothing flashes, also for
people who are not signed in.
"""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

COOKIE = "filehub_theme"
SYSTEM = "system"
CHOICES = ((SYSTEM, _("System")), ("light", _("Light")), ("dark", _("Dark")))


def theme_of(request: HttpRequest) -> str:
    """Return the theme that was chosen in this browser. Anything else means that of the system."""
    chosen = request.COOKIES.get(COOKIE)
    return chosen if chosen in dict(CHOICES) else SYSTEM


def context(request: HttpRequest) -> dict[str, str]:
    """Give every template the theme. A context processor."""
    return {"theme": theme_of(request)}


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the chosen theme in the cookie, and go back to the page (`next`)."""
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = reverse("filehub:home")
    response = HttpResponseRedirect(target)
    theme = request.POST.get("theme")
    if theme in dict(CHOICES):
        response.set_cookie(
            COOKIE,
            theme,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response
