from typing import Any

from django.core.management.base import BaseCommand

from uploads.ingest.consumer import Consumer


class Command(BaseCommand):
    help = (
        "Read S3's notifications from the events queue and queue them as Celery tasks, until "
        "stopped. This is the Procfile's `consumer`."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        Consumer().run()
