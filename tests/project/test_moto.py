"""The main path against moto's server, another implementation of AWS whose events lack sequencers.

docs/architecture.md lists what moto cannot do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import Settings

from tests.ingest.reconciliation.helpers import create_records_without_objects
from tests.operations.adoption.helpers import adopt, new_bucket
from tests.operations.adoption.helpers import put as put_foreign
from tests.support.http import send, sha256
from tests.support.moto import moto_server, template_for_moto
from tests.support.processes import consumer, worker
from tests.support.records import erase
from tests.support.users import Api
from tests.support.waiting import wait_for
from tests.transfers.uploads import BODY, PART, PARTS, Upload
from uploads.aws import sqs
from uploads.core.conf import conf
from uploads.files.record import StoredFile
from uploads.ingest.events import NO_SEQUENCER
from uploads.management.commands import provision
from uploads.operations import doctor

pytestmark = [pytest.mark.exhaustive, pytest.mark.xdist_group("moto")]


@pytest.fixture(scope="module")
def _moto(tmp_path_factory: pytest.TempPathFactory, _database: None) -> Iterator[str]:
    """moto, provisioned, with a consumer and a worker; yields its URL."""
    directory = tmp_path_factory.mktemp("moto")
    with ExitStack() as stack:
        url = stack.enter_context(moto_server(directory / "moto.log"))
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", url)
            environment.setattr(provision, "TEMPLATE", template_for_moto(directory / "template"))
            _provision(url)
            stack.enter_context(consumer(directory))
            stack.enter_context(worker(directory))
        yield url


def _provision(url: str) -> None:
    before = django_settings.FILEHUB
    django_settings.FILEHUB = before | {"ENDPOINT_URL": url}
    try:
        call_command("provision", "--repair", stdout=StringIO())
    finally:
        django_settings.FILEHUB = before


@pytest.fixture
def moto(_moto: str, settings: Settings) -> None:
    parts = {"MULTIPART_THRESHOLD": PART, "PART_SIZE": PART}
    settings.FILEHUB = settings.FILEHUB | {"ENDPOINT_URL": _moto} | parts
    options = settings.STORAGES["default"]["OPTIONS"] | {"endpoint_url": _moto}
    settings.STORAGES = settings.STORAGES | {
        "default": settings.STORAGES["default"] | {"OPTIONS": options}
    }


@pytest.fixture
def moto_api(moto: None, alice: User) -> Api:
    return Api(alice)


def state(api: Api, upload_id: str) -> Any:
    return api.get(f"/uploads/{upload_id}").json()["state"]


def is_complete(upload_id: str) -> bool:
    """Whether the record is there. moto shows a new item before it has all its attributes."""
    try:
        record = StoredFile.get(upload_id)
    except StoredFile.DoesNotExist:
        return False
    return None not in (record.state, record.created_at, record.size, record.folder_feed)


def put(api: Api, name: str = "bericht.txt", body: bytes = b"hello") -> str:
    """Sign, send and wait for the event; return the id."""
    fields = {"file_name": name, "content_type": "text/plain", "size": len(body)}
    signed = api.post("/get-url", fields | {"sha256": sha256(body)}).json()
    assert send(signed["method"], signed["url"], body, signed["headers"]).status == 200
    wait_for(lambda: is_complete(signed["id"]))
    assert state(api, signed["id"]) == "stored"
    return str(signed["id"])


def listed_files(api: Api, query: str = "") -> dict[str, Any]:
    return {file["id"]: file for file in api.get(f"/files{query}").json()}


def test_a_file_is_signed_sent_confirmed_listed_downloaded_and_deleted(moto_api: Api) -> None:
    upload_id = put(moto_api)
    record = StoredFile.get(upload_id)
    # By its event, although moto's events have no sequencer.
    assert record.sequencer == NO_SEQUENCER
    assert record.notified_at is not None
    listed = listed_files(moto_api)[upload_id]
    assert (listed["file_name"], listed["size"]) == ("bericht.txt", 5)
    assert upload_id in listed_files(moto_api, "?q=BER")
    download = moto_api.get(f"/files/{upload_id}/download").json()
    assert send("GET", download["url"]).body == b"hello"
    assert moto_api.delete(f"/files/{upload_id}").json()["state"] == "deleting"
    wait_for(lambda: state(moto_api, upload_id) == "deleted")
    assert upload_id not in listed_files(moto_api)


def send_part(begun: Upload, number: int) -> None:
    body = PARTS[number - 1]
    signed = begun.sign({"part_number": number, "sha256": sha256(body)}).json()["parts"][0]
    # moto does not find the part's number in the URL beside a form, urllib's default.
    headers = signed["headers"] | {"Content-Type": "application/octet-stream"}
    assert send("PUT", signed["url"], body, headers).status == 200


def test_a_file_in_parts_is_resumed_completed_and_stored(moto_api: Api) -> None:
    begun = Upload(moto_api)
    send_part(begun, 1)
    assert [part["part_number"] for part in begun.listed().json()] == [1]
    for number in range(2, len(PARTS) + 1):
        send_part(begun, number)
    assert begun.complete().status_code == 202
    wait_for(lambda: is_complete(begun.id))
    assert state(moto_api, begun.id) == "stored"
    stored = moto_api.get(f"/files/{begun.id}").json()
    assert stored["size"] == len(BODY)
    download = moto_api.get(f"/files/{begun.id}/download").json()
    body = send("GET", download["url"]).body
    assert hashlib.sha256(body).digest() == hashlib.sha256(BODY).digest()


def test_a_reconciliation_finds_lost_objects_and_records(moto_api: Api) -> None:
    kept, unrecorded = put(moto_api, "kept.txt"), put(moto_api, "unrecorded.txt")
    erase(unrecorded)
    (missing,) = create_records_without_objects(1)
    out = StringIO()
    call_command("reconcile", "--all", "--min-age", "0m", stdout=out, stderr=StringIO())
    assert "1 objects without a record, 1 records without an object" in out.getvalue()
    assert state(moto_api, unrecorded) == state(moto_api, kept) == "stored"
    assert StoredFile.get(missing).state == "deleted"


def test_an_adopted_file_has_the_checksum_that_s3_computed(moto: None, alice: User) -> None:
    """The local AWS computes none for a copy."""
    put_foreign(bucket := new_bucket(), "photos/a.txt", b"hello")
    report = adopt(f"s3://{bucket}")
    assert (report.error, report.states) == ("", {"photos/a.txt": "stored"})
    assert StoredFile.get(report.ids["photos/a.txt"]).checksum == sha256(b"hello")
    again = adopt(f"s3://{bucket}")
    assert (again.error, again.states) == ("", {})


def test_doctor_follows_a_file_through_the_pipeline(moto: None, db: None) -> None:
    (finding,) = doctor.RoundTrip(60).run()
    assert (finding.level, "stored after" in finding.text) == ("ok", True)
    assert [f for f in doctor.examine_resources() if f.level == "FAIL"] == []


def test_nothing_became_a_dead_letter(moto_api: Api) -> None:
    put(moto_api)
    for queue in (conf().events_queue, conf().tasks_queue):
        assert sqs.depth(sqs.dead_letter_queue(queue)).total == 0
