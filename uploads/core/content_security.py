"""What pages need of a Content-Security-Policy: files come from the bucket's origin.

django-csp adds it to its policy. A project with a policy of another kind names the origin itself
(docs/integrating.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.decorators import csp_update

from uploads.core.conf import conf

#: The directives of images, recordings and frames: previews, and downloads in a hidden frame.
_DIRECTIVES = ("img-src", "media-src", "frame-src", "connect-src")

_View = Callable[..., Any]


def shows_previews(view: _View) -> _View:
    """Let the page of this view load images, recordings and frames from the bucket."""

    @wraps(view)
    def allowed(*args: Any, **kwargs: Any) -> Any:
        origins = [conf().s3_origin]
        update = csp_update(dict.fromkeys(_DIRECTIVES, origins))
        return update(view)(*args, **kwargs)

    return allowed
