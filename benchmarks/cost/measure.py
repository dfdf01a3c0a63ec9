"""Does each kind of work once or a few times, with filehub's real processes, and counts it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.contrib.auth import get_user_model

from benchmarks.cost import schedule, work
from benchmarks.cost.counts import Counts, Measured, Sizes
from benchmarks.cost.meter import Meter
from benchmarks.cost.site import CountedSite
from benchmarks.site import paused
from tests.ingest.reconciliation import inventories
from tests.support.local_aws import drain
from tests.support.users import Api, signed_in
from tests.support.waiting import wait_for
from tests.support.write_units import indexes_of, item_size
from uploads.accounts.owners import owner_of
from uploads.admin.files.pages import PAGE_SIZE
from uploads.aws import clients
from uploads.core.conf import conf
from uploads.files.listing import MAX_EXAMINED, FileFilter, find
from uploads.files.record import StoredFile
from uploads.ingest import tasks
from uploads.ingest.reconciliation import inventory, reconcile
from uploads.management import fake_data
from uploads.models import Quota
from uploads.worker import access

#: Files that share a task, as the consumer makes them while more events wait.
MANY = tasks.EVENTS_PER_TASK
#: Files that are confirmed one after the other.
ALONE = 5
#: Files of a page.
PAGE = 50
#: Pages of which the mean is taken.
PAGES = 20
#: Of how many fake records at least MAX_EXAMINED are stored files.
RECORDS = round(MAX_EXAMINED * 1.2)
#: What a process requests only before it sends its first task.
_ONCE = "SQS GetQueueAttributes"


def measure(site: CountedSite) -> Measured:
    """Takes about three minutes, one of them waiting for polls to end."""
    return _Measurement(site).run()


class _Measurement:
    """The counts so far, and the file whose record is the typical one."""

    def __init__(self, site: CountedSite) -> None:
        self._site = site
        self._meter: Meter = site.meter()
        self._user = get_user_model()._default_manager.get(username="demo")
        self._api = Api(self._user)
        self._work: dict[str, Counts] = {}

    def run(self) -> Measured:
        # S3 sends a test event for each of the three notifications.
        wait_for(lambda: self._meter.waiting(conf().events_queue) == 3)
        drain(conf().events_queue)
        with ExitStack() as stack:
            stack.enter_context(self._site.worker())
            self._count_periodic_work()
            ids = self._count_uploads_and_confirmation(stack)
            sizes = _sizes(ids[0])
            self._count_requests_for_one_file(ids[0])
            self._count_an_inventory(ids)
            trashed = self._count_the_trash(stack, ids)
            self._count_lists()
        return Measured(self._work, Sizes(sizes.item, sizes.copies, trashed), schedule.current())

    def _keep(self, name: str, per: int = 1) -> Counts:
        """Keep what the last block has consumed, for each of so many files."""
        self._work[name] = self._meter.last(per)
        return self._work[name]

    def _count_periodic_work(self) -> None:
        """What processes do on their own, while there are neither files nor events."""
        # Looks up queues, and has the worker check its credentials, as each process does once.
        tasks.enqueue_nothing()
        self._meter.wait_until_idle()
        with self._meter.counting():
            access.is_sufficient()
        self._keep("check of the worker's credentials")
        periodic: dict[str, Callable[[], object]] = {
            "empty task": tasks.enqueue_nothing,
            "reconciliation without files": tasks.reconcile_recent.delay,
            "purge of an empty trash": tasks.purge_trash.delay,
            "sweep of an empty outbox": tasks.sweep_events.delay,
        }
        for name, send in periodic.items():
            with self._meter.counting(until=lambda: True):
                send()
            self._keep(name)

    def _count_uploads_and_confirmation(self, stack: ExitStack) -> list[str]:
        """Returns the ids of MANY stored files. The consumer runs in the stack from then on."""
        with self._meter.counting():
            ids = work.upload_many(self._api, MANY)
        self._keep("upload in one request", MANY)
        with self._consumed_together(stack, ids, "stored"):
            pass
        confirmed = self._keep("confirmation, many at a time", MANY)
        self._work["confirmation, many at a time"] = confirmed.without(_ONCE)
        return ids

    @contextmanager
    def _consumed_together(self, stack: ExitStack, ids: list[str], state: str) -> Iterator[None]:
        """Count the block and the task for all of its events, which a new consumer queues."""
        with self._meter.counting(events=len(ids), until=lambda: work.has_state(state, ids)):
            yield
            wait_for(lambda: self._meter.waiting(conf().events_queue) == len(ids), 300)
            self._consuming = stack.enter_context(ExitStack())
            self._consumer = self._consuming.enter_context(self._site.consumer())

    def _count_requests_for_one_file(self, stored: str) -> None:
        alone = self._count_confirmation_alone("confirmation, one at a time", "holiday 12.txt")
        self._count_confirmation_alone("the same without a checksum", "a.txt", with_checksum=False)
        image = self._count_confirmation_alone("image", "holiday 12.png")
        del self._work["image"]
        self._work["thumbnail"] = image.without(_ONCE).minus(alone)
        with paused(self._consumer), self._meter.counting():
            large = work.upload_in_parts(self._api)
        self._work["upload in parts"] = self._meter.last().without("SQS ReceiveMessage")
        wait_for(lambda: work.are_stored([large]))
        self._meter.wait_until_idle()
        with self._meter.counting():
            work.expect(self._api.get(f"/uploads/{stored}"), 200)
        self._keep("poll of one upload's state")
        with self._meter.counting():
            work.download(self._api, stored)
        self._keep("download")
        self._count_signing_with_a_quota()

    def _count_confirmation_alone(
        self, name: str, file_name: str, *, with_checksum: bool = True
    ) -> Counts:
        total = Counts()
        for _ in range(ALONE):
            total += self._count_one(file_name, with_checksum=with_checksum)
        # Without the upload itself, which is counted elsewhere.
        self._work[name] = total.times(1 / ALONE).minus(Counts({"S3 PutObject": 1}))
        return self._work[name]

    def _count_one(self, file_name: str, *, with_checksum: bool) -> Counts:
        ids: list[str] = []
        is_done = work.have_thumbnails if file_name.endswith(".png") else work.are_stored
        with self._meter.counting(events=1, until=lambda: is_done(ids)):
            ids.append(work.upload(self._api, name=file_name, with_checksum=with_checksum))
        return self._meter.last()

    def _count_signing_with_a_quota(self) -> None:
        quota = Quota.objects.create(user=self._user, limit=10**12)
        with self._meter.counting():
            work.expect(self._api.post("/uploads", {"file_name": "a.txt", "size": 1}), 201)
        self._keep("signing, with a quota")
        quota.delete()

    def _count_the_trash(self, stack: ExitStack, ids: list[str]) -> int:
        """Move files to the trash, one alone and the others together, and delete all permanently.

        Returns the size of such a record in the index from which the purge reads.
        """
        with self._meter.counting():
            work.change(self._api, "trash", ids[:1])
        self._keep("move to the trash, one at a time")
        with self._meter.counting():
            work.change(self._api, "trash", ids[1:])
        self._keep("move to the trash, many at a time", len(ids) - 1)
        (item,) = work.records(ids[:1])
        size = _copies(item)["AllFeed"]
        work.make_due(ids)
        self._consuming.close()
        # The poll of a consumer that was stopped still takes messages until it ends.
        time.sleep(clients.POLL_SECONDS + 1)
        with self._consumed_together(stack, ids, "deleted"):
            tasks.purge_trash.delay()
        # Without the task itself, and without reading the trash, which each purge does.
        task = self._work["empty task"]
        self._work["permanent deletion, many at a time"] = (
            self._meter.last_without_queries().without(_ONCE).minus(task).times(1 / len(ids))
        )
        return size

    def _count_an_inventory(self, ids: list[str]) -> None:
        rows = [
            inventories.row_of(item["id"]["S"], ETag=item["etag"]["S"])
            for item in work.records(ids)
        ]
        url = inventories.write(rows)
        with self._meter.counting():
            reconcile.check_objects(reconcile.Plan("inventory"), inventory.objects(url))
        # Without what a run costs once: reading the inventory, 8 MiB in each request, and a note.
        read_units = self._meter.last(len(ids)).read_units
        self._work["comparison with an inventory"] = Counts({}, read_units)

    def _count_lists(self) -> None:
        """Pages of one user who has a few more files than a search examines."""
        fake_data.seed(RECORDS, owners=[owner_of(self._user)], days=30, rng=random.Random(1))
        browser = signed_in(self._user)
        api, page = self._api.get, f"limit={PAGE}"
        pages: dict[str, Callable[[], Any]] = {
            "page of the API": lambda: api(f"/files?{page}"),
            "page of a folder": lambda: api(f"/files?{page}&folder="),
            "exact name": lambda: api(f"/files?{page}&name=holiday%201.txt"),
            "home page": lambda: browser.get("/"),
            "poll for changes of the list": lambda: api("/files/version"),
            "readiness check": lambda: browser.get("/readyz"),
        }
        for name, get in pages.items():
            with self._meter.counting():
                response = get()
            if response.status_code != 200:
                raise RuntimeError(f"{name}: {response.status_code}")
            self._keep(name)
        self._count_slow_pages()

    def _count_slow_pages(self) -> None:
        """Past the web, whose requests may not wait as long as the local AWS takes for these."""
        with self._meter.counting():
            find(FileFilter(owner=owner_of(self._user), name="is in no name"), limit=PAGE)
        self._keep("search")
        # How many files of a page are in which shard is random, so this is the mean.
        cursor = None
        with self._meter.counting():
            for _ in range(PAGES):
                cursor = find(FileFilter(), limit=PAGE_SIZE, cursor=cursor).next_cursor
        self._keep("page of the admin site", PAGES)


def _sizes(upload_id: str) -> Sizes:
    (item,) = work.records([upload_id])
    return Sizes(item_size(item), _copies(item), 0)


def _copies(item: Any) -> dict[str, int]:
    """Bytes of an item's copies, by the names of the indexes."""
    schema = StoredFile._get_schema()
    names = [index["index_name"] for index in schema["global_secondary_indexes"]]
    copies = zip(names, (index.copy_of(item) for index in indexes_of(schema)), strict=True)
    return {name: item_size(copy) for name, copy in copies if copy is not None}
