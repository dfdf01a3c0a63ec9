"""What must hold after a chaos run: expectations, bucket and records agree.

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
from urllib.parse import quote

from tests.chaos.aws_fault_proxy import INJECTED, MultipartCreation
from tests.chaos.event_mangler import Reported
from tests.chaos.expectations import Expectations, Upload

#: Exceptions that an injected fault explains, as filehub, Celery and kombu log them.
EXPLAINED = re.compile(
    r"""
    (?:[\w.]+\.)?(?:
        BackendUnavailable | ConfirmationError | SchedulingError | WorkerLostError
        | OperationalError
        | ClientError | EndpointConnectionError | ConnectionClosedError | ReadTimeoutError
        | ConnectTimeoutError | HTTPClientError | ConnectionError | ConnectionResetError
        | ConnectionRefusedError | BrokenPipeError | ProtocolError | RemoteDisconnected
        | TransactWriteError | GetError | PutError | UpdateError | QueryError | VerboseClientError
        | DeleteError
        | RequestThrottled | ReceiptHandleIsInvalid | IncompleteReadError | ResponseParserError
        | TimeLimitExceeded | SoftTimeLimitExceeded | PynamoDBConnectionError | TimeoutError
        | NewConnectionError | MaxRetryError | timeout
    )\b
    """,
    re.X,
)
#: A worker exits with this if a process of its pool is killed while the pool starts: Celery takes
#: the pool for broken. A supervisor would restart the worker.
KILLED_AT_START = "Could not start worker processes"
#: kombu 5.7 occasionally publishes once on a channel that it has closed because of a fault. Beat
#: logs it and sends its next task (seed 103).
CLOSED_CHANNEL = "AttributeError: 'NoneType' object has no attribute '_queue_cache'"
#: Logged by beat with a traceback (dbm.error of an empty file, where Python has gdbm) if it was
#: killed while it wrote its schedule. It creates a new one.
CORRUPTED_SCHEDULE = "Removing corrupted schedule file"
#: The first line of a log record, as `_lines_of` has it.
_LOGGED = re.compile(r"[A-Z]+ [\w.]+: ")
#: The line under a traceback. Celery nests tracebacks under a name of its own.
_RAISED = re.compile(r"(?!billiard\.einfo\.)[A-Za-z_][\w.]*(?::|$)")


#: The states of files whose objects must be there.
KEPT = ("stored", "trashed")


def read_objects(s3: Any, bucket: str) -> dict[str, dict[str, Any]]:
    """Id -> what HeadObject says, the key, and the SHA-256 of the content."""

    def inspect(key: str) -> dict[str, Any]:
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return {
            **s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED"),
            "key": key,
            "sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
        }

    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    names = [item["Key"] for page in pages for item in page.get("Contents", [])]
    with ThreadPoolExecutor(4) as pool:
        return {item["key"].rsplit("/", 1)[-1]: item for item in pool.map(inspect, names)}


def read_items(dynamodb: Any, table: str) -> dict[str, dict[str, Any]]:
    """All items of the table, by id, as plain values."""
    by_id: dict[str, dict[str, Any]] = {}
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            plain = {name: next(iter(value.values())) for name, value in item.items()}
            by_id[plain["id"]] = plain
    return by_id


def list_unfinished(s3: Any, bucket: str) -> list[tuple[str, str]]:
    """(id, S3's upload ID) of the multipart uploads that S3 still knows."""
    uploads = []
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        uploads += [
            (upload["Key"].rsplit("/", 1)[-1], upload["UploadId"])
            for upload in page.get("Uploads", [])
        ]
    return uploads


def differing(name: str, expected: Any, actual: Any) -> Iterator[str]:
    if expected != actual:
        yield f"{name}: {actual!r}, not {expected!r}"


def check_files(
    expectations: Expectations,
    objects: dict[str, dict[str, Any]],
    table: dict[str, dict[str, Any]],
) -> Iterator[str]:
    """Expectations, bucket and records agree on each file, in the list or in the trash."""
    records = {key: item for key, item in table.items() if "uniqueFileName" in item}
    stored = {key for key, item in records.items() if item["state"] in KEPT}
    held = {key for key, item in records.items() if item["state"] == "quarantined"}
    yield from _check_held(expectations, held, objects, records)
    for upload_id in stored - objects.keys():
        yield f"missing object: {upload_id} is recorded as stored, but not in the bucket"
    for upload_id in objects.keys() - stored - held:
        state = records.get(upload_id, {}).get("state", "not recorded")
        yield f"orphaned object: {upload_id} is in the bucket, but {state}"
    for upload_id in (stored | objects.keys()) - expectations.uploads.keys():
        yield f"{upload_id} was never uploaded"
    for upload in expectations.uploads.values():
        item = records.get(upload.id)
        if upload.is_stored == "yes" and upload.id not in stored:
            yield f"lost: {upload} is {item['state'] if item else 'not recorded'}"
        in_bucket = upload.id in objects and upload.id not in held
        if upload.is_stored == "no" and (upload.id in stored or in_bucket):
            yield f"unexpected: {upload} is stored, or in the bucket"
        if upload.is_stored == "yes" and item is not None:
            yield from _check_place(upload, item["state"])
        if upload.sent == "no" and item is not None:
            yield f"never sent, but recorded: {upload}: {item}"
        if (
            upload.is_forbidden
            and upload.sent == "yes"
            and (item is None or item["state"] != "rejected")
        ):
            yield f"forbidden, but not rejected: {upload}: {item}"
        if item is not None and item["state"] == "rejected" and not upload.is_forbidden:
            yield f"rejected without a reason: {upload}: {item}"
        if upload.id in stored & objects.keys():
            yield from (
                f"{upload.id} {problem}"
                for problem in _check_upload(upload, records[upload.id], objects[upload.id])
            )


def _check_held(
    expectations: Expectations,
    held: set[str],
    objects: dict[str, dict[str, Any]],
    records: dict[str, dict[str, Any]],
) -> Iterator[str]:
    """Exactly the files with malware are in quarantine, and no file waits for its verdict."""
    for upload_id in held - objects.keys():
        yield f"missing object: {upload_id} is in quarantine, but not in the bucket"
    for upload in expectations.uploads.values():
        state = records.get(upload.id, {}).get("state", "not recorded")
        if upload.is_infected and upload.sent == "yes" and upload.id not in held:
            yield f"malware, but not in quarantine: {upload} is {state}"
        if upload.id in held and not upload.is_infected:
            yield f"in quarantine without malware: {upload}"
        if state == "scanning":
            yield f"never checked: {upload}"


def _check_place(upload: Upload, state: str) -> Iterator[str]:
    """A file is in the trash if it was moved there and not restored."""
    expected = {"yes": ("trashed",), "no": ("stored",), "maybe": KEPT}[upload.trashed]
    if state in KEPT and state not in expected:
        yield f"{upload} is {state}"


def _check_upload(upload: Upload, item: dict[str, Any], s3_object: dict[str, Any]) -> Iterator[str]:
    yield from differing("object's size", upload.size, s3_object["ContentLength"])
    yield from differing("size", upload.size, int(item["size"]))
    yield from differing("owner", upload.owner, item["owner"])
    feed = upload.owner if item["state"] == "stored" else f"\0trashed\0{upload.owner}"
    yield from differing("ownerFeed", feed, item.get("ownerFeed"))
    yield from _check_folder(upload, item)
    yield from differing("type", upload.content_type, item["contentType"])
    yield from differing("checksum", upload.checksum, item.get("checksum", ""))
    yield from differing("object's checksum", upload.checksum, s3_object.get("ChecksumSHA256", ""))
    yield from differing("etag", s3_object["ETag"].strip('"'), item["etag"])
    yield from differing("key", s3_object["key"], item["uniqueFileName"])
    yield from differing("content", upload.sha256, s3_object["sha256"])


def _check_folder(upload: Upload, item: dict[str, Any]) -> Iterator[str]:
    """Name and folder are possible ones. Only a stored file is in the indexes of its folder."""
    name, folder = item["originalFileName"], item.get("folder", "")
    if name not in upload.names.values:
        yield f"name: {name!r}, not one of {upload.names}"
    if folder not in upload.folders.values:
        yield f"folder: {folder!r}, not one of {upload.folders}"
    is_stored = item["state"] == "stored"
    feed = f"{quote(upload.owner, safe='')}/{folder}" if is_stored else None
    yield from differing("folderFeed", feed, item.get("folderFeed"))
    yield from differing("nameKey", is_stored, "nameKey" in item)


def check_folders(
    walked: dict[str, dict[str, str]], table: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Each owner's folders, walked from the root, have each stored file once, in its folder.

    `walked`: owner -> id -> folder. That the counters are right is checked by `recount`.
    """
    for owner, found in walked.items():
        expected = {
            key: item.get("folder", "")
            for key, item in table.items()
            if item.get("state") == "stored" and item["owner"] == owner
        }
        yield from differing(f"folders of {owner}", expected, found)


def check_events(
    expectations: Expectations, reported: Iterable[Reported], table: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """The last delivered event of each object took effect.

    A reconciliation or a hint may have hidden a lost message by then, but the sequencer in the
    record still shows it.
    """
    last: dict[str, Reported] = {}
    for event in reported:
        known = last.get(event.upload_id)
        if known is None or event.sequencer > known.sequencer:
            last[event.upload_id] = event
    for upload_id, event in last.items():
        upload, item = expectations.uploads.get(upload_id), table.get(upload_id)
        if not event.delivered or upload is None:
            continue
        if item is None:
            # A creation leaves nothing if the object is gone before the worker checks it.
            if event.removed:
                yield f"an event had no effect: {event} of {upload}"
        elif item["sequencer"] != event.sequencer and (event.removed or item["state"] in KEPT):
            yield f"an event had no effect: {event} of {upload}: {item}"


def check_counters(table: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Each owner's counter is the sum of their files, in all and in the trash."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in table.values():
        if item.get("state") in (*KEPT, "quarantined"):
            size = int(item["size"])
            sums[item["owner"]].update(files=1, bytes=size)
            if item["state"] == "quarantined":
                sums[item["owner"]].update(heldFiles=1, heldBytes=size)
            if item["state"] == "trashed":
                sums[item["owner"]].update(trashedFiles=1, trashedBytes=size)
    for key, item in table.items():
        if key.startswith("owner#"):
            owner = key.removeprefix("owner#")
            expected = sums.pop(owner, Counter())
            for name in (
                "files", "bytes", "trashedFiles", "trashedBytes", "heldFiles", "heldBytes",
            ):  # fmt: skip
                actual = int(item.get(name, 0))
                yield from differing(f"{name} of owner {owner}", expected[name], actual)
    for owner in sums:
        yield f"owner {owner} has files and no counter"


def check_lists(
    expectations: Expectations,
    listed: dict[str, list[dict[str, Any]]],
    table: dict[str, dict[str, Any]],
    state: str,
) -> Iterator[str]:
    """Each owner's list of one state has their files. `listed`: owner -> what the API lists."""
    expected: defaultdict[str, set[str]] = defaultdict(set)
    for key, item in table.items():
        if item.get("state") == state:
            expected[item["owner"]].add(key)
    for owner, files in listed.items():
        ids = [file["id"] for file in files]
        yield from differing(f"order of the list of {owner}", sorted(ids, reverse=True), ids)
        if set(ids) != expected[owner] or len(ids) != len(set(ids)):
            yield (
                f"{state} list of {owner}: missing {sorted(expected[owner] - set(ids))}, "
                f"too many {sorted(set(ids) - expected[owner])}"
            )
        for file in files:
            upload = expectations.uploads.get(file["id"])
            item = table.get(file["id"], {})
            shown = (file["file_name"], file["folder"])
            if upload and (
                (upload.owner, upload.size) != (owner, file["size"])
                or shown != (item.get("originalFileName"), item.get("folder", ""))
            ):
                yield f"list of {owner}: {file} is not {upload}"


def check_unfinished(
    expectations: Expectations,
    unfinished: list[tuple[str, str]],
    created: Iterable[MultipartCreation],
    s3_upload_ids: dict[str, str],
) -> Iterator[str]:
    """S3 still has exactly the multipart uploads that the uploaders left unfinished.

    A CreateMultipartUpload without a response leaves one more: filehub repeats it and learns only
    of the second, or the client learns of neither. `s3_upload_ids`: id -> S3's upload ID.
    """
    unanswered = Counter(
        creation.key.rsplit("/", 1)[-1] for creation in created if not creation.answered
    )
    unknown = 0
    for upload_id, s3_upload_id in unfinished:
        upload = expectations.uploads.get(upload_id)
        if upload is None:
            unknown += 1
        elif s3_upload_ids[upload_id] != s3_upload_id:
            unanswered[upload_id] -= 1
            if unanswered[upload_id] < 0:
                yield f"unfinished upload that no request explains: {s3_upload_id} of {upload}"
        elif upload.is_unfinished == "no":
            yield f"unfinished, but was completed or aborted: {upload}"
    remaining = {s3_upload_id for _, s3_upload_id in unfinished}
    for upload in expectations.uploads.values():
        if upload.is_unfinished == "yes" and s3_upload_ids[upload.id] not in remaining:
            yield f"left unfinished, but gone: {upload}"
    # Each attempt of an unanswered request may have left one.
    if unknown and not expectations.unanswered:
        yield f"{unknown} unfinished uploads with unknown ids"


def check_log(path: Path) -> Iterator[str]:
    """An injected fault explains every traceback, and the web never responded with 500."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    in_traceback = is_corrupted = False
    for number, line in ((n, part) for n, whole in enumerate(lines) for part in _lines_of(whole)):
        if _LOGGED.match(line):
            is_corrupted = path.name == "beat.log" and CORRUPTED_SCHEDULE in line
        if "Traceback (most recent call last)" in line:
            in_traceback = True
        elif in_traceback and _RAISED.match(line):
            in_traceback = False
            known = INJECTED in line or (path.name == "beat.log" and line == CLOSED_CHANNEL)
            if not (known or is_corrupted) and not EXPLAINED.match(line):
                yield f"{path.name}:{number + 1}: {line[:300]}"
        elif KILLED_AT_START in line or ("Couldn't" in line and EXPLAINED.search(line)):
            # A worker that cannot acknowledge logs it as critical; the task is delivered again.
            continue
        elif line.startswith(("CRITICAL", "[CRITICAL")) or "Internal Server Error" in line:
            yield f"{path.name}:{number + 1}: {line[:300]}"


def _lines_of(line: str) -> list[str]:
    """A log record, and each line of its traceback. What is not JSON stays as it is."""
    try:
        fields = json.loads(line)
        first = f"{fields['level'].upper()} {fields['logger']}: {fields['message']}"
    except (ValueError, TypeError, KeyError):
        return [line]
    # Line breaks in messages were replaced.
    return [*first.split("\ufffd"), *fields.get("exception", "").splitlines()]


def s3_upload_id_of(token: str) -> str:
    """S3's upload ID, read from filehub's token (django.core.signing)."""
    payload = token.split(":", 1)[0]
    data = base64.urlsafe_b64decode(payload.lstrip(".") + "=" * (-len(payload.lstrip(".")) % 4))
    return str(
        json.loads(zlib.decompress(data) if payload.startswith(".") else data)["s3_upload_id"]
    )
