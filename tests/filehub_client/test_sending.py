"""The logic of sending, against a site and an S3 that are played by the test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filehub_client import ConnectionFailed, LocalFile, Outcome, Retries, local_files, sending
from filehub_client.api import Api
from filehub_client.config import Site
from filehub_client.flow import Request, Response
from filehub_client.journal import Journal
from filehub_client.local_files import files_in
from filehub_client.sending import Options, send_files
from tests.filehub_client.flows import Run, ok, refusal, s3_error

URL = "https://files.example"
LOST = ConnectionFailed("lost")
PART = 10


@dataclass
class Played:
    """A site with its S3. `faults` are the next responses of S3, or None for one that succeeds;
    `begin_faults` are those of the site.
    """

    faults: list[Response | Exception | None] = field(default_factory=list)
    begin_faults: list[Response | Exception] = field(default_factory=list)
    #: What S3 has stored, by id, and the parts that it has.
    stored: dict[str, int] = field(default_factory=dict)
    parts: dict[str, dict[int, str]] = field(default_factory=dict)
    #: Folder and name of what was begun, by id.
    names: dict[str, str] = field(default_factory=dict)
    aborted: list[str] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    #: Faults strike after S3 has stored the object.
    loses_responses: bool = False

    def __call__(self, request: Request) -> Response | Exception:
        if request.url.startswith("https://s3."):
            return self._put(request)
        assert request.headers["Authorization"] == "Bearer t"
        path = request.url.removeprefix(URL)
        body = json.loads(request.body) if isinstance(request.body, bytes) else {}
        if path == "/uploads/batch":
            return self.begin_faults.pop(0) if self.begin_faults else self._begin(body["files"])
        if path.startswith("/uploads?"):
            return ok([self._status(i) for i in path.partition("=")[2].split("%2C")])
        return self._about_parts(request.method, path, body)

    def _begin(self, files: list[dict[str, Any]]) -> Response:
        results = []
        for file in files:
            upload_id = f"id{len(self.names)}"
            folder = file.get("folder")
            assert folder != ""
            self.names[upload_id] = (
                f"{folder}: {file['file_name']}" if folder else file["file_name"]
            )
            size = int(str(file["size"]))
            if size > PART:
                plan = {"part_size": PART, "part_count": -(-size // PART)}
                self.parts[upload_id] = {}
                results.append({"id": upload_id, "token": "token", "multipart": plan})
            else:
                put = {"method": "PUT", "url": f"https://s3.example/{upload_id}", "headers": {}}
                results.append({"id": upload_id, **put})
        return ok({"results": results})

    def _about_parts(self, method: str, path: str, body: dict[str, Any]) -> Response:
        upload_id, _, action = path.removeprefix("/uploads/").partition("?")[0].partition("/")
        if action == "complete":
            if "token" in body:
                self.stored[upload_id] = len(self.parts[upload_id])
            return ok({"id": upload_id, "state": "confirming"}, status=202)
        if method == "DELETE":
            self.aborted.append(upload_id)
            return Response(204)
        if method == "GET":
            parts = self.parts.get(upload_id)
            if parts is None:
                return refusal(404, "upload_not_found")
            return ok([{"part_number": n, "sha256": parts[n]} for n in parts])
        (part,) = body["parts"]
        url = f"https://s3.example/{upload_id}/{part['part_number']}?{part['sha256']}"
        return ok({"parts": [{"method": "PUT", "url": url, "headers": {}}]})

    def _put(self, request: Request) -> Response | Exception:
        fault = self.faults.pop(0) if self.faults else None
        if fault is None or (self.loses_responses and isinstance(fault, Exception)):
            path, _, digest = request.url.removeprefix("https://s3.example/").partition("?")
            upload_id, _, number = path.partition("/")
            if number:
                self.parts[upload_id][int(number)] = digest
            elif upload_id in self.stored:
                return s3_error(412, "PreconditionFailed")
            else:
                self.stored[upload_id] = 1
        return fault or Response(200)

    def _status(self, upload_id: str) -> dict[str, object]:
        if upload_id in self.deleted:
            return {"id": upload_id, "state": "deleted", "reason": "It was deleted."}
        return {"id": upload_id, "state": "stored" if upload_id in self.stored else "pending"}


def send(
    server: Played, files: list[Path] | list[LocalFile], **options: Any
) -> tuple[Run, list[Outcome]]:
    run = Run(server)
    api = Api(Site(URL, "t"), Retries())
    chosen = Options(**{"part_size": PART, **options})
    return run, run(send_files(api, files_in(files), chosen))


def puts(run: Run) -> int:
    return sum(request.method == "PUT" for request in run.requests)


@pytest.mark.parametrize(
    ("faults", "attempts"),
    [
        ([], 1),
        ([LOST], 2),
        ([s3_error(503, "SlowDown")] * 3, 4),
        ([s3_error(500, "InternalError")] * 5, 6),
        ([s3_error(400, "RequestTimeout")], 2),
        ([s3_error(400, "BadDigest")], 2),
        ([s3_error(403, "AccessDenied", "Request has expired")], 2),
        ([s3_error(412, "PreconditionFailed")], 1),
        ([s3_error(409, "ConditionalRequestConflict"), s3_error(412, "PreconditionFailed")], 2),
    ],
)
@pytest.mark.parametrize("size", [0, PART, 3 * PART])
def test_a_file_gets_through(
    tmp_path: Path, faults: list[Response | Exception], attempts: int, size: int
) -> None:
    (tmp_path / "a").write_bytes(os.urandom(size))
    server, sent = Played(faults=list(faults)), list[int]()
    run, (outcome,) = send(server, [tmp_path / "a"], progress=sent.append)
    assert (outcome.error, sum(sent)) == (None, size)
    assert puts(run) == attempts + (2 if size > PART else 0)


@pytest.mark.parametrize(
    ("fault", "attempts", "code"),
    [
        (s3_error(403, "AccessDenied"), 1, "AccessDenied"),
        (s3_error(400, "EntityTooLarge"), 1, "EntityTooLarge"),
        (s3_error(503, "SlowDown"), 6, "SlowDown"),
        (s3_error(400, "BadDigest"), 6, "BadDigest"),
        (s3_error(403, "ExpiredToken"), 6, "ExpiredToken"),
        (LOST, 6, "connection_failed"),
    ],
)
@pytest.mark.parametrize("size", [1, 2 * PART])
def test_a_file_that_fails_is_reported_and_leaves_no_parts(
    tmp_path: Path, fault: Response | Exception, attempts: int, code: str, size: int
) -> None:
    (tmp_path / "a").write_bytes(os.urandom(size))
    server, sent = Played(faults=[fault] * attempts), list[int]()
    run, (outcome,) = send(server, [tmp_path / "a"], progress=sent.append)
    assert outcome.error is not None
    assert (outcome.error.code, puts(run)) == (code, attempts)
    assert server.aborted == (["id0"] if size > PART else [])
    # Bytes that did not arrive are taken back.
    assert (server.stored, sum(sent)) == ({}, 0)


def test_a_file_that_fails_stops_no_other(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"x" if name != "c" else os.urandom(2 * PART))
    server = Played(faults=[s3_error(403, "AccessDenied")])
    _, outcomes = send(server, sorted(tmp_path.iterdir()))
    results = {outcome.name: bool(outcome.error) for outcome in outcomes}
    assert results == {"a": True, "b": False, "c": False}


def test_an_expired_signature_never_stores_a_file_twice(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    expired = s3_error(403, "AccessDenied", "Request has expired")
    server = Played(faults=[LOST, expired], loses_responses=True)
    _, (outcome,) = send(server, [tmp_path / "a"])
    assert (outcome.id, server.stored) == ("id0", {"id0": 1})
    # If no attempt can have arrived, it is begun again at once.
    server = Played(faults=[expired])
    run, (outcome,) = send(server, [tmp_path / "a"])
    assert (outcome.id, server.stored) == ("id1", {"id1": 1})
    assert not any("complete" in request.url for request in run.requests)


@pytest.mark.parametrize(
    ("faults", "codes"),
    [
        ([refusal(503, "unavailable", 3)], ["", ""]),
        ([refusal(429, "rate_limited", 60), LOST], ["", ""]),
        ([Response(502, {}, b"<html>")], ["", ""]),
        ([refusal(401, "not_authenticated")], ["not_authenticated"] * 2),
        ([refusal(429, "rate_limited", 3600)], ["rate_limited"] * 2),
        ([Response(200, {}, b"<html>")], ["unexpected_response"] * 2),
        ([ok({"results": []})], ["unexpected_response"] * 2),
        ([ok({"results": [{"error": "No.", "code": "invalid_name"}, {"id": 1}]})],
         ["unexpected_response"] * 2),
    ],
)  # fmt: skip
def test_the_begin_is_repeated_if_that_may_help(
    tmp_path: Path, faults: list[Response | Exception], codes: list[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"x")
    _, outcomes = send(Played(begin_faults=list(faults)), [tmp_path / "a", tmp_path / "b"])
    assert [outcome.error.code if outcome.error else "" for outcome in outcomes] == codes


def test_only_the_files_that_were_refused_for_now_are_begun_again(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"x")
    put = {"id": "first", "method": "PUT", "url": "https://s3.example/first", "headers": {}}
    limited = {"error": "Slow.", "code": "rate_limited", "retry_after": 42}
    final = {"error": "Full.", "code": "quota_exceeded"}
    server = Played(begin_faults=[ok({"results": [put, limited, final]})])
    run, outcomes = send(server, [tmp_path / name for name in ("a", "b", "c")])
    results = {o.name: o.error.code if o.error else o.id for o in outcomes}
    assert results == {"a": "first", "b": "id0", "c": "quota_exceeded"}
    assert run.pauses == [42]


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([1] * 7, [3, 3, 1]),
        ([5, 5, 5], [2, 1]),
        ([10, 0, 1], [2, 1]),
        ([0] * 4, [3, 1]),
        ([], []),
    ],
)
def test_small_files_are_begun_in_groups(
    tmp_path: Path, sizes: list[int], groups: list[int]
) -> None:
    for number, size in enumerate(sizes):
        (tmp_path / f"{number}").write_bytes(b"x" * size)
    files = sorted(tmp_path.iterdir())
    run, _ = send(Played(), files, group_files=3, group_bytes=10)
    begins = [r for r in run.requests if r.url.endswith("/batch")]
    assert [len(json.loads(r.body)["files"]) for r in begins if isinstance(r.body, bytes)] == groups


def test_directories_become_folders(tmp_path: Path) -> None:
    tree = tmp_path / "photos"
    (tree / "2024").mkdir(parents=True)
    # One in a single request, one in parts.
    (tree / "2024" / "a.jpg").write_bytes(b"a")
    (tree / "b.jpg").write_bytes(b"b" * (PART + 1))
    (tmp_path / "c.jpg").write_bytes(b"c")
    server = Played()
    _, outcomes = send(server, [tree, tmp_path / "c.jpg"])
    expected = ["c.jpg", "photos/2024: a.jpg", "photos: b.jpg"]
    assert sorted(server.names.values()) == expected
    places = sorted((outcome.folder, outcome.name) for outcome in outcomes)
    assert places == [("", "c.jpg"), ("photos", "b.jpg"), ("photos/2024", "a.jpg")]


def test_a_folder_that_is_not_unicode_stops_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    files = [LocalFile(tmp_path / "a", "a", "\udcff"), LocalFile(tmp_path / "b", "b", "ä")]
    server = Played()
    _, outcomes = send(server, files)
    codes = {outcome.name: outcome.error.code if outcome.error else "" for outcome in outcomes}
    assert codes == {"a": "invalid_folder", "b": ""}
    assert list(server.names.values()) == ["ä: b"]


@pytest.mark.parametrize("kind", ["missing", "bytes", "directory link", "long"])
def test_a_file_that_cannot_be_read_stops_no_other(tmp_path: Path, kind: str) -> None:
    (tmp_path / "good").write_bytes(b"x")
    bad = {
        "missing": tmp_path / "missing",
        "bytes": Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")),
        "directory link": tmp_path / "loop",
        "long": tmp_path / ("x" * 300),
    }[kind]
    if kind == "bytes":
        bad.write_bytes(b"x")
    if kind == "directory link":
        bad.symlink_to(bad)
    _, outcomes = send(Played(), [bad, tmp_path / "good"])
    assert [bool(outcome.error) for outcome in outcomes] == [True, False]


@pytest.mark.parametrize("size", [PART, 3 * PART])
def test_a_file_that_shrinks_is_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * size)
    digest: Callable[[Path, int, int], str] = local_files.sha256

    def shrinking(path: Path, start: int, size: int) -> str:
        result = digest(path, start, size)
        os.truncate(path, start + size // 2)
        return result

    monkeypatch.setattr(sending, "sha256", shrinking)
    server = Played()
    _, (outcome,) = send(server, [path])
    assert outcome.error is not None
    assert (outcome.error.code, server.stored) == ("file_changed", {})


class TestResuming:
    """A second run with the same state file."""

    @pytest.fixture
    def state(self, tmp_path: Path) -> Path:
        return tmp_path / "state.jsonl"

    def test_only_missing_parts_are_sent(self, tmp_path: Path, state: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(os.urandom(5 * PART))
        server = Played(faults=[None, None, s3_error(403, "AccessDenied")])
        _, (outcome,) = send(server, [path], journal=Journal(state))
        assert (outcome.error is not None, server.aborted) == (True, [])
        sent: list[int] = []
        run, (outcome,) = send(server, [path], journal=Journal(state), progress=sent.append)
        assert (outcome.error, server.stored) == (None, {"id0": 5})
        assert (puts(run), sum(sent)) == (3, 5 * PART)

    @pytest.mark.parametrize("change", ["content", "time", "other site", "other folder"])
    def test_a_file_that_changed_begins_again(
        self, tmp_path: Path, state: Path, change: str
    ) -> None:
        path = tmp_path / "a"
        path.write_bytes(os.urandom(2 * PART))
        server = Played(faults=[LOST] * 6)
        send(server, [path], journal=Journal(state), site="one")
        if change == "content":
            path.write_bytes(os.urandom(2 * PART + 1))
        if change == "time":
            os.utime(path, ns=(1, 1))
        site = "two" if change == "other site" else "one"
        file = LocalFile(path, "a", "new" if change == "other folder" else "")
        _, (outcome,) = send(server, [file], journal=Journal(state), site=site)
        assert outcome.id == "id1"

    def test_a_part_that_s3_has_is_compared(self, tmp_path: Path, state: Path) -> None:
        path = tmp_path / "a"
        path.write_bytes(os.urandom(2 * PART))
        server = Played(faults=[LOST] * 6)
        send(server, [path], journal=Journal(state))
        server.parts["id0"] = {1: "of other bytes", 2: ""}
        run, _ = send(server, [path], journal=Journal(state))
        assert puts(run) == 2

    @pytest.mark.parametrize("size", [1, 2 * PART])
    def test_what_was_sent_is_not_sent_again(self, tmp_path: Path, state: Path, size: int) -> None:
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(os.urandom(size))
        files = [tmp_path / "a", tmp_path / "b"]
        server = Played()
        _, first = send(server, files, journal=Journal(state))
        run, second = send(server, files, journal=Journal(state))
        assert {o.id for o in first} == {o.id for o in second}
        assert puts(run) == 0

    def test_what_was_deleted_or_belongs_to_another_user_is_sent_again(
        self, tmp_path: Path, state: Path
    ) -> None:
        (tmp_path / "a").write_bytes(b"a")
        server = Played()
        send(server, [tmp_path / "a"], journal=Journal(state))
        server.deleted.add("id0")
        run, (outcome,) = send(server, [tmp_path / "a"], journal=Journal(state))
        assert (outcome.id, puts(run)) == ("id1", 1)

    def test_an_upload_that_the_site_has_forgotten_begins_again(
        self, tmp_path: Path, state: Path
    ) -> None:
        path = tmp_path / "a"
        path.write_bytes(os.urandom(2 * PART))
        server = Played(faults=[LOST] * 6)
        send(server, [path], journal=Journal(state))
        del server.parts["id0"]
        _, (outcome,) = send(server, [path], journal=Journal(state))
        assert (outcome.error, outcome.id) == (None, "id1")
