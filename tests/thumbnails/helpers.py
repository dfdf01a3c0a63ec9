"""Files with thumbnails, and what the bucket and the queue have of these."""

from __future__ import annotations

from celery import Celery
from django.conf import settings

from tests.support.files import upload
from tests.support.local_aws import arguments, drain
from tests.thumbnails.samples import encoded, halves
from uploads.aws import clients
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import store
from uploads.files.record import StoredFile
from uploads.files.usage import Counter
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.thumbnails import make
from uploads.worker.broker import RETRIED_TASKS, PredefinedQueues, routes

PNG = encoded(halves(), "PNG")
OWNER = "7"


def created(upload_id: str, number: int = 1) -> ObjectEvent:
    return ObjectEvent("created", upload_id, f"{number:018X}".ljust(64, "0"))


def stored(body: bytes = PNG, type_: str = "image/png", owner: str = OWNER) -> str:
    """Upload and record a file; return its id."""
    upload_id = upload(owner, "a file", body, type_)
    assert confirm.apply_event(created(upload_id)) == "stored"
    return upload_id


def with_thumbnail(body: bytes = PNG, type_: str = "image/png") -> str:
    upload_id = stored(body, type_)
    assert make.make(upload_id) == "made"
    return upload_id


def record(upload_id: str) -> StoredFile:
    found = store.get(upload_id)
    assert found is not None
    return found


def thumbnails() -> set[str]:
    """The ids of all thumbnails in the bucket."""
    listed = clients.s3().list_objects_v2(Bucket=conf().bucket, Prefix=keys.THUMBNAILS)
    return {
        upload_id
        for entry in listed.get("Contents", [])
        if (upload_id := keys.thumbnail_id_of(entry["Key"]))
    }


def thumbnail(upload_id: str) -> bytes:
    key = keys.thumbnail_key(upload_id)
    return clients.s3().get_object(Bucket=conf().bucket, Key=key)["Body"].read()


def queued() -> list[str]:
    """Receive all tasks that make thumbnails; return their files."""
    return [
        upload_id
        for message in drain(conf().low_queue)
        for upload_id in arguments(message["Body"])[0]
    ]


def changes() -> int:
    """How often what the owner sees has changed."""
    return int(Counter.get(f"owner#{OWNER}", consistent_read=True).changes)


def put_object(upload_id: str, body: bytes, type_: str) -> None:
    """Replace the object, as somebody may who has access to the bucket."""
    metadata = clients.s3().head_object(Bucket=conf().bucket, Key=keys.object_key(upload_id))
    clients.s3().put_object(
        Bucket=conf().bucket,
        Key=keys.object_key(upload_id),
        Body=body,
        ContentType=type_,
        Metadata=metadata["Metadata"],
    )


def publisher() -> Celery:
    """Sends tasks to this test's own queues: Celery's settings name the tests' common ones."""
    app = Celery(set_as_current=False, broker=settings.CELERY_BROKER_URL)
    queues = PredefinedQueues(conf().tasks_queue, list(RETRIED_TASKS), conf().low_queue)
    app.conf.update(
        task_default_queue=conf().tasks_queue,
        task_routes=routes(conf()),
        broker_transport=settings.CELERY_BROKER_TRANSPORT,
        broker_transport_options={
            **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
            "predefined_queues": queues,
        },
    )
    return app
