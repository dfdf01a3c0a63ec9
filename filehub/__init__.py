"""The Django project. The Celery app is imported here so that tasks bind to it."""

from filehub.celery import app as celery_app

__all__ = ["celery_app"]
