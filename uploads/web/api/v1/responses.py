"""Which errors an operation may answer with."""

from __future__ import annotations

from uploads.web.api.v1.errors import Problem

#: A request without valid credentials, one without permission, and outages.
_ANYWHERE = (400, 401, 403, 429, 503)


def errors(*statuses: int) -> dict[int, type[Problem]]:
    """The errors of any operation, and these."""
    return dict.fromkeys(sorted((*_ANYWHERE, *statuses)), Problem)
