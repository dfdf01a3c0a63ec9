from django.apps import AppConfig

from uploads.signals import file_stored


def note_delivery(sender, event, **kwargs):
    """Called by a worker, at least once for each file, after it was stored."""
    from shop.models import Delivery

    Delivery.objects.update_or_create(
        upload_id=event.file.id,
        defaults={"file_name": event.file.file_name, "sender_id": event.file.owner},
    )


class ShopConfig(AppConfig):
    name = "shop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        file_stored.connect(note_delivery)
