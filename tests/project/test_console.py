"""What `make run` shows: the banner first, then aligned lines; the file has everything as JSON."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from honcho.printer import Message

from local.console import Console

BANNER = "filehub is ready"
LINE = {
    "time": "2026-01-01T12:00:00.000+00:00",
    "level": "info",
    "logger": "uploads.x",
    "message": "done",
    "upload_id": "u",
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Screen:
    """A console, what it has shown, and what it has written to its file."""

    def __init__(self, terminal: io.StringIO | None = None, form: str = "text") -> None:
        self.terminal, self._file = terminal or io.StringIO(), io.StringIO()
        self.console = Console(self.terminal, self._file, form=form)
        self.console.width = 8

    def write(self, data: str | bytes, name: str = "web") -> None:
        now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
        self.console.write(Message("line", data, now, name, "36"))

    def shown(self) -> list[str]:
        return self.terminal.getvalue().splitlines()

    def kept(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self._file.getvalue().splitlines()]


def line(**changed: str) -> str:
    return json.dumps(LINE | changed)


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_the_banner_comes_first_and_routine_before_it_is_left_out(screen: Screen) -> None:
    screen.write(line(message="starting"))
    screen.write("web started (pid=1)\n", name="system")
    assert screen.shown() == []
    screen.console.open(BANNER)
    screen.write(line())
    assert screen.shown() == [
        BANNER,
        "12:00:00 web      | [info     ] done [uploads.x] upload_id=u",
    ]


@pytest.mark.parametrize(
    "data",
    [
        line(level="warning"),
        line(level="error"),
        line(level="critical"),
        "Traceback",
        b"\xff{",
        "{",
    ],
)
def test_what_is_serious_is_shown_after_the_banner(screen: Screen, data: str | bytes) -> None:
    screen.write(data)
    screen.console.open(BANNER)
    assert screen.shown()[0] == BANNER
    assert len(screen.shown()) == 2


def test_everything_is_shown_if_the_processes_end_before_the_banner(screen: Screen) -> None:
    screen.write(line(message="starting"))
    screen.write("filehub cannot start: DJANGO_SECRET_KEY is not set.")
    screen.write("web stopped (rc=1)\n", name="system")
    screen.console.close()
    assert [text.partition("] ")[2] for text in screen.shown()] == [
        "starting [uploads.x] upload_id=u",
        "filehub cannot start: DJANGO_SECRET_KEY is not set.",
        "web stopped (rc=1)",
    ]


def test_what_honcho_says_is_shown_only_if_a_process_failed(screen: Screen) -> None:
    screen.console.open(BANNER)
    for text in ("web started (pid=1)", "SIGINT received", "beat stopped (rc=0)"):
        screen.write(text, name="system")
    assert screen.shown() == [BANNER]
    screen.write("worker stopped (rc=-9)", name="system")
    assert screen.shown()[1].endswith("worker stopped (rc=-9)")


def test_the_file_has_every_line_as_json(screen: Screen) -> None:
    screen.write(line())
    screen.write("raw\nlines", name="beat")
    screen.console.open(BANNER)
    first, *raw = screen.kept()
    assert first == {"process": "web", **LINE}
    assert [(x["process"], x["level"], x["message"]) for x in raw] == [
        ("beat", "warning", "raw"),
        ("beat", "warning", "lines"),
    ]


def test_a_traceback_is_indented_below_its_line(screen: Screen) -> None:
    screen.console.open(BANNER)
    screen.write(line(level="error", exception="Traceback:\nValueError: x"))
    assert screen.shown()[2:] == ["    Traceback:", "    ValueError: x"]


def test_lines_stay_json_if_that_is_the_format() -> None:
    screen = Screen(form="json")
    screen.console.open(BANNER)
    screen.write(line())
    assert json.loads(screen.shown()[1]) == {"process": "web", **LINE}


def test_only_a_terminal_gets_colours(screen: Screen) -> None:
    in_colour = Screen(Terminal())
    for each in (screen, in_colour):
        each.console.open(BANNER)
        each.write(line())
    assert "\x1b[36m" in in_colour.shown()[1]
    assert "\x1b" not in screen.shown()[1]
