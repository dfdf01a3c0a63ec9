"""What AWS and the table contain cannot break a line or deceive in a terminal."""

from __future__ import annotations

import dataclasses
import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from uploads.aws import dead_letters
from uploads.aws.cloudformation import ProvisioningError
from uploads.aws.dead_letters import Outcome
from uploads.files.usage import Usage
from uploads.management.commands import provision, recount
from uploads.operations import doctor

HOSTILE = "x\x1b[2J\r\nok    y\u202e\u2028\x9bz"
#: Colours come from Django, not from AWS.
FORBIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]")


def raising(error: Exception) -> Any:
    def fail(*args: object, **options: object) -> None:
        raise error

    return fail


def returning(value: Any) -> Any:
    return lambda *args, **options: value


FINDING = doctor.Finding("FAIL", "queue", HOSTILE, HOSTILE)
DIFFERENCE = recount.recount.Difference(HOSTILE, Usage(1, 1), Usage())
CASES: dict[str, tuple[list[str], Any, str, Any]] = {
    "doctor": (["doctor", "--no-upload"], doctor, "examine", returning([FINDING])),
    "doctor --json": (["doctor", "--no-upload", "--json"], doctor, "examine", returning([FINDING])),
    "provision, failed": (["provision"], provision, "deploy", raising(ProvisioningError(HOSTILE))),
    "provision, output": (["provision"], provision, "deploy", returning({HOSTILE: HOSTILE})),
    "recount": (["recount", "--check"], recount.recount, "differences", returning([DIFFERENCE])),
    "redrive": (
        ["redrive", "--queue", "events"],
        dead_letters,
        "replay",
        returning(dataclasses.replace(Outcome(), failed=(HOSTILE,), stopped=HOSTILE)),
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("command", "module", "name", "result"), CASES.values(), ids=CASES.keys())
def test_control_and_direction_characters_are_not_printed(
    command: list[str],
    module: Any,
    name: str,
    result: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, result)
    output = StringIO()
    text = ""
    try:
        call_command(*command, stdout=output, stderr=output, no_color=True)
    except CommandError as exc:
        text = str(exc)
    text += output.getvalue()
    assert "z" in text
    assert not FORBIDDEN.search(text), repr(text)
    assert "\nok    y" not in text
