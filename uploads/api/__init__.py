"""The JSON API: routes, schemas, authentication. Business rules live in services and selectors."""

from uploads.api.routes import api

__all__ = ["api"]
