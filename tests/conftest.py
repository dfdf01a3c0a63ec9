"""Fixtures: local AWS, users, a way to upload, and the real processes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import boto3
import hypothesis
import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings
from django.utils import translation
from pytest_django import Settings

from local.aws import LocalAws, free_port
from tests.plugin import AWS_PORT, DATABASE, FIGURE
from tests.proxy import Proxy
from tests.wire import wire  # noqa: F401  # a fixture for all
from uploads.accounts import api_tokens, owners
from uploads.aws import s3, sqs
from uploads.aws.cloudformation import deploy
from uploads.core import keys
from uploads.core.conf import env
from uploads.files.record import StoredFile
from uploads.ingest import confirm
from uploads.ingest.events import ObjectEvent
from uploads.transfers import begin

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "infra" / "filehub.yaml"
DATABASE_FILE = Path(DATABASE.name) / "db.sqlite3"
PASSWORD = "demo-password-for-tests"

# Hypothesis' own profile for CI: a busy machine may take its time for an example (by default more
# than 0.2 s are a failure), and a run that fails fails again, since its examples are the same.
hypothesis.settings.load_profile("ci")

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout: float = 120, every: float = 0.05) -> T:
    """Await a condition and return its true value; fails the test after `timeout` seconds.

    That is a net under what never comes true, and long: a machine may take ten times as long as
    another to start a process. There is a last look after it, since the machine may have stood
    still while this waited.
    """
    deadline = time.monotonic() + timeout
    while True:
        is_over = time.monotonic() >= deadline
        if value := condition():
            return value
        assert not is_over, "the condition did not come true in time"
        time.sleep(every)


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Any


def send(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """One HTTP request, no exceptions for error statuses."""
    request = urllib.request.Request(url, body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), error.headers)


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def put(request: s3.SignedRequest, body: bytes, **changed: str) -> Answer:
    """Send a signed request as a client does, with some headers changed."""
    headers = {**request.headers, **{k.replace("_", "-"): v for k, v in changed.items()}}
    return send(request.method, request.url, body, headers)


@pytest.fixture(autouse=True)
def _english() -> None:
    """Django leaves the language of the last request active, for whatever test comes next."""
    translation.activate("en")


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Django's own hasher takes a third of a second by design, for every user of every test."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers):
        yield


@pytest.fixture(scope="session")
def _static_files() -> None:
    """Pages name their static files by hash, so the files must have been collected."""
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session")
def _database(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tables, without a row, also where the processes that tests start look for them."""
    with django_db_blocker.unblock(), closing(sqlite3.connect(DATABASE_FILE)) as target:
        connection.ensure_connection()
        connection.connection.backup(target)
        connection.close()


@pytest.fixture(scope="session")
def _aws(
    tmp_path_factory: pytest.TempPathFactory, _static_files: None, _database: None
) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), AWS_PORT) as aws:
        deploy("filehub", TEMPLATE.read_text())
        yield aws


@pytest.fixture
def aws(_aws: LocalAws, db: None) -> LocalAws:
    """Local AWS with nothing in table, bucket and queues. Confirming reads quotas: hence `db`."""
    empty_the_table()
    empty_the_bucket()
    empty_the_queues()
    return _aws


def empty_the_table() -> None:
    with StoredFile.batch_write() as batch:
        for record in list(StoredFile.scan(attributes_to_get=["id"])):
            batch.delete(record)


def empty_the_bucket() -> None:
    client, bucket = s3.client(), env().filehub_bucket
    if objects := client.list_objects_v2(Bucket=bucket).get("Contents"):
        keys_ = [{"Key": entry["Key"]} for entry in objects]
        client.delete_objects(Bucket=bucket, Delete={"Objects": keys_, "Quiet": True})  # type: ignore[typeddict-item]
    for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def empty_the_queues() -> None:
    """After the bucket: deleting its objects sends events."""
    for name in (env().filehub_events_queue, env().filehub_tasks_queue):
        for queue in (name, sqs.dead_letters_of(name)):
            sqs.client().purge_queue(QueueUrl=sqs.url(queue))


def drain(queue: str) -> list[dict[str, Any]]:
    """Receive and delete everything that a queue shows."""
    found: list[dict[str, Any]] = []
    client, url = sqs.client(), sqs.url(queue)
    while messages := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(dict(message))
    return found


def arguments(body: str) -> list[Any]:
    """What a task is called with, from the body of its message as kombu writes it."""
    return json.loads(base64.b64decode(json.loads(base64.b64decode(body))["body"]))[0]  # type: ignore[no-any-return]


def deploy_bucket_and_queues() -> dict[str, str]:
    """A bucket with its queues, beside the table that all tests share; returns their settings.

    A process that was stopped may leave a long poll behind, which takes a message with it until
    that message's visibility timeout; another test must not have to wait for it.
    """
    suffix = uuid.uuid4().hex[:8]
    names = {
        "filehub_bucket": f"bucket-{suffix}",
        "filehub_events_queue": f"events-{suffix}",
        "filehub_tasks_queue": f"tasks-{suffix}",
    }
    own = env().model_copy(update={**names, "filehub_table": f"unused-{suffix}"})
    with override_settings(ENV=own):
        deploy(f"stack-{suffix}", TEMPLATE.read_text())
    # S3 greets each of the three notifications with a test event.
    greetings: list[Any] = []
    wait_for(lambda: greetings.extend(drain(names["filehub_events_queue"])) or len(greetings) >= 3)
    return names


@pytest.fixture
def own_queues(aws: LocalAws, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket and queues of the test's own, for this process and those that it starts."""
    names = deploy_bucket_and_queues()
    settings.ENV = env().model_copy(update=names)
    for name, value in names.items():
        monkeypatch.setenv(name.upper(), value)


@pytest.fixture
def one_day() -> Iterator[None]:
    """Today is the same day (UTC) from here to the end of the test.

    In the last ten minutes of a day the clock of this process is set back by that time; AWS accepts
    signatures that are up to fifteen minutes old.
    """
    back = timedelta(minutes=10)
    now = datetime.now(UTC)
    if (now + back).date() == now.date():
        yield
    else:
        with time_machine.travel(now - back):
            yield


@pytest.fixture
def full_size(request: pytest.FixtureRequest) -> bool:
    """Whether `--all` was given: then a test runs at the size that its promise speaks of."""
    return bool(request.config.option.everything)


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", password=PASSWORD)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", password=PASSWORD)


class Api:
    """The API as one user sees it, with a bearer token."""

    def __init__(self, user: User) -> None:
        self.owner = owners.owner_of(user)
        self._client = Client(headers={"Authorization": f"Bearer {api_tokens.create(user)}"})

    def get(self, path: str) -> Any:
        return self._client.get(path)

    def post(self, path: str, body: Any) -> Any:
        return self._client.post(path, body, content_type="application/json")

    def delete(self, path: str) -> Any:
        return self._client.delete(path)


@pytest.fixture
def api(aws: LocalAws, alice: User) -> Api:
    return Api(alice)


@pytest.fixture
def other_api(aws: LocalAws, bob: User) -> Api:
    return Api(bob)


def upload(
    owner: str, name: str = "a.txt", body: bytes = b"hello", type_: str = "text/plain"
) -> str:
    """Begin, PUT; nothing confirmed yet. Returns the id."""
    begun = begin.begin_put(owner, file_name=name, content_type=type_, size=len(body))
    assert put(begun.request, body).status == 200
    return begun.id


def put_under(upload_id: str, owner: str, body: bytes, type_: str = "text/plain") -> None:
    """An object under this very id, as a signature for it would leave it, past filehub's checks."""
    request = s3.sign_put(
        upload_id, owner=owner, file_name="a.txt", content_type=type_, size=len(body), sha256=None
    )
    assert put(request, body).status == 200


def old_upload(owner: str, body: bytes = b"hello") -> str:
    """An object that was signed long ago, of which no record tells. Returns the id."""
    upload_id = keys._make(1_700_000_000_000, owner, "secret")
    put_under(upload_id, owner, body)
    return upload_id


def store(owner: str, name: str = "a.txt", body: bytes = b"hello") -> str:
    """Upload and confirm. Returns the id."""
    upload_id = upload(owner, name, body)
    assert confirm.confirm(upload_id) == "stored"
    return upload_id


def removal(upload_id: str, number: int) -> confirm.Outcome:
    """Delete the object, and apply the event of that with this sequencer."""
    s3.delete(upload_id)
    sequencer = f"{number:018X}".ljust(64, "0")
    return confirm.apply_event(ObjectEvent("removed", upload_id, sequencer))


@contextmanager
def process(
    *arguments: str, ready: str | None = None, log: Path
) -> Iterator[subprocess.Popen[str]]:
    """A process of the project; stopped with SIGTERM at the end, and never left behind."""
    with log.open("a") as output:
        child = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=output,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        if ready:

            def is_ready() -> bool:
                assert child.poll() is None, log.read_text()
                return ready in log.read_text()

            wait_for(is_ready)
        yield child
    finally:
        stop(child)


def stop(child: subprocess.Popen[str]) -> int:
    """SIGTERM, and SIGKILL for one that does not go in time."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        return child.wait(60)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def consumer(directory: Path) -> Any:
    return process("manage.py", "consume_events", ready="consuming", log=directory / "consumer.log")


def worker(directory: Path) -> Any:
    return process(
        "-m", "celery", "-A", "filehub", "worker", "--loglevel", "INFO", "--concurrency", "1",
        "--without-gossip", "--without-mingle", ready=" ready.", log=directory / "worker.log",
    )  # fmt: skip


@pytest.fixture(scope="session")
def _pipeline(_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A consumer and a worker on queues of their own; yields the settings that name these."""
    directory = tmp_path_factory.mktemp("pipeline")
    names = deploy_bucket_and_queues()
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as environment:
            for name, value in names.items():
                environment.setenv(name.upper(), value)
            stack.enter_context(consumer(directory))
            stack.enter_context(worker(directory))
        yield names


@pytest.fixture
def pipeline(aws: LocalAws, _pipeline: dict[str, str], settings: Settings) -> None:
    """A real consumer and a real Celery worker, and the bucket that they listen to.

    They serve several tests. One that stops or kills processes starts its own; one that uses these
    waits for its last event, or the next test finds in the table what this one left on the way.
    """
    settings.ENV = env().model_copy(update=_pipeline)


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Has a figure that was measured printed in the end, whether the test passes or not."""
    return lambda text: request.node.user_properties.append((FIGURE, text))


class Installation:
    """filehub as `make run` starts it, with a proxy in front of the web and one in front of S3.

    Everything that goes to S3 goes through its proxy: presigned requests, and the processes' own.
    """

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.port, self.aws_port = free_port(), free_port()
        self.web, self.s3 = Proxy(self.port, host="localhost"), Proxy(self.aws_port)
        self.url = self.web.url
        self.log = directory / "run.log"
        #: Playwright's storage state of a browser that has signed in, if one has.
        self.session: Any = None
        self._environment = environment
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.directory.mkdir(exist_ok=True)
        self.web.start()
        self.s3.start()
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_"))
        }
        environment |= {
            "PORT": str(self.port),
            "AWS_PORT": str(self.aws_port),
            "LOCAL_DIR": str(self.directory / "local"),
            "DEMO_PASSWORD": PASSWORD,
            "AWS_ENDPOINT_URL_S3": self.s3.url,
            # The page's origin is what the browser sees.
            "FILEHUB_CORS_ORIGINS": f"{self.url},http://localhost:{self.port}",
        } | self._environment
        with self.log.open("a") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "local.run"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
                text=True,
            )
        wait_for(self._is_ready, 120)
        self.reset()

    def reset(self) -> None:
        """No faults any more, and empty logs."""
        self.web.reset()
        self.s3.reset()

    @cached_property
    def bucket(self) -> Any:
        """The bucket itself, past the proxy: what a test finds there is true."""
        return boto3.resource(
            "s3", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.aws_port}"
        ).Bucket("filehub-uploads")

    @cached_property
    def _headers(self) -> dict[str, str]:
        token = self.manage("create_api_token", "demo")
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the API as the demo user, past the proxy; the answer is parsed."""
        url = f"http://localhost:{self.port}{path}"
        answer = send(
            method, url, None if body is None else json.dumps(body).encode(), self._headers
        )
        assert answer.status < 300, (answer.status, answer.body)
        return json.loads(answer.body) if answer.body else None

    def files(self, prefix: str = "") -> list[dict[str, Any]]:
        """All files of the demo user whose names begin so, newest first; page by page."""
        found: list[dict[str, Any]] = []
        path = f"/files?limit=100&q={quote(prefix)}"
        while path:
            answer = send("GET", f"http://localhost:{self.port}{path}", headers=self._headers)
            assert answer.status == 200, answer.body
            found += json.loads(answer.body)
            link = re.match(r'<([^>]*)>; rel="next"', answer.headers.get("Link", ""))
            path = link[1].removeprefix(f"http://localhost:{self.port}") if link else ""
        return found

    def download(self, file_id: str) -> bytes:
        return send("GET", self.api(f"/files/{file_id}/download")["url"]).body

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def _is_ready(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, self.log.read_text()
        try:
            return send("GET", f"{self.url}/readyz").status == 200
        except OSError:
            return False

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self._child is not None:
            if self._child.poll() is None:
                self._child.send_signal(signum)
            self._child.wait(90)
        self.web.stop()
        self.s3.stop()

    def manage(self, *arguments: str) -> str:
        """Run a manage.py command as the README does: with `.local/env` loaded."""
        script = f'. "{self.directory}/local/env" && exec "{sys.executable}" manage.py "$@"'
        done = subprocess.run(
            ["sh", "-c", script, "manage", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    running = Installation(tmp_path_factory.mktemp("installation"))
    running.start()
    try:
        yield running
    finally:
        running.stop()
