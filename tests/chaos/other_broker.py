"""filehub's settings with kombu's in-memory broker, which is no SQS, like Redis and RabbitMQ."""

from filehub.settings import *  # noqa: F403

CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT = None
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
