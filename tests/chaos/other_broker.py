"""filehub's settings, with kombu's broker in memory: as little of SQS as Redis and RabbitMQ are."""

from filehub.settings import *  # noqa: F403

CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
