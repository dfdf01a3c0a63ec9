"""The JSON API: routes, schemas, authentication, rate limits. The layers below do the work."""

from uploads.web.api import routes
from uploads.web.api.app import api

__all__ = ["api", "routes"]
