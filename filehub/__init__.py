"""The Django project. Importing the Celery app here binds `shared_task` functions to it."""

from filehub.celery import app as celery_app

__all__ = ["celery_app"]
