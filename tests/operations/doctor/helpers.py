"""Break an installation on local AWS, run `manage.py doctor`, and follow its advice."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command

from tests.support.local_aws import TEMPLATE
from tests.support.policies import client
from tests.support.processes import ROOT
from uploads.aws.cloudformation import deploy
from uploads.core.conf import Conf, conf
from uploads.operations import doctor
from uploads.operations.doctor import (
    bucket,
    expected,
    notifications,
    queues,
    table,
)
from uploads.operations.doctor.finding import Finding
from uploads.operations.repair import repair

#: Causes a fault.
Break = Callable[[], None]


def names() -> dict[str, str]:
    suffix = uuid.uuid4().hex[:8]
    return {
        "BUCKET": f"doctor-{suffix}",
        "EVENTS_QUEUE": f"doctor-events-{suffix}",
        "TASKS_QUEUE": f"doctor-tasks-{suffix}",
        "TABLE": f"doctor-{suffix}",
    }


def deploy_all(values: dict[str, str], settings: Any) -> Conf:
    """Deploy a stack with these names, complete with what local CloudFormation leaves out."""
    settings.FILEHUB = settings.FILEHUB | values
    deploy(values["BUCKET"], TEMPLATE.read_text())
    assert list(repair())
    return conf()


def findings() -> list[Finding]:
    return list(doctor.examine())


def problems(all_findings: list[Finding]) -> list[Finding]:
    return [finding for finding in all_findings if finding.level != "ok"]


def remaining_problems(subject: str) -> list[Finding]:
    """Check only the fixed part again, and return the findings that are not ok."""
    if subject.startswith("queue"):
        return problems(list(queues.Queues().inspect()))
    if subject.startswith("table"):
        return problems(list(table.inspect()))
    return problems([*bucket.inspect(), *notifications.inspect(arn(events()))])


def only_problem(all_findings: list[Finding]) -> Finding:
    (finding,) = problems(all_findings)
    return finding


def run(*options: str) -> tuple[int, str]:
    """Return the exit status and the output of the command."""
    out = StringIO()
    try:
        call_command("doctor", *options, stdout=out, stderr=StringIO())
    except CommandError as exc:
        return exc.returncode, f"{out.getvalue()}{exc}"
    return 0, out.getvalue()


def follow(advice: str) -> None:
    """Run the command in this sentence: AWS CLI commands with boto3, of the tests' own stack."""
    if "manage.py provision --repair" in advice and " aws " not in advice:
        call_command("provision", "--stack", conf().bucket, "--repair", stdout=StringIO())
        return
    aws_command = re.search(r"aws (s3api|sqs|dynamodb) [^(]*", advice)
    assert aws_command, advice
    words = shlex.split(aws_command[0].partition(" (provision")[0])
    service = {"s3api": "s3"}.get(words[1], words[1])
    values: dict[str, Any] = {}
    for option, text in options(words[3:]):
        name = "".join(part.capitalize() for part in option[2:].split("-"))
        name = {"CorsConfiguration": "CORSConfiguration"}.get(name, name)
        values[name] = value_of(text)
    getattr(client(service), words[2].replace("-", "_"))(**values)


def value_of(text: str | None) -> Any:
    """The value of an option as boto3 takes it."""
    if text is None:
        return True
    return json.loads(text) if text.startswith(("{", "[")) else text


def options(words: list[str]) -> Iterator[tuple[str, str | None]]:
    """Each option with its value; None for a flag."""
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            yield word, None if following.startswith("--") else following


def call(service: str, operation: str, **parameters: Any) -> None:
    getattr(client(service), operation)(**parameters)


def queue_url(name: str) -> str:
    return str(client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def set_queue(name: str, **attributes: str) -> None:
    client("sqs").set_queue_attributes(QueueUrl=queue_url(name), Attributes=attributes)


def notify(queue: str | None, *events: str, prefix: str = "uploads/", **more: Any) -> None:
    """Replace the bucket's notifications, as another stack would."""
    configuration: dict[str, Any] = dict(more)
    if queue:
        attributes = client("sqs").get_queue_attributes(
            QueueUrl=queue_url(queue), AttributeNames=["QueueArn"]
        )["Attributes"]
        configuration["QueueConfigurations"] = [
            {
                "QueueArn": attributes["QueueArn"],
                "Events": list(events),
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
            }
        ]
    client("s3").put_bucket_notification_configuration(
        Bucket=conf().bucket,
        NotificationConfiguration=configuration,
        SkipDestinationValidation=True,
    )


def cors(**changes: Any) -> None:
    rule = {"AllowedOrigins": ["http://testserver"], "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["*"]} | changes  # fmt: skip
    client("s3").put_bucket_cors(Bucket=conf().bucket, CORSConfiguration={"CORSRules": [rule]})


def lifecycle(**rule: Any) -> None:
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=conf().bucket,
        LifecycleConfiguration={"Rules": [{"ID": "own", "Status": "Enabled", **rule}]},
    )


def call_on_bucket(action: str) -> Break:
    return lambda: getattr(client("s3"), action)(Bucket=conf().bucket)


def events() -> str:
    return conf().events_queue


def tasks() -> str:
    return conf().tasks_queue


ALL = tuple(expected.EVENTS)
PARTS = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 8}}


def lifecycle_rules(*rules: dict[str, Any]) -> None:
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=conf().bucket, LifecycleConfiguration={"Rules": list(rules)}
    )


def arn(queue: str) -> str:
    return str(
        client("sqs").get_queue_attributes(
            QueueUrl=queue_url(queue), AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
    )  # fmt: skip


def objects() -> list[str]:
    listed = client("s3").list_objects_v2(Bucket=conf().bucket)
    return [item["Key"] for item in listed.get("Contents", [])]


def round_trip(timeout: float = 0.2) -> Finding:
    (finding,) = doctor.RoundTrip(timeout).run()
    return finding


def start(*options: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "doctor", *options],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines(output: str, level: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(level)]
