"""filehub's settings with kombu's in-memory broker, to test what does not depend on SQS."""

from filehub.settings import *  # noqa: F403

CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
