"""`make cost`: what is counted, the rules by which it is billed, and the tables in docs/cost.md."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.cost import bill, counts, document, prices, recorder, schedule, tables, traffic
from benchmarks.cost.counts import Counts
from tests.project import documents
from tests.support.processes import ROOT
from tests.support.proxy import Request
from uploads.core import keys
from uploads.files import grouping, listing, purge, usage
from uploads.ingest import consumer, tasks
from uploads.ingest.reconciliation import comparison, reconcile

#: The tests of `make bench` look at what is left in the folder in which this one works, too.
pytestmark = pytest.mark.xdist_group("benchmarks")

# The document


def test_the_tables_of_the_document_are_those_of_the_counts_and_the_prices() -> None:
    text = documents.read("docs/cost.md")
    rendered = tables.render(document.stored(), prices.load())
    assert sorted(document.table_names(text)) == sorted(rendered)
    assert document.with_tables(text, rendered) == text


def test_the_schedule_is_that_of_the_code() -> None:
    assert schedule.current() == document.stored().schedule


@pytest.mark.parametrize(
    ("sentence", "constants"),
    [
        ("`AllFeed` with 16 shards", {len(keys.SHARDS): 16}),
        ("16,000 new files per second", {len(keys.SHARDS) * 1_000: 16_000}),
        ("56,000 uploads and 88,000 HEAD and GET", {16 * 3_500: 56_000, 16 * 5_500: 88_000}),
        ("4 items each, 2 units in each transaction", {usage.PARTS: 4}),
        ("90 files of one user", {grouping.MAX_ITEMS - 1 - 2 * usage.PARTS: 90}),
        ("a consumer holds up to 100", {consumer.MAX_MESSAGES: 100, tasks.EVENTS_PER_TASK: 100}),
        ("examines 2,000 files in each request", {listing.MAX_EXAMINED: 2_000}),
        ("More than 500 files of one exact name", {listing.MAX_NAME_MATCHES: 500}),
        ("reads a thousand files of the trash", {purge.PAGE_SIZE: 1_000}),
        ("when its 45 s are over", {purge.BUDGET.total_seconds(): 45}),
        ("lists 1,000 objects in each request", {comparison.PAGE_SIZE: 1_000}),
        (
            "those of the last 75 minutes and takes 45 s of every five minutes",
            {reconcile.window().total_seconds(): 75 * 60, reconcile.BUDGET.total_seconds(): 45},
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_limit_in_the_document_is_that_of_the_code(
    sentence: str, constants: dict[float, float]
) -> None:
    assert sentence in " ".join(documents.read("docs/cost.md").split())
    for of_the_code, of_the_document in constants.items():
        assert of_the_code == of_the_document


COUNT = """
import sys
from pathlib import Path
from benchmarks.cost import counts
from benchmarks.cost.site import CountedSite
with CountedSite() as site:
    from benchmarks.cost.measure import measure
    Path(sys.argv[1]).write_text(counts.to_json(measure(site)))
"""


@pytest.mark.exhaustive
def test_the_counts_are_those_that_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    subprocess.run([sys.executable, "-c", COUNT, str(path)], cwd=ROOT, check=True, timeout=540)
    counted = counts.from_json(path.read_text(encoding="utf-8"))
    stored = document.stored()
    random, work = "page of the admin site", dict(stored.work)
    assert counted.work[random].read_units == pytest.approx(work[random].read_units, rel=0.1)
    work[random] = counted.work[random]
    assert counted == dataclasses.replace(stored, work=work)


def test_a_checksum_costs_no_request() -> None:
    work = document.stored().work
    assert work["the same without a checksum"] == work["confirmation, one at a time"]


def test_other_prices_are_printed_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = document.PATH.read_bytes()
    path = tmp_path / "mine.toml"
    text = prices.PATH.read_text(encoding="utf-8")
    path.write_text(text.replace("us-east-1 = 0.625", "us-east-1 = 1000.0"), encoding="utf-8")
    assert main(["cost", "--stored", "--prices", str(path)]) == 0
    assert "| `write_unit` | 1,000,000 × write request unit | $1,000 |" in capsys.readouterr().out
    assert document.PATH.read_bytes() == before


@pytest.mark.parametrize(
    "text", [None, "", "no toml", "regions = 1", "regions = ['x']\n[prices.a]"]
)
def test_a_table_of_prices_that_cannot_be_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert main(["cost", "--stored", "--prices", str(path)]) == 1
    assert "The prices cannot be read" in capsys.readouterr().err


# What a request is


def request(
    method: str = "POST",
    path: str = "/",
    query: str = "",
    target: str = "",
    *,
    sent: int = 0,
    received: int = 0,
    over: bool = True,
) -> Request:
    return Request(
        method, path, query, {"x-amz-target": target}, sent=sent, received=received, over=over
    )


KEY = "/bucket/uploads/0/id"
RECEIVE = "AmazonSQS.ReceiveMessage"


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (request(target="DynamoDB_20120810.Query"), ""),
        (request(target="AmazonSQS.SendMessage"), "SQS SendMessage"),
        (request("GET", "/0/queue", "Action=ReceiveMessage&Version=1"), "SQS ReceiveMessage"),
        (request("GET", "/0/queue", "Version=1&Action=DeleteMessage"), "SQS DeleteMessage"),
        (request("PUT", KEY), "S3 PutObject"),
        (request("PUT", KEY, "X-Amz-Expires=900"), "S3 PutObject"),
        (request("PUT", KEY, "uploadId=1&partNumber=2"), "S3 UploadPart"),
        (request("POST", KEY, "uploads"), "S3 CreateMultipartUpload"),
        (request("POST", KEY, "uploads="), "S3 CreateMultipartUpload"),
        (request("POST", KEY, "uploadId=1"), "S3 CompleteMultipartUpload"),
        (request("GET", KEY, "uploadId=1"), "S3 ListParts"),
        (request("DELETE", KEY, "uploadId=1"), "S3 AbortMultipartUpload"),
        (request("OPTIONS", KEY, "uploadId=1&partNumber=2"), "S3 OPTIONS"),
        (request("GET", KEY), "S3 GetObject"),
        (request("HEAD", KEY), "S3 HeadObject"),
        (request("DELETE", KEY), "S3 DeleteObject"),
        (request("OPTIONS", KEY), "S3 OPTIONS"),
        (request("GET", "/bucket", "list-type=2"), "S3 ListObjectsV2"),
        (request("HEAD", "/bucket"), "S3 HeadBucket"),
        (request("POST", "/bucket", "delete"), "S3 DeleteObjects"),
        (request("POST", "/bucket/", "delete="), "S3 DeleteObjects"),
    ],
    ids=str,
)
def test_the_operation_of_a_request(sent: Request, name: str) -> None:
    assert traffic.operation(sent) == name
    assert not name or name in counts.BILLED_AS


KIB = 1024


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        (request(target="AmazonSQS.SendMessage", sent=1), 1),
        (request(target="AmazonSQS.SendMessage", sent=64 * KIB), 1),
        (request(target="AmazonSQS.SendMessage", sent=64 * KIB + 1), 2),
        (request(target=RECEIVE, received=500), 1),
        (request(target=RECEIVE, received=65 * KIB), 2),
        (request(target=RECEIVE, received=20), 0),
        (request(target=RECEIVE, over=False), 0),
        (request(target="AmazonSQS.GetQueueUrl", received=500), 0),
        (request("PUT", KEY, sent=5 * KIB * KIB), 1),
        (request(target="DynamoDB_20120810.Query"), 0),
    ],
    ids=str,
)
def test_how_often_a_request_is_billed(sent: Request, number: int) -> None:
    assert sum(traffic.billed([sent, sent]).values()) == 2 * number


# Capacity units


def item(size: int) -> dict[str, Any]:
    """An item of so many bytes."""
    return {"a": {"S": "x" * (size - 1)}}


def batch(keys_: int, **options: Any) -> dict[str, Any]:
    return {"RequestItems": {"files": {"Keys": [{}] * keys_, **options}}}


CONSISTENT = {"ConsistentRead": True}


def page(*sizes: int) -> dict[str, Any]:
    return {
        "Items": [item(size) for size in sizes],
        "Count": len(sizes),
        "ScannedCount": len(sizes),
    }


@pytest.mark.parametrize(
    ("operation", "parameters", "parsed", "units"),
    [
        ("GetItem", {}, {"Item": item(1)}, 0.5),
        ("GetItem", {}, {}, 0.5),
        ("GetItem", CONSISTENT, {"Item": item(4096)}, 1),
        ("GetItem", CONSISTENT, {"Item": item(4097)}, 2),
        ("BatchGetItem", batch(2), {"Responses": {"files": [item(9), item(4097)]}}, 1.5),
        ("BatchGetItem", batch(3, **CONSISTENT), {"Responses": {"files": [item(9)]}}, 3),
        ("BatchGetItem", batch(2), {"Responses": {}}, 1),
        ("Query", {}, page(), 0.5),
        ("Query", {}, page(2048, 2048), 0.5),
        ("Query", {}, page(2048, 2049), 1),
        ("Query", CONSISTENT, page(2048, 2049), 2),
        ("TransactWriteItems", {}, {}, 0),
        ("UpdateItem", {}, {}, 0),
    ],
)
def test_the_read_units_of_a_request(
    operation: str, parameters: dict[str, Any], parsed: dict[str, Any], units: float
) -> None:
    assert recorder.read_units(operation, parameters, parsed) == units


def test_a_query_that_drops_items_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="filter"):
        recorder.read_units("Query", {}, {**page(10), "ScannedCount": 2})


@pytest.mark.parametrize(
    ("parameters", "whole"),
    [
        ({"Key": 1}, {"Key": 1}),
        (
            {
                "Key": 1, "ProjectionExpression": "#0", "ExpressionAttributeNames": {"#0": "id"},
            },
            {"Key": 1},
        ),
        (
            {
                "KeyConditionExpression": "#0 = :0", "ProjectionExpression": "#0, #1",
                "ExpressionAttributeNames": {"#0": "id", "#1": "etag"},
            },
            {"KeyConditionExpression": "#0 = :0", "ExpressionAttributeNames": {"#0": "id"}},
        ),
        (
            {"KeyConditionExpression": "#10 = :0", "ProjectionExpression": "#1",
             "ExpressionAttributeNames": {"#1": "id", "#10": "etag"}},
            {"KeyConditionExpression": "#10 = :0", "ExpressionAttributeNames": {"#10": "etag"}},
        ),
        (batch(1, ProjectionExpression="#0", ExpressionAttributeNames={"#0": "id"}), batch(1)),
        ({"RequestItems": {"files": [1]}}, {"RequestItems": {"files": [1]}}),
    ],
)  # fmt: skip
def test_a_request_for_whole_items(parameters: dict[str, Any], whole: dict[str, Any]) -> None:
    assert recorder.whole_items(parameters) == whole


# Prices


def test_a_bill_is_the_sum_of_amounts_times_their_prices() -> None:
    table = prices.load()
    counted = Counts(
        {"S3 PutObject": 1, "S3 HeadObject": 2, "SQS SendMessage": 3, "S3 DeleteObject": 9},
        read_units=4,
        write_units=5,
    )
    million = bill.times(counted.billed(), 1_000_000)
    expected = 5.0 + 2 * 0.4 + 3 * 0.4 + 4 * 0.125 + 5 * 0.625
    assert table.total(million, "us-east-1") == pytest.approx(expected)


def test_an_unknown_operation_is_not_free() -> None:
    with pytest.raises(KeyError):
        Counts({"S3 Unknown": 1}).billed()


def test_counts_are_added_and_subtracted_by_operation() -> None:
    a, b = Counts({"x": 1, "y": 2}, 3, 4), Counts({"y": 2, "z": 1}, 1, 1)
    assert a + b == Counts({"x": 1, "y": 4, "z": 1}, 4, 5)
    assert (a + b).minus(a) == Counts({"y": 2, "z": 1}, 1, 1)
    assert a.times(2).without("x") == Counts({"y": 4}, 6, 8)


def test_more_in_each_task_is_never_more_expensive() -> None:
    measured, table = document.stored(), prices.load()
    for uploads in table.example.uploads:
        totals = [
            sum(table.total(line.amounts, "us-east-1") for line in lines)
            for lines in (
                bill.month(measured, table, uploads, together=True),
                bill.month(measured, table, uploads, together=False),
            )
        ]
        assert totals[0] < totals[1]


def test_without_a_trash_purges_cost_nothing() -> None:
    measured = document.stored()
    none = dataclasses.replace(measured.schedule, trash_days=0)
    assert bill.seen_by_purges(dataclasses.replace(measured, schedule=none)).read_units == 0
    assert bill.seen_by_purges(measured).read_units > 0
