"""The tables of docs/cost.md, in Markdown, from the counts and the prices (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.cost import bill
from benchmarks.cost.bill import MILLION, Amounts, Line
from benchmarks.cost.counts import Counts, Measured
from benchmarks.cost.prices import Prices

#: Amounts that most work has; others are only in sums.
_COLUMNS = {
    "s3_put": "S3 PUT, LIST",
    "s3_get": "S3 GET, other",
    "sqs": "SQS",
    "write_unit": "write units",
    "read_unit": "read units",
}
BILLION = 1_000_000_000


def render(measured: Measured, prices: Prices) -> dict[str, str]:
    """Each table by its name."""
    return {
        "summary": _summary(measured, prices),
        "prices": _prices(prices),
        "uploads": _work(prices, _uploads(measured)),
        "pages": _work(prices, _pages(measured)),
        "deletions": _work(prices, _deletions(measured)),
        "idle": _idle(measured, prices),
        "storage": _storage(measured, prices),
        "kms": _kms(measured, prices),
        "months": _months(measured, prices),
        "example": _example(measured, prices),
        "billion": _billion(measured, prices),
    }


def _summary(measured: Measured, prices: Prices) -> str:
    """A million of each, from the first request to the last that follows from it."""
    work = measured.work
    together, alone = (
        sum((of[name] for name in ("upload", "confirmation", "reconciliation")), Counts())
        for of in (bill.upload(measured, prices.example, together=each) for each in (True, False))
    )
    rows = [
        (name, *_sums(prices, bill.times(counts.billed(), MILLION)))
        for name, counts in {
            "small files, uploaded from a browser and confirmed, 100 in a task": together,
            "the same, each file in a task of its own": alone,
            "besides, for each that is an image or a PDF": work["thumbnail"],
            "pages of a list with 50 files": work["page of the API"],
        }.items()
    ]
    return _table(("a million", *prices.regions), rows)


def _uploads(measured: Measured) -> dict[str, Counts]:
    work, often = measured.work, bill.comparisons(measured)
    return {
        "upload in one request": work["upload in one request"],
        "from a browser: its preflight, for each request to S3": bill.preflight(),
        "upload in 3 parts": work["upload in parts"],
        "signing, if the user has a quota": work["signing, with a quota"],
        "confirmation, 100 files in a task": work["confirmation, many at a time"],
        "confirmation, each file in a task of its own": work["confirmation, one at a time"],
        "an image or a PDF: besides, its content check and thumbnail": work["thumbnail"],
        "a look at the state of one upload": work["poll of one upload's state"],
        f"periodic reconciliation, which compares each file {often:.0f} times": bill.compared(
            measured
        ).times(often),
    }


def _pages(measured: Measured) -> dict[str, Counts]:
    work = measured.work
    return {
        "`GET /files`, 50 files of all folders": work["page of the API"],
        "`GET /files`, 50 files of a folder": work["page of a folder"],
        "`GET /files`, an exact name": work["exact name"],
        "`GET /files`, a search that examines 2,000 files": work["search"],
        "home page with 50 files": work["home page"],
        "page of the admin site with 100 files of all users": work["page of the admin site"],
        "`GET /files/version`": work["poll for changes of the list"],
        "`GET /readyz`": work["readiness check"],
        "download": work["download"],
    }


def _deletions(measured: Measured) -> dict[str, Counts]:
    work, schedule = measured.work, measured.schedule
    return {
        "move to the trash, 100 in a request": work["move to the trash, many at a time"],
        "move to the trash, one in a request": work["move to the trash, one at a time"],
        f"{schedule.trash_days} days in the trash, which each purge reads": bill.seen_by_purges(
            measured
        ),
        "permanent deletion, 100 at a time": work["permanent deletion, many at a time"],
    }


def _prices(prices: Prices) -> str:
    rows = [
        (name, f"{price.per:,} × {price.unit}" if price.per > 1 else price.unit,
         *(_dollars(price.by_region[region], 6) for region in prices.regions), price.source)
        for name, price in prices.prices.items()
    ]  # fmt: skip
    names = [(f"`{row[0]}`", *row[1:]) for row in rows]
    return _table(("price", "for", *prices.regions, "AWS's price list"), names)


def _work(prices: Prices, work: dict[str, Counts]) -> str:
    """Requests and units of one file or page, and the price of a million of them."""
    rows = []
    for name, counts in work.items():
        amounts = counts.billed()
        dollars = [prices.total(bill.times(amounts, MILLION), each) for each in prices.regions]
        rows.append((name, *_amounts(amounts), *map(_dollars, dollars)))
    return _table(("", *_COLUMNS.values(), *_per_million(prices)), rows)


def _per_million(prices: Prices) -> list[str]:
    return [f"a million, {region}" for region in prices.regions]


def _amounts(amounts: Amounts) -> list[str]:
    return [_number(amounts[name]) for name in _COLUMNS]


def _idle(measured: Measured, prices: Prices) -> str:
    lines = [Line(name, counts.billed()) for name, counts in bill.idle(measured).items()]
    rows = [(line.name, *map(_count, (line.amounts[name] for name in _COLUMNS)),
             *_sums(prices, line.amounts)) for line in lines]  # fmt: skip
    total = bill.add(*(line.amounts for line in lines))
    rows.append(("together", *map(_count, (total[n] for n in _COLUMNS)), *_sums(prices, total)))
    return _table(("in a month", *_COLUMNS.values(), *prices.regions), rows)


def _storage(measured: Measured, prices: Prices) -> str:
    (item, copies), million = bill.stored_sizes(measured), MILLION / bill.GB
    lines = [
        (item, Line("records", {"table_gb": item * million})),
        (copies, Line("their copies in five indexes", {"table_gb": copies * million})),
        (item, Line("continuous backups of them", {"backup_gb": item * million})),
        (1e6, Line("objects, for each MB of their size", {"object_gb": 1e6 * million})),
    ]
    rows = [
        (line.name, f"{size:,.0f}", _number(size * million), *_sums(prices, line.amounts))
        for size, line in lines
    ]
    return _table(("a million files", "bytes each", "GB", *prices.regions), rows)


def _kms(measured: Measured, prices: Prices) -> str:
    """What KMS costs without bucket keys, for each million uploads."""
    work = measured.work
    confirmed = work["upload in one request"] + work["confirmation, many at a time"]
    rows = []
    for name, counts in {
        "upload and confirmation": confirmed,
        "content check and thumbnail": work["thumbnail"],
        "download": work["download"],
    }.items():
        amounts = counts.billed()
        requests = (amounts["s3_put"] + amounts["s3_get"]) * MILLION
        sums = (_sums(prices, {"kms_request": share * requests}) for share in (1, 0.01))
        rows.append((name, _count(requests), *(cell for cells in sums for cell in cells)))
    head = [f"{how}, {region}" for how in ("without", "1 %") for region in prices.regions]
    return _table(("a million times", "requests to S3", *head), rows)


def _example(measured: Measured, prices: Prices) -> str:
    example = prices.example
    rows = [
        ("size of a file", f"{example.file_mb:g} MB"),
        ("size of a thumbnail", f"{example.thumbnail_kb:g} kB"),
        ("images, of all uploads", f"{example.images:.0%}"),
        ("deleted, of all uploads", f"{example.deleted:.0%}"),
        ("downloads for each upload", f"{example.downloads:g}"),
        (
            "pages with 50 files for each upload, no thumbnail of which the browser has yet",
            f"{example.pages:g}",
        ),
        ("CloudWatch alarms", f"{measured.schedule.alarms}"),
    ]
    return _table(("assumption", ""), rows)


def _months(measured: Measured, prices: Prices) -> str:
    region = prices.regions[0]
    bills = [
        bill.month(measured, prices, uploads, together=together)
        for uploads in prices.example.uploads
        for together in (True, False)
    ]
    rows = [
        (lines[0].name, *(_dollars(prices.total(line.amounts, region)) for line in lines))
        for lines in zip(*bills, strict=True)
    ]
    for each in prices.regions:
        sums = [sum(prices.total(line.amounts, each) for line in lines) for lines in bills]
        rows.append((f"**together, {each}**", *(f"**{_dollars(total)}**" for total in sums)))
    for name in ("transfer_gb", "cloudfront_gb"):
        by = "CloudFront" if name == "cloudfront_gb" else "S3"
        rows.append((f"besides: downloads by {by}", *_transfer(prices, name)))
    head = [
        f"{uploads:,}{how}"
        for uploads in prices.example.uploads
        for how in (", 100 in a task", ", each alone")
    ]
    return _table((f"uploads in the month, {region}", *head), rows)


def _transfer(prices: Prices, name: str) -> list[str]:
    return [
        _dollars(prices.total({name: bill.downloaded_gb(prices.example, uploads)}, region))
        for uploads in prices.example.uploads
        for region in (prices.regions[0],) * 2
    ]


def _billion(measured: Measured, prices: Prices) -> str:
    rows = [
        (line.name, *map(_count, (line.amounts[name] for name in ("s3_put", "read_unit"))),
         *_sums(prices, line.amounts))
        for line in bill.whole_table(measured, BILLION)
    ]  # fmt: skip
    return _table(
        ("a billion files", _COLUMNS["s3_put"], _COLUMNS["read_unit"], *prices.regions), rows
    )


def _sums(prices: Prices, amounts: Amounts) -> list[str]:
    return [_dollars(prices.total(amounts, region)) for region in prices.regions]


def _number(value: float) -> str:
    """Three significant digits at most, without zeros at the end."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{float(f'{value:.2g}'):g}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _dollars(value: float, digits: int = 2) -> str:
    if digits > 2:
        return f"${value:,.{digits}f}".rstrip("0").rstrip(".")
    return "under $0.01" if 0 < value < 0.005 else f"${value:,.{digits}f}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
