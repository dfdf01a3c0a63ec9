"""filehub's settings with short pauses: minutes in production are seconds in a chaos run.

Nothing else differs. tests/chaos/installation.py shortens the timeouts of the queues, and
`tests.chaos.chaos_app` the pauses that no setting controls.
"""

from __future__ import annotations

from filehub.settings import *  # noqa: F403
from filehub.settings import (
    CELERY_BEAT_SCHEDULE,
    CELERY_BROKER_TRANSPORT_OPTIONS,
    INSTALLED_APPS,
)

INSTALLED_APPS += ["tests.chaos.chaos_app.Chaos"]
CELERY_BEAT_SCHEDULE["reconcile"]["schedule"] = 8.0
CELERY_BEAT_SCHEDULE["purge-trash"]["schedule"] = 3.0
CELERY_BEAT_SCHEDULE["sweep-events"]["schedule"] = 3.0
if "sweep-scans" in CELERY_BEAT_SCHEDULE:
    CELERY_BEAT_SCHEDULE["sweep-scans"]["schedule"] = 3.0
# The poll of a killed worker lives on and swallows messages until it ends.
CELERY_BROKER_TRANSPORT_OPTIONS["wait_time_seconds"] = 3
