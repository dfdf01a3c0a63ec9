"""A project that has filehub's app beside its own: docs/integrating.md explains it."""

from mysite.celery import app as celery_app

__all__ = ["celery_app"]
