"""What Celery on SQS needs: the transport, the broker's options, heartbeats, an end in time."""
