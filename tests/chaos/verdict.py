"""After a storm: what the uploaders know, what is in the bucket, what is recorded. All three agree.

Everything is read past the proxy and past filehub, except for what filehub itself lists.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.chaos.courier import Reported
from tests.chaos.gateway import INJECTED, Begun
from tests.chaos.ledger import Entry, Ledger

#: Exceptions that an injected fault explains: what filehub, Celery and kombu log of them.
EXPLAINED = re.compile(
    r"""
    (?:[\w.]+\.)?(?:
        BackendUnavailable | ConfirmationError | SchedulingError | WorkerLostError
        | OperationalError
        | ClientError | EndpointConnectionError | ConnectionClosedError | ReadTimeoutError
        | ConnectTimeoutError | HTTPClientError | ConnectionError | ConnectionResetError
        | ConnectionRefusedError | BrokenPipeError | ProtocolError | RemoteDisconnected
        | TransactWriteError | GetError | PutError | UpdateError | QueryError | VerboseClientError
        | RequestThrottled | ReceiptHandleIsInvalid | IncompleteReadError | ResponseParserError
        | TimeLimitExceeded | SoftTimeLimitExceeded | PynamoDBConnectionError | TimeoutError
        | NewConnectionError | MaxRetryError | timeout
    )\b
    """,
    re.X,
)
#: How a worker ends by itself if a process of its pool is killed before the pool has come up.
#: Celery takes it for a pool that cannot work, and whoever runs filehub starts it again.
TOO_EARLY = "Could not start worker processes"
#: kombu 5.7 now and then publishes once on a channel that it has closed because of a fault. Beat
#: logs it, and its next task goes out (seed 103).
CLOSED_CHANNEL = "AttributeError: 'NoneType' object has no attribute '_queue_cache'"
#: What beat says, with a traceback of the file's format, if it was killed while it wrote its
#: schedule (dbm.error of an empty file, where Python has gdbm). It makes a new one.
SPOILT_SCHEDULE = "Removing corrupted schedule file"
#: The first line of what is logged (filehub.logs).
_LOGGED = re.compile(r"[A-Z]+ [\w.]+: ")
#: The line under a traceback. Celery puts one traceback into another under a name of its own.
_RAISED = re.compile(r"(?!billiard\.einfo\.)[A-Za-z_][\w.]*(?::|$)")


def objects(s3: Any, bucket: str) -> dict[str, dict[str, Any]]:
    """Id -> what HeadObject says, the key, and the SHA-256 of the content."""

    def look(key: str) -> dict[str, Any]:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return {
            **s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"),
            "key": key,
            "sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
        }

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    names = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    with ThreadPoolExecutor(4) as pool:
        return {found["key"].rsplit("/", 1)[-1]: found for found in pool.map(look, names)}


def items(dynamodb: Any, table: str) -> dict[str, dict[str, Any]]:
    """All items of the table, by id, as plain values."""
    found: dict[str, dict[str, Any]] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            plain = {name: next(iter(value.values())) for name, value in item.items()}
            found[plain["id"]] = plain
    return found


def unfinished(s3: Any, bucket: str) -> list[tuple[str, str]]:
    """(id, S3's name) of the uploads in parts that S3 still knows."""
    found = []
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        found += [
            (each["Key"].rsplit("/", 1)[-1], each["UploadId"]) for each in page.get("Uploads", [])
        ]
    return found


def differing(name: str, wanted: Any, found: Any) -> Iterator[str]:
    if wanted != found:
        yield f"{name}: {found!r}, not {wanted!r}"


def judge_files(
    ledger: Ledger,
    there: dict[str, dict[str, Any]],
    table: dict[str, dict[str, Any]],
) -> Iterator[str]:
    """Compare the three, file by file."""
    records = {key: item for key, item in table.items() if "uniqueFileName" in item}
    stored = {key for key, item in records.items() if item["state"] == "stored"}
    for upload_id in stored - there.keys():
        yield f"ghost: {upload_id} is recorded as stored, and is not in the bucket"
    for upload_id in there.keys() - stored:
        state = records.get(upload_id, {}).get("state", "not recorded")
        yield f"orphan: {upload_id} is in the bucket, and {state}"
    for upload_id in (stored | there.keys()) - ledger.entries.keys():
        yield f"nobody uploaded {upload_id}"
    for entry in ledger.entries.values():
        item = records.get(entry.id)
        if entry.is_stored == "yes" and entry.id not in stored:
            yield f"lost: {entry} is {item['state'] if item else 'not recorded'}"
        if entry.is_stored == "no" and (entry.id in stored or entry.id in there):
            yield f"risen: {entry} is stored, or in the bucket"
        if entry.sent == "no" and item is not None:
            yield f"never sent, and yet recorded: {entry}: {item}"
        if (
            entry.is_forbidden
            and entry.sent == "yes"
            and (item is None or item["state"] != "rejected")
        ):
            yield f"forbidden, and not rejected: {entry}: {item}"
        if item is not None and item["state"] == "rejected" and not entry.is_forbidden:
            yield f"rejected without a reason: {entry}: {item}"
        if entry.id in stored & there.keys():
            yield from (
                f"{entry.id} {each}"
                for each in _judge_one(entry, records[entry.id], there[entry.id])
            )


def _judge_one(entry: Entry, item: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    yield from differing("object's size", entry.size, found["ContentLength"])
    yield from differing("size", entry.size, int(item["size"]))
    yield from differing("owner", entry.owner, item["owner"])
    yield from differing("ownerFeed", entry.owner, item.get("ownerFeed"))
    yield from differing("name", entry.name, item["originalFileName"])
    yield from differing("type", entry.content_type, item["contentType"])
    yield from differing("checksum", entry.checksum, item.get("checksum", ""))
    yield from differing("object's checksum", entry.checksum, found.get("ChecksumSHA256", ""))
    yield from differing("etag", found["ETag"].strip('"'), item["etag"])
    yield from differing("key", found["key"], item["uniqueFileName"])
    yield from differing("content", entry.sha256, found["sha256"])


def judge_events(
    ledger: Ledger, reported: Iterable[Reported], table: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """The last event that was delivered has had the last word: nothing of it got lost on the way.

    Whatever a reconciliation or a hint has put right before shows a lost message no more; the
    sequencer in the record does.
    """
    last: dict[str, Reported] = {}
    for event in reported:
        known = last.get(event.upload_id)
        if known is None or event.sequencer > known.sequencer:
            last[event.upload_id] = event
    for upload_id, event in last.items():
        entry, item = ledger.entries.get(upload_id), table.get(upload_id)
        if not event.delivered or entry is None:
            continue
        if item is None:
            # Of what is gone again before anybody looks, a creation leaves nothing.
            if event.removed:
                yield f"an event came to nothing: {event} of {entry}"
        elif item["sequencer"] != event.sequencer and (event.removed or item["state"] == "stored"):
            yield f"an event came to nothing: {event} of {entry}: {item}"


def judge_counters(table: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Each owner's counter is the sum of their stored files."""
    files: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for item in table.values():
        if item.get("state") == "stored":
            files[item["owner"]] += 1
            size[item["owner"]] += int(item["size"])
    for key, item in table.items():
        if key.startswith("owner#"):
            owner = key.removeprefix("owner#")
            yield from differing(f"files of owner {owner}", files.pop(owner, 0), int(item["files"]))
            yield from differing(f"bytes of owner {owner}", size.pop(owner, 0), int(item["bytes"]))
    for owner in files:
        yield f"owner {owner} has files and no counter"


def judge_lists(
    ledger: Ledger, listed: dict[str, list[dict[str, Any]]], table: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """`listed`: owner -> what the API lists."""
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for key, item in table.items():
        if item.get("state") == "stored":
            wanted[item["owner"]].add(key)
    for owner, found in listed.items():
        ids = [each["id"] for each in found]
        yield from differing(f"order of the list of {owner}", sorted(ids, reverse=True), ids)
        if set(ids) != wanted[owner] or len(ids) != len(set(ids)):
            yield (
                f"list of {owner}: missing {sorted(wanted[owner] - set(ids))}, "
                f"too many {sorted(set(ids) - wanted[owner])}"
            )
        for each in found:
            entry = ledger.entries.get(each["id"])
            if entry and (entry.owner, entry.size, entry.name) != (
                owner,
                each["size"],
                each["file_name"],
            ):
                yield f"list of {owner}: {each} is not {entry}"


def judge_unfinished(
    ledger: Ledger, left: list[tuple[str, str]], begun: Iterable[Begun], names: dict[str, str]
) -> Iterator[str]:
    """What S3 still has of uploads in parts is what the uploaders left there.

    A CreateMultipartUpload without an answer leaves one more: filehub asks again and learns only of
    the second, or the client does not hear of any. `names`: id -> S3's name, from the token.
    """
    unanswered = Counter(each.key.rsplit("/", 1)[-1] for each in begun if not each.answered)
    unknown = 0
    for upload_id, s3_name in left:
        entry = ledger.entries.get(upload_id)
        if entry is None:
            unknown += 1
        elif names[upload_id] != s3_name:
            unanswered[upload_id] -= 1
            if unanswered[upload_id] < 0:
                yield f"unfinished upload that nobody began: {s3_name} of {entry}"
        elif entry.is_unfinished == "no":
            yield f"unfinished, though it was completed or ended: {entry}"
    there = {s3_name for _, s3_name in left}
    for entry in ledger.entries.values():
        if entry.is_unfinished == "yes" and names[entry.id] not in there:
            yield f"left unfinished, and gone: {entry}"
    # Each try of each unanswered request may have left one, and one more that S3 did not answer.
    if unknown and not ledger.unanswered:
        yield f"{unknown} unfinished uploads with ids that nobody has heard of"


def judge_log(path: Path) -> Iterator[str]:
    """Every traceback ends in an exception that an injected fault explains; the web has no 500."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    inside = is_spoilt = False
    for number, line in enumerate(lines):
        if _LOGGED.match(line):
            is_spoilt = path.name == "beat.log" and SPOILT_SCHEDULE in line
        if "Traceback (most recent call last)" in line:
            inside = True
        elif inside and _RAISED.match(line):
            inside = False
            known = INJECTED in line or (path.name == "beat.log" and line == CLOSED_CHANNEL)
            if not (known or is_spoilt) and not EXPLAINED.match(line):
                yield f"{path.name}:{number + 1}: {line[:300]}"
        elif TOO_EARLY in line or ("Couldn't" in line and EXPLAINED.search(line)):
            # A worker that cannot acknowledge says so as something critical; the task comes again.
            continue
        elif line.startswith(("CRITICAL", "[CRITICAL")) or "Internal Server Error" in line:
            yield f"{path.name}:{number + 1}: {line[:300]}"


def s3_name_of(token: str) -> str:
    """S3's name of an upload in parts, read out of filehub's token (django.core.signing)."""
    payload = token.split(":", 1)[0]
    data = base64.urlsafe_b64decode(payload.lstrip(".") + "=" * (-len(payload.lstrip(".")) % 4))
    return str(
        json.loads(zlib.decompress(data) if payload.startswith(".") else data)["s3_upload_id"]
    )
