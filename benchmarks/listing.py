"""A user's list of files: what a page costs with few and many records, and in the middle."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import get_user_model
from django.template import engines
from django.test import Client, override_settings

from benchmarks import objects, write_units
from benchmarks.figures import Row
from benchmarks.objects import Resources
from benchmarks.site import Site
from benchmarks.turns import Effort, in_turns
from uploads.accounts.owners import owner_of
from uploads.aws import clients
from uploads.files import queries
from uploads.management import fake_data

#: Records of one user; the smallest number has exactly fifty pages.
SIZES = (1_000, 100_000)
PAGE_SIZE = 20
PAGES = (1, 50)
#: Calls per round, of which the median counts.
CALLS = 10
#: How much of the records `seed` makes stored files; the others are in no list.
STORED = 0.92
RAW, TEMPLATE = "one raw Query", "empty template"


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
            rows.append(_rendering(f"page of {count:,}", owner, effort))
    return rows


def _page(name: str, resources: Resources, owner: str, page: int, effort: Effort) -> list[Row]:
    """The latency of a page beside a plain Query, and what it consumes."""
    cursor = _cursor_of(owner, page)

    def list_files() -> None:
        found = queries.files_of(owner, limit=PAGE_SIZE, cursor=cursor)
        if len(found.files) != PAGE_SIZE:
            raise RuntimeError(f"a page has {len(found.files)} files")

    def query() -> None:
        _raw_query(resources, owner, cursor)

    programs = {name: _timed(list_files), RAW: _timed(query)}
    times = in_turns(effort.rounds, programs)
    with write_units.counted() as consumed:
        list_files()
    return [
        Row(f"{name} / {RAW}", "ms", times[name], RAW, times[RAW]),
        Row(f"{name}, requests", "requests", (len(consumed.requests),)),
        Row(f"{name}, read units", "units", (consumed.read,)),
    ]


def _cursor_of(owner: str, page: int) -> str | None:
    """The cursor with which this page begins, found by following the pages before it."""
    cursor: str | None = None
    for _ in range(page - 1):
        cursor = queries.files_of(owner, limit=PAGE_SIZE, cursor=cursor).next_cursor
    return cursor


def _raw_query(resources: Resources, owner: str, cursor: str | None) -> None:
    """The same page as DynamoDB's client returns it."""
    response = clients.dynamodb().query(
        TableName=resources.table,
        IndexName="OwnerFeed",
        KeyConditionExpression="ownerFeed = :owner AND id < :before",
        ExpressionAttributeValues={":owner": {"S": owner}, ":before": {"S": cursor or "g"}},
        ScanIndexForward=False,
        Limit=PAGE_SIZE,
    )
    if len(response["Items"]) != PAGE_SIZE:
        raise RuntimeError(f"the query returned {len(response['Items'])} items")


def _rendering(name: str, owner: str, effort: Effort) -> Row:
    """The whole page of a signed-in user beside a template without content."""
    user = get_user_model()._default_manager.get(username="demo")
    client = Client(headers={"Accept": "text/html"})
    client.force_login(user)
    empty = engines["django"].from_string("<!doctype html>")

    def render() -> None:
        response = client.get("/")
        if response.status_code != 200 or b"data-file-row" not in response.content:
            raise RuntimeError(f"the page has no files: {response.status_code}")

    def render_empty() -> None:
        empty.render({})

    name = f"render the {name}"
    hosts = [*settings.ALLOWED_HOSTS, "testserver"]
    with override_settings(ALLOWED_HOSTS=hosts):
        times = in_turns(effort.rounds, {name: _timed(render), TEMPLATE: _timed(render_empty)})
    return Row(f"{name} / {TEMPLATE}", "ms", times[name], TEMPLATE, times[TEMPLATE])


def _timed(call: Callable[[], None]) -> Callable[[], float]:
    """The median of several calls in milliseconds."""

    def program() -> float:
        seconds = []
        for _ in range(CALLS):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        return sorted(seconds)[CALLS // 2] * 1000

    return program
