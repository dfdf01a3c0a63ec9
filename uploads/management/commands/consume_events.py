from typing import Any

from django.core.management.base import BaseCommand

from uploads.ingest.consumer import Consumer


class Command(BaseCommand):
    help = "Read S3 notifications from the events queue and queue Celery tasks, until stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        Consumer().run()
