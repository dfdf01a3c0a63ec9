"""The `Link` header of pages."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from uploads.web.api.file_schemas import (
    PageQuery,
)


def add_link(
    request: HttpRequest, response: HttpResponse, query: PageQuery, next_cursor: str | None
) -> None:
    """Add the address of the next page: the same query with its cursor. Nothing at the end."""
    if next_cursor is None:
        return
    current = query.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    # An empty folder is the root, which differs from none.
    parameters = {
        name: value
        for name, value in {**current, "cursor": next_cursor}.items()
        if value or name == "folder"
    }
    url = request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")
    response["Link"] = f'<{url}>; rel="next"'
