"""The Django project. Importing the Celery app here makes it the current one."""

from filehub.celery import app as celery_app

__all__ = ["celery_app"]
