"""A user's list of files: what a page costs with few and many records, and in the middle."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client, override_settings
from django.urls import path

from benchmarks import consumption, objects
from benchmarks.figures import Row
from benchmarks.objects import Resources
from benchmarks.site import Site
from benchmarks.turns import Effort, in_turns
from filehub import urls
from uploads.accounts.owners import owner_of
from uploads.aws import clients
from uploads.files import queries
from uploads.management import fake_data

#: Records of one user; the smallest number has exactly fifty pages. Whole pages of the site are
#: rendered only with that one: the local AWS reads all items of an index for each query, and with
#: the larger number takes longer than a request may wait.
SIZES = (1_000, 100_000)
PAGE_SIZE = 20
PAGES = (1, 50)
#: Calls per round, of which the fastest counts. Few, because they take long with many records.
CALLS = 2
#: How much of the records `seed` makes stored files; the others are in no list.
STORED = 0.92
RAW, TEMPLATE = "one raw Query", "page with an empty template"


def run(site: Site, effort: Effort) -> list[Row]:
    """List pages in this process, so that requests and capacity can be counted."""
    user = get_user_model()._default_manager.get(username="demo")
    owner = owner_of(user)
    rows: list[Row] = []
    for size in SIZES:
        # Fewer records than pages would have no page 50.
        count = max(effort.scaled(size), PAGE_SIZE * PAGES[-1])
        resources = objects.deploy()
        with objects.in_use(resources):
            fake_data.seed(
                round(count / STORED * 1.1), owners=[owner], days=30, rng=random.Random(1)
            )
            for page in PAGES:
                rows += _page(f"page {page} of {count:,}", resources, owner, page, effort)
            if size == SIZES[0]:
                rows.append(_rendering(f"home page with {count:,}", effort))
    return rows


def _page(name: str, resources: Resources, owner: str, page: int, effort: Effort) -> list[Row]:
    """The latency of a page beside a plain Query, and what it consumes."""
    cursor = _cursor_of(resources, owner, page)

    def list_files() -> None:
        found = queries.files_of(owner, limit=PAGE_SIZE, cursor=cursor)
        if len(found.files) != PAGE_SIZE:
            raise RuntimeError(f"a page has {len(found.files)} files")

    def query() -> None:
        _raw_query(resources, owner, cursor)

    programs = {name: _timed(list_files), RAW: _timed(query)}
    times = in_turns(effort.rounds, programs)
    with consumption.counted() as consumed:
        list_files()
    return [
        Row(f"{name} / {RAW}", "ms", times[name], RAW, times[RAW]),
        Row(f"{name}, requests", "requests", (len(consumed.requests),)),
        Row(f"{name}, returned by DynamoDB", "KiB", (consumed.bytes_returned / 1024,)),
    ]


def _cursor_of(resources: Resources, owner: str, page: int) -> str | None:
    """The cursor with which this page begins: the id of the last file before it."""
    if page == 1:
        return None
    return str(_raw_query(resources, owner, None, (page - 1) * PAGE_SIZE)[-1]["id"]["S"])


def _raw_query(
    resources: Resources, owner: str, cursor: str | None, limit: int = PAGE_SIZE
) -> list[dict[str, Any]]:
    """The same files as DynamoDB's client returns them."""
    response = clients.dynamodb().query(
        TableName=resources.table,
        IndexName="OwnerFeed",
        KeyConditionExpression="ownerFeed = :owner AND id < :before",
        # No id is as large as "g".
        ExpressionAttributeValues={":owner": {"S": owner}, ":before": {"S": cursor or "g"}},
        ScanIndexForward=False,
        Limit=limit,
    )
    if len(response["Items"]) != limit:
        raise RuntimeError(f"the query returned {len(response['Items'])} items")
    return response["Items"]


def _rendering(name: str, effort: Effort) -> Row:
    """The page of a signed-in user beside a page with an empty template on the same site."""
    user = get_user_model()._default_manager.get(username="demo")
    client = Client(headers={"Accept": "text/html"})
    client.force_login(user)

    def render(path: str, expected: bytes) -> Callable[[], None]:
        def get() -> None:
            response = client.get(path)
            if response.status_code != 200 or expected not in response.content:
                raise RuntimeError(f"{path} is wrong: {response.status_code}")

        return get

    hosts = [*settings.ALLOWED_HOSTS, "testserver"]
    with override_settings(ALLOWED_HOSTS=hosts, ROOT_URLCONF=__name__):
        times = in_turns(
            effort.rounds,
            {
                name: _timed(render("/", b"data-file-row")),
                TEMPLATE: _timed(render("/empty", b"<!doctype html>")),
            },
        )
    return Row(f"{name} / {TEMPLATE}", "ms", times[name], TEMPLATE, times[TEMPLATE])


def _empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string("<!doctype html>").render({}, request))


#: filehub's routes, and one more for the comparison.
urlpatterns = [*urls.urlpatterns, path("empty", _empty)]


def _timed(call: Callable[[], None]) -> Callable[[], float]:
    """The fastest of several calls in milliseconds."""

    def program() -> float:
        seconds = []
        for _ in range(CALLS):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        return min(seconds) * 1000

    return program
