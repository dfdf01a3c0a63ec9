"""The JSON API: routes, schemas, authentication. What is decided is decided in the layers below."""

from uploads.web.api import routes
from uploads.web.api.app import api

__all__ = ["api", "routes"]
