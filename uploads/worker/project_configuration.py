"""The settings of filehub's Celery app in a project that has Celery settings of its own.

Celery imports this when it first needs them, so Django's settings are loaded.
"""

from uploads.core.conf import conf
from uploads.worker.configuration import configuration

current = configuration(conf())
