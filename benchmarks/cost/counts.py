"""What a piece of work consumes on AWS, and what AWS bills for it (pure)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: Which price applies to a request, by operation; "" for those without a charge.
#: https://aws.amazon.com/s3/pricing/ (“PUT, COPY, POST, LIST” and “GET, SELECT, and all other”)
BILLED_AS = {
    "S3 PutObject": "s3_put",
    "S3 UploadPart": "s3_put",
    "S3 CreateMultipartUpload": "s3_put",
    "S3 CompleteMultipartUpload": "s3_put",
    "S3 ListParts": "s3_put",
    "S3 ListObjectsV2": "s3_put",
    # A POST. S3's price list has deletions as free, but does not name those of many objects.
    "S3 DeleteObjects": "s3_put",
    "S3 GetObject": "s3_get",
    "S3 HeadObject": "s3_get",
    "S3 HeadBucket": "s3_get",
    "S3 OPTIONS": "s3_get",
    "S3 DeleteObject": "",
    "S3 AbortMultipartUpload": "",
    "SQS SendMessage": "sqs",
    "SQS ReceiveMessage": "sqs",
    "SQS DeleteMessage": "sqs",
    "SQS DeleteMessageBatch": "sqs",
    "SQS ChangeMessageVisibility": "sqs",
    "SQS GetQueueAttributes": "sqs",
    "SQS notification from S3": "sqs",
}


@dataclass(frozen=True)
class Counts:
    """Requests by operation, and DynamoDB's capacity units."""

    requests: Mapping[str, float] = field(default_factory=dict)
    read_units: float = 0.0
    write_units: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        names = sorted({*self.requests, *other.requests})
        return Counts(
            {name: self.requests.get(name, 0) + other.requests.get(name, 0) for name in names},
            self.read_units + other.read_units,
            self.write_units + other.write_units,
        )

    def minus(self, other: Counts) -> Counts:
        """What this consumes besides the other. Operations without requests are left out."""
        rest = self + other.times(-1)
        requests = {name: count for name, count in rest.requests.items() if abs(count) > 1e-9}
        return Counts(requests, rest.read_units, rest.write_units)

    def times(self, factor: float) -> Counts:
        return Counts(
            {name: count * factor for name, count in self.requests.items()},
            self.read_units * factor,
            self.write_units * factor,
        )

    def without(self, *operations: str) -> Counts:
        """Only what other requests consume."""
        kept = {name: n for name, n in self.requests.items() if name not in operations}
        return Counts(kept, self.read_units, self.write_units)

    def billed(self) -> dict[str, float]:
        """The amounts by the names of their prices. Raises KeyError for an unknown operation."""
        amounts = {"s3_put": 0.0, "s3_get": 0.0, "sqs": 0.0}
        for name, count in self.requests.items():
            if price := BILLED_AS[name]:
                amounts[price] += count
        return {**amounts, "write_unit": self.write_units, "read_unit": self.read_units}


@dataclass(frozen=True)
class Sizes:
    """Bytes of a typical record: the item, its copy in each index, and that of a file in the trash
    in the index AllFeed."""

    item: int
    copies: Mapping[str, int]
    trashed: int


@dataclass(frozen=True)
class Schedule:
    """How often filehub's processes do something on their own, from its constants and defaults.

    `queues` is how many queues consumer and worker poll together. All but this, `trash_days` and
    `alarms` are seconds; a reconciliation compares files that are no older than its window.
    """

    poll: float
    queues: int
    credentials_check: float
    empty_task: float
    reconciliation: float
    recent_window: float
    daily_window: float
    purge: float
    sweep: float
    trash_days: int
    alarms: int


@dataclass(frozen=True)
class Measured:
    """All counts by the name of the work, each for one file, one page or one run."""

    work: Mapping[str, Counts]
    sizes: Sizes
    schedule: Schedule


def to_json(measured: Measured) -> str:
    rounded = json.loads(
        json.dumps(asdict(measured)), parse_float=lambda text: round(float(text), 4)
    )
    return json.dumps(rounded, indent=1, sort_keys=True) + "\n"


def from_json(text: str) -> Measured:
    document: dict[str, Any] = json.loads(text)
    work = {name: Counts(**counts) for name, counts in document["work"].items()}
    return Measured(work, Sizes(**document["sizes"]), Schedule(**document["schedule"]))
