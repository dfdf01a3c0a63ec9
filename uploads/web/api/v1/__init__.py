"""The API under `/api/v1`, for generated clients: the other routes' functions in regular shapes.

It has no rules of its own. Each route calls the function of the route that does the same.
"""

from uploads.web.api.v1 import files, folders, transfers
from uploads.web.api.v1.app import api

__all__ = ["api", "files", "folders", "transfers"]
