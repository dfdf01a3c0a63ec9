"""A project's app with receivers of the signals, which writes down what they are told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.apps import AppConfig

from uploads.files.file_events import FileEvent
from uploads.signals import file_stored

#: The variable that names the directory to write to.
DIRECTORY = "RECEIVER_DIRECTORY"


def write_down(event: FileEvent, **_: Any) -> None:
    with (Path(os.environ[DIRECTORY]) / "signals").open("a") as file:
        file.write(f"{event.type} {event.file.id}\n")


def fail_once(event: FileEvent, **_: Any) -> None:
    mark = Path(os.environ[DIRECTORY]) / f"failed-{event.file.id}"
    if not mark.exists():
        mark.touch()
        raise RuntimeError("this receiver fails the first time")
    write_down(event)


class ReceiverApp(AppConfig):
    name = "tests.integrations"
    label = "receivers_of_tests"

    def ready(self) -> None:
        file_stored.connect(write_down)
        file_stored.connect(fail_once)
