"""The number of requests to DynamoDB for a page does not grow with the table."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pynamodb.connection.base import Connection

from tests.support.aws_requests import AwsRequests
from tests.support.files import store
from tests.support.users import Api
from uploads.admin.files import pages as admin_files
from uploads.files import queries
from uploads.files.listing import FileFilter, find
from uploads.files.record import StoredFile
from uploads.management.fake_data import seed

LIST = "/admin/uploads/file/"
#: Small, so that page 50 exists in a small table too.
PAGE = 5


@contextmanager
def counted() -> Iterator[list[str]]:
    """Count the requests to DynamoDB by operation."""
    seen: list[str] = []
    send = Connection._make_api_call

    def count(self: Connection, operation: str, *args: object, **kwargs: object) -> object:
        seen.append(operation)
        return send(self, operation, *args, **kwargs)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Connection, "_make_api_call", count)
        yield seen


def operations() -> dict[str, Callable[[Client], object]]:
    """The pages by name: lists of the admin and of a user."""
    today = datetime.now(UTC).date()
    week = (today - timedelta(days=7)).isoformat()
    fiftieth = next(iter_pages(50))
    someone = find(FileFilter(), limit=1).files[0]

    def page(query: str) -> Callable[[Client], object]:
        def get(client: Client) -> object:
            response = client.get(f"{LIST}?{query}")
            assert response.status_code == 200
            return response

        return get

    return {
        "the list": page(""),
        "page 50": page(f"cursor={fiftieth}"),
        "back from page 50": page(f"after={fiftieth}"),
        "search: part of a name": page("q=rep"),
        "search: id": page(f"q={someone.id}"),
        "search: object key": page(f"q={someone.key}"),
        "filter: rejected": page("state=rejected"),
        "filter: owner": page(f"owner={someone.owner}"),
        "filter: type group": page("kind=audio"),
        "filter: dates": page(f"from={week}&to={today}"),
        "all filters": page(f"state=rejected&owner={someone.owner}&kind=pdf&from={week}&q=a"),
        "one file": lambda client: client.get(f"{LIST}{someone.id}/change/"),
        "the dashboard": lambda client: client.get("/admin/"),
        "the storage report": lambda client: client.get("/admin/uploads/storagereport/"),
        "the users": lambda client: client.get("/admin/auth/user/"),
        "a user's list": lambda client: queries.files_of(someone.owner, limit=50),
        "a user's search": lambda client: queries.files_of(someone.owner, limit=50, search="r"),
    }


def iter_pages(number: int) -> Iterator[str]:
    """The cursor of a page of the list."""
    files = find(FileFilter(), limit=(number - 1) * PAGE).files
    assert len(files) == (number - 1) * PAGE
    yield files[-1].id


def test_the_number_of_requests_does_not_grow_with_the_table(
    aws: None,
    admin: Client,
    monkeypatch: pytest.MonkeyPatch,
    show: Callable[[str], None],
    full_size: bool,
) -> None:
    monkeypatch.setattr(admin_files, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(StoredFile, "scan", lambda *a, **k: pytest.fail("a scan"))
    admin.get("/admin/")
    counts: dict[str, list[int]] = {}
    owners = [str(number) for number in range(100, 120)]
    sizes = (1_000, 20_000) if full_size else (400, 600)
    rng = random.Random(sizes[1])
    for more in (sizes[0], sizes[1] - sizes[0]):
        seed(more, owners=owners, days=30, rng=rng)
        for name, open_ in operations().items():
            with counted() as seen:
                open_(admin)
            counts.setdefault(name, []).append(len(seen))
    show(f"DynamoDB requests at {sizes[0]:,} and at {sizes[1]:,} records")
    for name, (small, large) in counts.items():
        show(f"  {name}: {small}, {large}")
    # Which shard of a merge needs another request is random, and a wide search has queried the 16
    # shards of the name index first: a bounded difference for a table of any size.
    shards = 16
    for name, (small, large) in counts.items():
        assert large <= small + 2 * shards, name
        assert large <= 4 * shards, name


@pytest.mark.parametrize("number", [1, 2, 100])
def test_the_states_of_many_uploads_cost_one_request(
    api: Api, aws_requests: AwsRequests, number: int
) -> None:
    stored = store(api.owner)
    files = [{"file_name": "a.txt", "size": 5}] * (number - 1)
    begun = api.post("/uploads/batch", {"files": files}).json()["results"] if files else []
    ids = ",".join([stored, *(upload["id"] for upload in begun)])
    assert api.get(f"/uploads?ids={stored}").status_code == 200
    aws_requests.counts()
    with counted() as seen, CaptureQueriesContext(connection) as queries:
        states = api.get(f"/uploads?ids={ids}").json()
    assert [state["state"] for state in states] == ["stored"] + ["pending"] * (number - 1)
    assert (seen, aws_requests.counts(), len(queries)) == (["BatchGetItem"], {"dynamodb": 1}, 0)
