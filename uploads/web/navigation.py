"""Whether a person opened an address in a browser, and which page is meant for it.

This is the only place that tells people from programs. People get pages, programs get JSON.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from uploads.core import keys

#: The namespaces of the app's routes, and of the APIs within them.
_APP, _APIS = "filehub", {"api", "api-v1"}
_HTML, _JSON = "text/html", "application/json"


def is_navigation(request: HttpRequest) -> bool:
    """Return whether a browser will show the response as a page.

    Browsers say so (`Sec-Fetch-Mode: navigate`), except older ones and on plain HTTP. Then the
    client must prefer HTML by name: programs accept anything (`*/*`) or JSON. A request with an API
    token is never a navigation.
    https://www.w3.org/TR/fetch-metadata/
    """
    if request.headers.get("Authorization", "").lower().startswith("bearer"):
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    is_script = "X-Requested-With" in request.headers
    return not is_script and _prefers_html(request)


def prefers_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to HTML and says so; `*/*` is no preference."""
    return _quality(request, _JSON) > _quality(request, _HTML)


def _prefers_html(request: HttpRequest) -> bool:
    return _quality(request, _HTML) > 0 and not prefers_json(request)


def _quality(request: HttpRequest, media_type: str) -> float:
    """Return the quality (0 to 1) with which a client accepts exactly this type; 0 if it does not.

    Ranges such as `*/*` do not count.
    """
    types = request.accepted_types
    qualities = [t.quality for t in types if f"{t.main_type}/{t.sub_type}" == media_type]
    return max(qualities, default=0.0)


def base() -> str:
    """Return the path below which the project includes filehub's routes, such as "/files".

    It is empty at the root.
    """
    return reverse("filehub:home").removesuffix("/")


def download_path(upload_id: str) -> str:
    """Return the path at which the API redirects to the content of a file."""
    return f"{reverse('filehub:api:download_file', args=[upload_id])}?redirect=1"


def file_page(request: HttpRequest) -> str | None:
    """Return the address of the list with a notice about the file of this request, if it has one.

    Only for the API's addresses of a file, such as /files/{id}/download, and only for ids that
    filehub may have issued.
    """
    match = request.resolver_match
    upload_id = keys.parse_upload_id(match.kwargs.get("file_id", "")) if match else None
    return f"{reverse('filehub:home')}?{urlencode({'file': upload_id})}" if upload_id else None


def page_about(request: HttpRequest) -> str:
    """Return the address of the page that shows what this request is about.

    The API's addresses have no page of their own: it is the list, with a notice if the address
    names a file. Requests that change something are not repeated, so theirs is the list, too.
    """
    match = request.resolver_match
    names = match.namespaces[:2] if match is not None else []
    is_api = len(names) == 2 and names[0] == _APP and names[1] in _APIS
    if is_api or request.method not in {"GET", "HEAD"}:
        return file_page(request) or reverse("filehub:home")
    return request.get_full_path()


def redirect(url: str) -> HttpResponseRedirect:
    """Redirect a person. The response depends on who asks, so nothing may keep it."""
    response = HttpResponseRedirect(url)
    add_never_cache_headers(response)
    return response
