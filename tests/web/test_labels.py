"""Tags and context in the API: signed, recorded, shown, searched and changed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.core.test_labels import BAD_CONTEXTS, BAD_TAGS, sized
from tests.support.files import store
from tests.support.http import send
from tests.support.records import erase
from tests.support.users import Api
from tests.web.test_api import check_error
from uploads.aws import clients, s3
from uploads.core import keys
from uploads.core.conf import conf
from uploads.core.labels import check, encode
from uploads.files import listing
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.ingest.reconciliation import reconcile
from uploads.ingest.reconciliation.reconcile import Plan

TAGS = ["März", "a, b"]
CONTEXT = {"order": 7, "by": {"name": "Jörg 👍", "x": None}}
ABOUT: dict[str, Any] = {"tags": TAGS, "context": CONTEXT}
FILE = {"file_name": "a.txt", "size": 5, "content_type": "text/plain"}
SIGNING = ("/get-url", "/uploads", "/uploads/batch")

pytestmark = pytest.mark.usefixtures("aws")


def sign(api: Api, path: str, body: dict[str, Any]) -> Any:
    """The signature of one file, or its error, whatever the route."""
    if path != "/uploads/batch":
        return api.post(path, body)
    response = api.post(path, {"files": [body, FILE]})
    if response.status_code != 200:
        return response
    result, other = response.json()["results"]
    assert "url" in other
    return result


def upload(api: Api, path: str = "/uploads", **about: Any) -> str:
    signed = sign(api, path, FILE | about)
    signed = signed if isinstance(signed, dict) else signed.json()
    assert send("PUT", signed["url"], b"hello", signed["headers"]).status == 200
    assert confirm.confirm(signed["id"]) == "stored"
    return str(signed["id"])


def labels_of(file: Any) -> dict[str, Any]:
    return {name: file[name] for name in ("tags", "context")}


@pytest.mark.parametrize("path", SIGNING)
def test_what_was_signed_is_in_every_answer(api: Api, path: str) -> None:
    file_id = upload(api, path, **ABOUT)
    answers = [
        api.get(f"/uploads/{file_id}").json()["file"],
        api.get(f"/files/{file_id}").json(),
        *api.get("/files").json(),
        *api.get("/files?folder=&sort=name").json(),
        *api.get("/files?name=a.txt").json(),
        *api.get("/folders").json()["files"],
        api.patch(f"/files/{file_id}", {"file_name": "b.txt"}).json(),
    ]
    assert [labels_of(answer) for answer in answers] == [ABOUT] * 7


@pytest.mark.parametrize("path", SIGNING)
def test_labels_that_are_refused_are_refused_with_a_sentence(api: Api, path: str) -> None:
    cases = [("invalid_tags", {"tags": tags}) for tags in BAD_TAGS.values()]
    cases += [("invalid_context", {"context": context}) for context in BAD_CONTEXTS.values()]
    cases += [("metadata_too_large", {"context": sized(1024), "file_name": "ä" * 127})]
    for code, about in cases:
        refused = sign(api, path, FILE | about)
        body = refused if isinstance(refused, dict) else refused.json()
        # JSON has no infinite numbers; the parser refuses them.
        assert body["code"] in {code, "invalid_json"}, (about, body)
        assert body["error"].endswith("."), body
        assert body["code"] == code or "a" in about["context"]


def test_missing_labels_cost_nothing(api: Api) -> None:
    signed = api.post("/uploads", FILE | {"tags": [], "context": {}, "destination": None}).json()
    assert not {"x-amz-meta-tags", "x-amz-meta-context"}.intersection(signed["headers"])
    file_id = upload(api)
    record = StoredFile.get(file_id)
    absent = {"tags", "context", "destination", "kept_until", "kept_shard"}
    assert not absent.intersection(
        name for name, value in record.attribute_values.items() if value is not None
    )
    assert labels_of(api.get(f"/files/{file_id}").json()) == {"tags": [], "context": {}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tags": ["new", "new"]}, {"tags": ["new"], "context": CONTEXT}),
        ({"tags": None, "context": {}}, {"tags": TAGS, "context": {}}),
    ],
    ids=str,
)
def test_a_change_survives_late_events_and_reconciliation(
    api: Api, body: dict[str, Any], expected: dict[str, Any]
) -> None:
    file_id = upload(api, **ABOUT)
    assert labels_of(api.patch(f"/files/{file_id}", body).json()) == expected
    for number in (5, 5, 4):
        sequencer = f"{number:018X}".ljust(64, "0")
        confirm.apply_event(ObjectEvent("created", file_id, sequencer))
    confirm.check(file_id)
    reconcile.run(Plan("all", min_age=timedelta(0)))
    assert labels_of(api.get(f"/files/{file_id}").json()) == expected
    # Even if the object is replaced, as the form of Uppy can do.
    clients.s3().put_object(
        Bucket=conf().bucket, Key=keys.object_key(file_id), Body=b"other", ContentType="text/plain",
        Metadata=s3.metadata(api.owner, "a.txt", "", encode(check(**ABOUT))),
    )  # fmt: skip
    confirm.apply_event(ObjectEvent("created", file_id, "9" * 64))
    assert labels_of(api.get(f"/files/{file_id}").json()) == expected
    # A lost record is made again from what was signed.
    erase(file_id)
    assert confirm.check(file_id) == "confirmed"
    assert labels_of(api.get(f"/files/{file_id}").json()) == ABOUT


def test_changes_that_are_refused_change_nothing(api: Api) -> None:
    file_id = upload(api, **ABOUT)
    path = f"/files/{file_id}"
    check_error(api.patch(path, {}), 400, "missing_changes")
    for name, bad in (("tags", BAD_TAGS), ("context", BAD_CONTEXTS)):
        for value in bad.values():
            response = api.patch(path, {name: value, "file_name": "new.txt"})
            assert response.status_code == 400, value
    file = api.get(path).json()
    assert (file["file_name"], labels_of(file)) == ("a.txt", ABOUT)


def test_files_with_a_tag(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredFile, "scan", lambda *a, **k: pytest.fail("a scan"))
    tagged = [upload(api, **ABOUT, folder=folder) for folder in ("", "A", "A/B")]
    upload(api, tags=["Mär"])
    store(api.owner)
    store("another", "b.txt")

    def found(**query: str) -> list[str]:
        return [file["id"] for file in api.get(f"/files?{urlencode(query)}").json()]

    newest_first = tagged[::-1]
    assert found(tag="März") == newest_first
    assert found(tag="Ma\u0308rz") == newest_first
    assert found(tag="a, b", folder="A") == newest_first[:2]
    assert found(tag="März", q="nothing") == found(tag="m") == found(tag="a") == []
    check_error(api.get(f"/files?tag={'x' * 65}"), 400, "invalid_tags")
    # Page by page, each of which examines a few files.
    monkeypatch.setattr(listing, "MAX_EXAMINED", 2)
    path, pages = f"/files?limit=1&tag={quote('März')}", []
    while path:
        response = api.get(path)
        assert int(response["X-Filehub-Examined"]) <= 2
        pages += [file["id"] for file in response.json()]
        link = response.headers.get("Link", "")
        path = link[1 : link.index(">")].removeprefix("http://testserver") if link else ""
    assert pages == newest_first


def test_a_batch_survives_labels_that_are_not_unicode(api: Api) -> None:
    body = json.dumps({"files": [FILE | {"tags": ["\ud800"]}, FILE | ABOUT]})
    first, second = api.post("/uploads/batch", body).json()["results"]
    assert first["code"] == "invalid_tags"
    assert "url" in second
