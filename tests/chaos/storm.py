"""A storm over filehub: faults between it and AWS, kills, unruly events, unruly clients.

    python -m tests.chaos.storm --seed 7 --minutes 3

In the end the weather is fine again, and what the uploaders know, what is in the bucket and what is
recorded must be the same (tests/chaos/verdict.py).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from local.aws import CREDENTIALS, LocalAws, free_port
from tests.chaos import verdict
from tests.chaos.courier import Courier
from tests.chaos.gateway import Gateway
from tests.chaos.ledger import Ledger
from tests.chaos.plan import Plan
from tests.chaos.processes import NAMES, ROOT, Processes
from tests.chaos.uploaders import TYPES, Answer, Unanswered, Uploader, request

OWNERS = ("ann", "ben", "cem")
UPLOADERS = 6
BUCKET, TABLE, EVENTS, TASKS, NOTICES = (
    "filehub-uploads", "files", "filehub-events", "filehub-tasks", "storm-notices",
)  # fmt: skip
MIB = 1024**2

#: Seconds until a message that was received and not deleted comes again.
EVENTS_HIDDEN, TASKS_HIDDEN = 4, 12
#: Never reached by faults alone: what the consumer cannot hand on is tried as long as it takes.
EVENTS_RECEIVED = 1000
#: Low enough that some tasks are given up and have to be replayed.
TASKS_RECEIVED = 6
#: Seconds that everything may take to come to rest.
PATIENCE = 240


@dataclass
class Report:
    """What happened, and what is wrong (nothing, if all is well)."""

    plan: Plan
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    healed: float = 0.0
    uploads: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    requests: int = 0
    events: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    stored: int = 0
    #: Seconds that each phase took.
    phases: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds: Counter[str] = Counter()
        services: Counter[str] = Counter()
        for (service, _, kind), number in self.faults.items():
            kinds[kind] += number
            services[service] += number
        lines = [
            f"storm with {self.plan}",
            f"  uploads begun: {self.begun} ({_told(self.uploads)})",
            f"  killed: {self.kills.total()} ({_told(self.kills)})",
            f"  faults: {self.faults.total()} in {self.requests} requests "
            f"({_told(services)}; {_told(kinds)})",
            f"  by operation: {_told(_by_operation(self.faults))}",
            f"  events: {_told(self.events)}",
            f"  dead letters: {_told(self.dead) or 'none'}",
            f"  healed {self.healed:.0f} s after the storm, {self.seconds:.0f} s in all "
            f"({', '.join(f'{name} {took:.0f} s' for name, took in self.phases.items())})",
        ]
        if self.problems:
            lines += [f"  {len(self.problems)} PROBLEMS:"]
            lines += [f"    {problem}" for problem in self.problems[:50]]
        else:
            lines += [f"  all sets equal: {self.stored} files stored, recorded, counted and listed"]
        return "\n".join(lines)


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.most_common())


def _by_operation(faults: Counter[tuple[str, str, str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for (_, operation, kind), number in faults.items():
        found[f"{operation} {kind}"] += number
    return found


class Storm:
    """One storm in a directory of its own, which keeps the logs."""

    def __init__(self, seed: int, seconds: float, directory: Path) -> None:
        self.plan = Plan(seed, seconds)
        self.directory = directory
        self.report = Report(self.plan)
        self.ledger = Ledger()
        self._aws = LocalAws(directory / "aws", free_port())
        self._gateway = Gateway(self._aws.port, self.plan)
        self._port = free_port()
        self._site = f"http://127.0.0.1:{self._port}"
        # The worker's rules are stricter than the web's: some of what is signed is rejected.
        self._processes = Processes(
            directory,
            self._environment(self._gateway.url),
            {"worker": {"FILEHUB_ALLOWED_TYPES": self._worker_types}},
        )
        self._courier: Courier | None = None

    def _environment(self, endpoint: str) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_", "CELERY_"))
        }
        return inherited | CREDENTIALS | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "tests.chaos.storm_settings",
            "DJANGO_SECRET_KEY": "only-for-storms-" + "0123456789abcdef" * 2,
            "DJANGO_STATIC_ROOT": str(self.directory / "static"),
            "DATABASE_URL": f"sqlite:///{self.directory / 'db.sqlite3'}",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "FILEHUB_CORS_ORIGINS": self._site,
            "FILEHUB_MULTIPART_THRESHOLD": str(5 * MIB),
            "FILEHUB_PART_SIZE": str(5 * MIB),
            "LOCAL_DIR": str(self.directory),
            "FILEHUB_HEALTH_DIR": str(self.directory / "health"),
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
        }  # fmt: skip

    def run(self) -> Report:
        began = time.monotonic()
        try:
            self._aws.start()
            self._gateway.start()
            for phase in (self._prepare, self._rage, self._settle, self._judge):
                started = time.monotonic()
                phase()
                self.report.phases[phase.__name__.strip("_")] = time.monotonic() - started
        finally:
            if self._courier is not None:
                self._courier.stop()
            self._processes.end()
            self._gateway.stop()
            self._aws.stop()
            self.report.seconds = time.monotonic() - began
        return self.report

    # Before

    def _client(self, service: str) -> Any:
        """Past the proxy."""
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=self._aws.url,
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def _manage(self, *arguments: str, check: bool = True) -> str:
        """A command of manage.py, past the proxy, with the worker's rules."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self._environment(self._aws.url) | {"FILEHUB_ALLOWED_TYPES": self._worker_types},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode and check:
            self.report.problems.append(
                f"manage.py {' '.join(arguments)}: {done.returncode} {done.stdout} {done.stderr}"
            )
        return done.stdout

    @property
    def _worker_types(self) -> str:
        return ",".join(kind.partition(";")[0] for kind in TYPES)

    def _prepare(self) -> None:
        self._sqs, self._s3, self._dynamodb = map(self._client, ("sqs", "s3", "dynamodb"))
        # In one process: each takes two seconds to start.
        made = self._manage(
            "shell", "--no-imports", "-c",
            "import json\n"
            "from django.contrib.auth import get_user_model\n"
            "from django.core.management import call_command\n"
            "from uploads.accounts import api_tokens, owners\n"
            "call_command('provision')\n"
            "call_command('migrate', verbosity=0)\n"
            f"users = [get_user_model().objects.create_user(n) for n in {OWNERS!r}]\n"
            "print(json.dumps({owners.owner_of(u): api_tokens.create(u) for u in users}))\n",
        )  # fmt: skip
        self._secrets: dict[str, str] = json.loads(made.splitlines()[-1])
        self._url = {
            name: self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
            for name in (EVENTS, TASKS, f"{EVENTS}-dlq", f"{TASKS}-dlq")
        }
        self._shorten(EVENTS, EVENTS_HIDDEN, EVENTS_RECEIVED)
        self._shorten(TASKS, TASKS_HIDDEN, TASKS_RECEIVED)
        self._url[NOTICES] = self._sqs.create_queue(QueueName=NOTICES)["QueueUrl"]
        arn = self._attribute(NOTICES, "QueueArn")
        self._let_the_bucket_send(arn)
        configuration = self._s3.get_bucket_notification_configuration(Bucket=BUCKET)
        self._s3.put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={
                "QueueConfigurations": [
                    {"QueueArn": arn, "Events": each["Events"], "Filter": each["Filter"]}
                    for each in configuration["QueueConfigurations"]
                ]
            },
        )
        self._courier = Courier(self._sqs, self._url[NOTICES], self._url[EVENTS], self.plan)

    def _let_the_bucket_send(self, arn: str) -> None:
        """The policy of filehub's own queue, for the storm's."""
        policy = json.loads(self._attribute(EVENTS, "Policy"))
        for statement in policy["Statement"]:
            statement["Resource"] = arn
        self._sqs.set_queue_attributes(
            QueueUrl=self._url[NOTICES], Attributes={"Policy": json.dumps(policy)}
        )

    def _attribute(self, queue: str, name: str) -> str:
        found = self._sqs.get_queue_attributes(QueueUrl=self._url[queue], AttributeNames=[name])
        text: str = found["Attributes"][name]
        return text

    def _shorten(self, queue: str, hidden: int, received: int) -> None:
        policy = json.loads(self._attribute(queue, "RedrivePolicy"))
        self._sqs.set_queue_attributes(
            QueueUrl=self._url[queue],
            Attributes={
                "VisibilityTimeout": str(hidden),
                "ReceiveMessageWaitTimeSeconds": "3",
                "RedrivePolicy": json.dumps({**policy, "maxReceiveCount": received}),
            },
        )

    # The storm

    def _rage(self) -> None:
        self._processes.start_all()
        self._await("the site", self._is_ready, 120)
        self._courier.start()
        began = time.monotonic()
        self._gateway.begin()
        uploaders = [
            Uploader(
                number,
                self.plan.random("uploader", number),
                self._site,
                *list(self._secrets.items())[number % len(OWNERS)],
                self.ledger,
                began + self.plan.seconds,
                self._remove,
            )
            for number in range(UPLOADERS)
        ]
        for uploader in uploaders:
            uploader.thread.start()
        self._kill_until(began + self.plan.seconds, began)
        self._gateway.end()
        self._calm_at = time.monotonic()
        self._processes.watch_commands(at_once=True)
        self._processes.start_all()
        for uploader in uploaders:
            uploader.thread.join(PATIENCE)
            if uploader.thread.is_alive():
                self.report.problems.append(f"{uploader.name} does not come to an end")
            if uploader.error is not None:
                self.report.problems.append(f"{uploader.name} failed: {uploader.error!r}")

    def _remove(self, upload_id: str) -> None:
        """As an operator with the AWS command line does, at whatever moment."""
        self._s3.delete_object(Bucket=BUCKET, Key=f"uploads/{upload_id[-1]}/{upload_id}")

    def _kill_until(self, until: float, began: float) -> None:
        kills, commands = list(self.plan.kills), list(self.plan.commands)
        starts: list[float] = []
        while (now := time.monotonic()) < until:
            while kills and began + kills[0].at <= now:
                kill = kills.pop(0)
                if self._processes.kill(kill.victim):
                    starts.append(now + kill.down)
            if starts and min(starts) <= now:
                starts = [at for at in starts if at > now]
                self._processes.start_all()
            while commands and began + commands[0].at <= now:
                command = commands.pop(0)
                self._processes.command(command.arguments, command.killed_after)
            self._processes.watch_commands()
            self._processes.watch()
            if self._courier.error is not None:
                raise self._courier.error
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            return request("GET", f"{self._site}/readyz", {}).status == 200
        except Unanswered:
            return False

    # After it

    def _settle(self) -> None:
        """Fine weather: wait until nothing moves any more, and look at all files once."""
        self._courier.calm_down()
        self._await("the site after the storm", self._is_ready, 60)
        # Beat would go on queueing reconciliations, and there would never be rest for long.
        self._processes.stop("beat")
        self._await_rest("the storm")
        self._replay()
        self._await_rest("the replay")
        self.report.healed = time.monotonic() - self._calm_at
        self._manage("reconcile", "--all", "--restart", "--min-age", "0m")
        self._await_rest("the reconciliation")
        self._courier.stop()
        if self._courier.error is not None:
            self.report.problems.append(f"the courier failed: {self._courier.error!r}")

    def _replay(self) -> None:
        self.report.dead["tasks"] = self._depth(f"{TASKS}-dlq")
        if self.report.dead["tasks"]:
            self._manage("redrive", "--queue", "tasks")

    def _depth(self, queue: str) -> int:
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._url[queue],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return sum(map(int, attributes.values()))

    def _await_rest(self, what: str) -> None:
        """All queues are empty, several times in a row."""
        rest = 0

        def is_at_rest() -> bool:
            nonlocal rest
            self._processes.watch()
            empty = self._courier.is_empty and not any(map(self._depth, (NOTICES, EVENTS, TASKS)))
            rest = rest + 1 if empty else 0
            return rest >= 4

        if not self._await(f"rest after {what}", is_at_rest, PATIENCE):
            depths = {queue: self._depth(queue) for queue in (NOTICES, EVENTS, TASKS)}
            self.report.problems.append(f"no rest after {what}: {depths}")

    def _await(self, what: str, condition: Callable[[], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                self.report.problems.append(f"waited {timeout:.0f} s for {what} in vain")
                return False
            time.sleep(0.1)
        return True

    # The verdict

    def _judge(self) -> None:
        report, ledger = self.report, self.ledger
        table = verdict.items(self._dynamodb, TABLE)
        there = verdict.objects(self._s3, BUCKET)
        problems = report.problems
        problems += ledger.problems
        problems += verdict.judge_files(ledger, there, table)
        problems += verdict.judge_events(ledger, self._courier.reported.values(), table)
        problems += verdict.judge_counters(table)
        listed = {owner: self._listed(secret) for owner, secret in self._secrets.items()}
        problems += verdict.judge_lists(ledger, listed, table)
        self._judge_parts()
        self._judge_dead_letters()
        self._manage("recount", "--check")
        for name, status in self._processes.stop().items():
            if status not in {0, -15}:
                problems.append(f"{name} did not stop by itself: {status}")
        explained = (
            self._processes.log("worker")
            .read_text(errors="replace")
            .count(f"Error: {verdict.TOO_EARLY}")
        )
        for name, status in self._processes.deserted:
            if name == "worker" and explained:
                explained -= 1
                continue
            problems.append(
                f"{name} ended by itself with {status}: see {self._processes.log(name)}"
            )
        for name in (*NAMES, "operator"):
            problems += verdict.judge_log(self._processes.log(name))
        report.stored = len(there)
        report.begun = len(ledger.entries)
        report.uploads, report.kills = ledger.counts, self._processes.kills
        report.faults = self._gateway.faults
        report.requests = self._gateway.seen.total()
        report.events = self._courier.done

    def _listed(self, secret: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        url = f"{self._site}/files?limit=37"
        while url:
            answer = self._get(url, secret)
            if answer.status != 200:
                self.report.problems.append(f"GET {url}: {answer.status} {answer.body!r}")
                break
            found += answer.json()
            link = re.match(r'<([^>]*)>; rel="next"', answer.link)
            url = link[1] if link else ""
        return found

    def _get(self, url: str, secret: str) -> Answer:
        return request("GET", url, {"Authorization": f"Bearer {secret}"})

    def _judge_parts(self) -> None:
        names = {e.id: verdict.s3_name_of(e.token) for e in self.ledger.entries.values() if e.token}
        left = verdict.unfinished(self._s3, BUCKET)
        problems = self.report.problems
        problems += verdict.judge_unfinished(self.ledger, left, self._gateway.begun, names)
        # Each uploader ends what it left; the storage report's way ends what nobody knows.
        for entry in self.ledger.entries.values():
            if entry.is_unfinished == "yes":
                answer = request(
                    "DELETE",
                    f"{self._site}/uploads/{entry.id}?token={entry.token}",
                    {"Authorization": f"Bearer {self._secrets[entry.owner]}"},
                )
                if answer.status != 204:
                    problems.append(f"ending {entry}: {answer.status} {answer.body!r}")
        self._manage(
            "shell", "--no-imports", "-c",
            "from uploads.aws import multipart\n"
            "for each in multipart.unfinished(1000).uploads:\n"
            "    multipart.abort_key(each.key, each.s3_upload_id)\n",
        )  # fmt: skip
        if left := verdict.unfinished(self._s3, BUCKET):
            problems.append(f"still unfinished after they were ended: {left}")

    def _judge_dead_letters(self) -> None:
        if left := self._depth(f"{TASKS}-dlq"):
            self.report.problems.append(f"{left} tasks are dead even after they were replayed")
        wanted, found = self._courier.malformed, []
        url = self._url[f"{EVENTS}-dlq"]
        while messages := self._sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found += [message["Body"] for message in messages]
        self.report.dead["events"] = len(found)
        for body in set(found) - wanted:
            self.report.problems.append(f"dead for no reason: {body[:500]}")
        for body in wanted - set(found):
            self.report.problems.append(f"malformed, and not set aside: {body[:500]}")


def main() -> int:
    # Told to stop, it ends as with Ctrl-C: its processes are stopped too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description="A storm over filehub; exits 1 if anything is wrong."
    )
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--directory", type=Path, default=None, help="where the logs are kept")
    chosen = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    directory = chosen.directory or Path(tempfile.mkdtemp(prefix=f"storm-{seed}-"))
    directory.mkdir(parents=True, exist_ok=True)
    storm = Storm(seed, chosen.minutes * 60, directory.resolve())
    print(f"{storm.plan}\n  logs: {directory}", flush=True)
    report = storm.run()
    print(report, flush=True)
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
