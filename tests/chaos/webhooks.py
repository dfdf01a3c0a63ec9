"""What the receiver of webhooks must have got when a chaos run has come to rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from tests.chaos.expectations import Expectations

#: State of a record -> the type of event that it must have had, and the types of the last one.
_TYPES = {
    "stored": ("file.stored", {"file.stored", "file.renamed"}),
    "trashed": ("file.stored", {"file.stored", "file.renamed"}),
    "rejected": ("file.rejected", {"file.rejected"}),
    "quarantined": ("file.rejected", {"file.rejected"}),
    "deleted": ("file.deleted", {"file.deleted"}),
}


def check_webhooks(
    expectations: Expectations,
    received: Iterable[dict[str, Any] | None],
    table: dict[str, dict[str, Any]],
) -> Iterator[str]:
    """Each record was told of at least once, the last webhook tells its state, and no other file
    was told of.
    """
    by_file: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in received:
        if body is None:
            yield "a webhook had a wrong signature"
        else:
            by_file[body["data"]["id"]].append(body)
    records = {key: item for key, item in table.items() if "uniqueFileName" in item}
    for upload_id, item in records.items():
        yield from (
            f"{upload_id}, {item['state']}: {problem}"
            for problem in _check_file(by_file.pop(upload_id, []), item)
        )
    for upload_id, webhooks in by_file.items():
        yield f"webhooks of {upload_id}, which is not recorded: {webhooks}"
    for upload in expectations.uploads.values():
        if upload.sent == "no" and upload.id in by_file:
            yield f"webhooks of an upload that was never sent: {upload}"


def _check_file(webhooks: list[dict[str, Any]], item: dict[str, Any]) -> Iterator[str]:
    types = [webhook["type"] for webhook in webhooks]
    required, last = _TYPES[item["state"]]
    if required not in types:
        yield f"no webhook {required} among {types}"
        return
    if types[-1] not in last:
        yield f"the last of its webhooks, {types}, tells another state"
    sequences = [webhook["data"]["sequence"] for webhook in webhooks]
    if sequences != sorted(sequences):
        yield f"its webhooks are not in order: {list(zip(types, sequences, strict=True))}"
    told, recorded = (
        webhooks[-1]["data"],
        (item.get("originalFileName", ""), item.get("folder", "")),
    )
    if (told["file_name"], told["folder"]) != recorded:
        yield f"the last webhook names {told['folder']}/{told['file_name']}, not {recorded}"
