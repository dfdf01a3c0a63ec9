"""What each process and command does with AWS, called in this process as a user of local AWS.

Restarting the processes for each permission would take an hour. `signed_by` changes only the key
that signs the requests of the same code.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.test import override_settings
from kombu import pools

from filehub.celery import app
from tests.ingest.reconciliation.helpers import create_object, new_id
from tests.integrations.helpers import outbox_ids
from tests.operations.adoption import helpers
from tests.project.policies.site import SiteInThisProcess
from tests.project.policies.web_steps import WebSteps
from tests.support.clamd import fake_clamd
from tests.support.dead_letters import send_dead_letter
from tests.support.files import removal, store, upload
from tests.support.local_aws import drain
from tests.support.policies import ROOT_KEY, UserKey, signed_by
from tests.support.records import tamper
from tests.support.waiting import wait_for
from tests.thumbnails.helpers import PNG, thumbnails
from uploads.aws import clients, foreign, s3, sqs
from uploads.core import keys
from uploads.core.conf import conf
from uploads.files import expiry, folder_actions, folder_items, outbox, purge, quotas, trash
from uploads.files.batches import Actor
from uploads.files.folder_items import FolderItem
from uploads.files.record import StoredFile
from uploads.files.usage import Counter
from uploads.ingest import confirm, scans, task_failures, tasks
from uploads.ingest.consumer import Consumer
from uploads.ingest.reconciliation import reconcile
from uploads.ingest.reconciliation.reconcile import Plan
from uploads.integrations import publish
from uploads.models import Quota
from uploads.operations import doctor
from uploads.operations.adoption import adopt, copying
from uploads.scanning.clamd import EICAR
from uploads.thumbnails import make

Steps = dict[str, Callable[[], None]]


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def without_warnings() -> Iterator[None]:
    """Fail if filehub logs a warning, as it does when something optional is missing."""
    warnings, logger = _Warnings(), logging.getLogger("uploads")
    logger.addHandler(warnings)
    try:
        yield
    finally:
        logger.removeHandler(warnings)
    denied = [text for text in warnings.texts if "AccessDenied" in text]
    assert denied == []


def first_failure(steps: Steps, key: UserKey) -> str:
    """The first step that fails when this user signs, with its error; "" if all succeed."""
    for name, step in steps.items():
        forget_queues()
        try:
            with signed_by(key), without_warnings():
                step()
        except Exception as exc:  # noqa: BLE001  # any failure counts
            return f"{name}: {exc!r}"[:300]
    return ""


def forget_queues() -> None:
    """Look up the queues again, as a new process does once."""
    cache.clear()
    sqs._url.cache_clear()
    settings.CELERY_BROKER_TRANSPORT_OPTIONS["predefined_queues"]._queues.clear()
    # Connections, which remember that they have declared the queue.
    pools.reset()
    app._after_fork()


def _queue(kind: str) -> str:
    return conf().events_queue if kind == "events" else conf().tasks_queue


def web(root: User) -> Steps:
    def settle(upload_id: str, state: str) -> None:
        """What the worker does, with its own credentials."""
        with signed_by(ROOT_KEY):
            if state == "missing":
                s3.delete(upload_id)
            elif state == "thumbnail":
                assert make.make(upload_id) == "made"
            elif state == "stored":
                assert confirm.confirm(upload_id) == "stored"
            else:
                removal(upload_id, 9)
        # The worker is a process of its own, and may have queued a thumbnail.
        forget_queues()

    def put_dead_letter(kind: str) -> None:
        with signed_by(ROOT_KEY):
            drain(f"{_queue(kind)}-dlq")
            send_dead_letter("x", _queue(kind))

    return WebSteps(SiteInThisProcess(root), settle, put_dead_letter).all()


def _receive_one(body: str | None) -> None:
    """Handle one message of the events queue: of an upload, or with this body."""
    with signed_by(ROOT_KEY):
        drain(conf().events_queue)
        if body is None:
            upload("7")
            wait_for(lambda: sqs.depth(conf().events_queue).visible)
        else:
            url = sqs.url(conf().events_queue)
            clients.sqs().send_message(QueueUrl=url, MessageBody=body)
    forget_queues()
    assert Consumer().step() == 1


def consumer() -> Steps:
    return {
        "an event": lambda: _receive_one(None),
        "a malformed message": lambda: _receive_one("not JSON"),
    }


def _makes_thumbnails() -> None:
    with signed_by(ROOT_KEY):
        first, second = (upload("7", "a.png", PNG, "image/png") for _ in range(2))
    assert confirm.confirm(first) == confirm.confirm(second) == "stored"
    assert make.make(first) == "made"
    call_command("make_thumbnails", "--all")
    with signed_by(ROOT_KEY):
        assert thumbnails() == {first, second}
        s3.delete(first)
    assert confirm.check(first) == "missing"
    with signed_by(ROOT_KEY):
        assert thumbnails() == {second}
        s3.delete(second)
        confirm.check(second)


def _publishes() -> None:
    outbox.interest.note(has_endpoints=True, read_at=float("inf"))
    try:
        with signed_by(ROOT_KEY):
            store("7")
        publish.publish(outbox_ids())
        assert publish.sweep().items == 0
    finally:
        outbox.interest.note(has_endpoints=False, read_at=float("inf"))
    with signed_by(ROOT_KEY):
        assert outbox_ids() == []


def _checks_for_malware() -> None:
    """With a scanner of the tests: the worker reads objects in ranges, and the sweep its index."""
    policy = {"SCAN": "clamd", "SCAN_INFECTED": "delete"}
    with (
        fake_clamd() as clamd,
        override_settings(FILEHUB=settings.FILEHUB | policy | {"CLAMD": clamd.url}),
    ):
        with signed_by(ROOT_KEY):
            clean, infected = upload("7", body=b"x" * 100), upload("7", body=EICAR)
        for upload_id, outcome in ((clean, "stored"), (infected, "rejected")):
            assert confirm.confirm(upload_id) == "scanning"
            tamper(upload_id, StoredFile.confirmed_at.set(datetime.now(UTC) - timedelta(minutes=5)))
            assert scans.sweep().queued == 1
            assert scans.scan(upload_id) == outcome
        with signed_by(ROOT_KEY):
            assert s3.head(infected) is None


def _confirms() -> None:
    with signed_by(ROOT_KEY):
        image = upload("7", "a.png", b"\x89PNG\r\n\x1a\n", "image/png")
        page = upload("7", "b.png", b"<html>", "image/png")
        large = upload("7", "c.txt", b"x" * 100)
    assert confirm.confirm(image) == "stored"
    assert confirm.confirm(page) == "rejected"
    with override_settings(FILEHUB=settings.FILEHUB | {"USER_QUOTA": 10}):
        assert confirm.confirm(large) == "rejected"
    with signed_by(ROOT_KEY):
        assert s3.head(page) is None


def _moves_a_folder() -> None:
    with signed_by(ROOT_KEY):
        store("7", folder="old")
        folder_items.begin_move("7", "old", "new")
    tasks.move_folder("7", "old", "new", "7")
    with signed_by(ROOT_KEY):
        assert folder_items.get("7", "old") is None
        folder_actions.move("7", "new", f"moved {uuid.uuid4().hex}", "7")


def worker() -> Steps:
    def removes() -> None:
        with signed_by(ROOT_KEY):
            upload_id = store("7")
            s3.delete(upload_id)
        assert confirm.check(upload_id) == "missing"

    def reconciles() -> None:
        with signed_by(ROOT_KEY):
            create_object()
            s3.delete(store("7"))
        counts = reconcile.run(Plan("all", min_age=timedelta(0))).counts
        assert (counts.orphaned, counts.missing, counts.failed) == (1, 1, 0)

    def purges() -> None:
        with signed_by(ROOT_KEY):
            upload_id = store("7")
            trash.move_to_trash([upload_id], Actor("7", "7"))
            tamper(upload_id, StoredFile.purge_at.set(datetime.now(UTC)))
        assert purge.purge().files == 1
        with signed_by(ROOT_KEY):
            assert s3.head(upload_id) is None
            removal(upload_id, 9)

    def expires() -> None:
        with signed_by(ROOT_KEY):
            upload_id = store("7")
            tamper(
                upload_id,
                StoredFile.kept_until.set(datetime.now(UTC)),
                StoredFile.kept_shard.set(keys.shard(upload_id)),
            )
        assert expiry.expire().files == 1

    return {
        "confirm": _confirms,
        "publish events": _publishes,
        "move a folder": _moves_a_folder,
        "remove": removes,
        "thumbnails": _makes_thumbnails,
        "purge": purges,
        "expiry": expires,
        "check for malware": _checks_for_malware,
        "reconcile": reconciles,
        "record a failure": lambda: task_failures.record("task", "error"),
    }


def operator() -> Steps:
    """Doctor, beside a real consumer and a real worker."""

    def examine() -> list[str]:
        findings = [*doctor.examine(), *doctor.RoundTrip(20).run()]
        return sorted(f"{item.level} {item.subject}" for item in findings if item.level != "ok")

    # What is unusual about an installation of the tests.
    expected = examine()

    def examines_as_with_all_permissions() -> None:
        assert examine() == expected

    return {"doctor": examines_as_with_all_permissions}


def adoption(bucket: str, user: User) -> Steps:
    """Adopt a small and a large object, and one that changes meanwhile, for a user with a quota."""
    Quota.objects.create(user=user, limit=2**40)

    def adopts() -> None:
        plan = adopt.Plan(
            str(user.pk), bucket, "", quota=quotas.limit_of(user), sizes=helpers.SMALL_PARTS
        )
        with signed_by(ROOT_KEY):
            helpers.put(bucket, "small", uuid.uuid4().bytes)
            helpers.put(bucket, "large", uuid.uuid4().bytes * (helpers.PART // 16 + 1))
        (outcomes,) = adopt.adopt(plan)
        assert [outcome.state for outcome in outcomes] == ["copied", "copied"], outcomes

    def gives_up() -> None:
        with signed_by(ROOT_KEY):
            (source, *_) = next(foreign.list_objects(bucket, "large"))
        target = foreign.Target(new_id(datetime.now(UTC)), "7", "a.txt", "", "text/plain")
        with pytest.raises(foreign.NotCopyable):
            copying.copy_in_parts(replace(source, etag="other"), target, helpers.SMALL_PARTS)

    return {"adopt": adopts, "give up": gives_up}


def maintenance() -> Steps:
    def compares() -> None:
        with signed_by(ROOT_KEY):
            store("7")
        call_command("recount", "--check")

    def repairs() -> None:
        with signed_by(ROOT_KEY):
            Counter("owner#7").update([Counter.files.add(2)])
        call_command("recount", "--repair")
        call_command("recount", "--check")

    def repairs_folder() -> None:
        with signed_by(ROOT_KEY):
            store("7", folder="A")
            FolderItem(folder_items.item_id("7", "A")).delete()
        call_command("recount", "--repair")
        call_command("recount", "--check")

    def upgrades() -> None:
        with signed_by(ROOT_KEY):
            tamper(store("7"), StoredFile.name_key.set("old"))
        call_command("upgrade_records")

    return {
        "recount --check": compares,
        "recount --repair": repairs,
        "recount --repair of a folder": repairs_folder,
        "upgrade_records": upgrades,
    }
