"""Support for Celery on SQS: the transport, broker options, heartbeats and a bounded shutdown."""
