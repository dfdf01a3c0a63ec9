"""filehub's settings with short pauses: what takes minutes in production takes seconds in a storm.

Nothing else differs. The queues' own timeouts are shortened by the storm (tests/chaos/storm.py),
pauses that are no settings by `tests.chaos.storm_app`.
"""

from __future__ import annotations

from filehub.settings import *  # noqa: F403
from filehub.settings import (
    CELERY_BEAT_SCHEDULE,
    CELERY_BROKER_TRANSPORT_OPTIONS,
    INSTALLED_APPS,
)

INSTALLED_APPS += ["tests.chaos.storm_app.Storm"]
CELERY_BEAT_SCHEDULE["reconcile"]["schedule"] = 8.0
# A worker that is killed leaves its poll behind, which takes messages with it.
CELERY_BROKER_TRANSPORT_OPTIONS["wait_time_seconds"] = 3
