"""A record becomes one line, whatever it contains."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from uploads.core.logs import context, lines
from uploads.core.logs.granian import Unremarkable
from uploads.core.logs.lines import LineFormatter

#: What begins a line in text: a time and a level.
BEGINNING = re.compile(r"^\d{4}-\d\d-\d\dT\S+ \[(?:info|error|warning)", re.MULTILINE)
FORGED = "2026-01-01T00:00:00.000+00:00 [error    ] all is lost [uploads.x]"

#: What follows a line break, or hides or reorders what is before it.
INJECTIONS = {
    "a line feed": f"a\n{FORGED}",
    "a carriage return": f"a\r{FORGED}",
    "both": f"a\r\n{FORGED}",
    "a vertical tab": f"a\v{FORGED}",
    "a form feed": f"a\f{FORGED}",
    "a next line": f"a\x85{FORGED}",
    "a line separator": f"a\u2028{FORGED}",
    "a paragraph separator": f"a\u2029{FORGED}",
    "an information separator": f"a\x1c{FORGED}\x1d{FORGED}\x1e{FORGED}",
    "the end of JSON": f'a"}}\n{{"time":"{FORGED}"}}',
    "a colour of the terminal": "a\x1b[2K\x1b[1A\x1b[31mred",
    "its other form": "a\x9b2K",
    "a title of the terminal": "a\x1b]0;title\x07",
    "a backspace": "a\b\b\bb",
    "a null": "a\0b",
    "a reversed text": "a\u202excod.exe",
    "an isolated text": "a\u2066b\u2069",
    "half of a surrogate pair": "a\ud800",
}


class Hostile:
    """Its text is an error."""

    def __str__(self) -> str:
        raise RuntimeError("a\nb")

    __repr__ = __str__


def record(message: Any, *arguments: Any, level: int = logging.INFO, **extra: Any) -> Any:
    made = logging.LogRecord("uploads.x", level, "x.py", 1, message, arguments, None)
    vars(made).update(extra)
    return made


def raised(text: str) -> logging.LogRecord:
    try:
        raise ValueError(text)
    except ValueError:
        return logging.LogRecord("uploads.x", logging.ERROR, "x.py", 1, "no", (), sys.exc_info())


PLACES: dict[str, Callable[[str], logging.LogRecord]] = {
    "the message": record,
    "an argument": lambda text: record("failed: %s", text),
    "a field": lambda text: record("failed", detail=text),
    "the name of a nested field": lambda text: record("failed", detail={text: {text: [text]}}),
    "an id": lambda text: record("failed", upload_id=text),
    "the logger": lambda text: logging.makeLogRecord({"name": text, "msg": "x"}),
    "the level": lambda text: logging.makeLogRecord({"levelname": text, "msg": "x"}),
    "an exception": raised,
}


@pytest.fixture(autouse=True)
def _no_ids() -> Iterator[None]:
    context.begin()
    yield
    context.begin()


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS)
def test_no_text_forges_or_disguises_a_line(
    text: str, place: Callable[[str], logging.LogRecord]
) -> None:
    as_json = LineFormatter("json").format(place(text))
    assert as_json.splitlines() == [as_json]
    assert as_json.isprintable()
    assert json.loads(as_json)["message"] != "all is lost"
    as_text = LineFormatter("text").format(place(text))
    assert len(BEGINNING.findall(as_text)) <= 1
    first, *others = as_text.split("\n")
    assert [line for line in others if line and not line.startswith("    ")] == []
    assert all(line.isprintable() for line in (first, *others))


def parsed(made: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(LineFormatter("json").format(made))
    return fields


def test_a_line_has_its_ids_in_order_and_then_its_fields() -> None:
    context.begin(user_id="7", request_id="0123456789abcdef", task_id=None)
    with context.about(upload_id="u", message_id="m"):
        fields = parsed(record("stored %d", 2, outcome="stored", size=5, nothing=None))
    assert list(fields) == [
        "time", "level", "logger", "message", "request_id", "upload_id", "message_id", "user_id",
        "outcome", "size",
    ]  # fmt: skip
    assert fields["message"] == "stored 2"
    assert (fields["level"], fields["logger"]) == ("info", "uploads.x")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", fields["time"])
    assert "upload_id" not in parsed(record("x"))


@pytest.mark.parametrize("name", ["time", "level", "logger", "message", "exception"])
def test_a_field_does_not_take_the_place_of_another(name: str) -> None:
    fields = parsed(record("x", **({} if name == "message" else {name: "forged"})))
    assert "forged" not in fields.values()


def test_an_exception_is_a_field_of_the_one_line() -> None:
    fields = parsed(raised("a\nb"))
    assert fields["exception"].startswith("Traceback (most recent call last):\n")
    assert fields["exception"].endswith("ValueError: a\nb")
    text = LineFormatter("text").format(raised("a\nb")).split("\n")
    assert text[1] == "    Traceback (most recent call last):"
    assert text[-2:] == ["    ValueError: a", "    b"]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (record("%d", "x"), "%d (its arguments do not fit: ('x',))"),
        (record("%s %s", "x"), "%s %s (its arguments do not fit: ('x',))"),
        (record("x", "y"), "x (its arguments do not fit: ('y',))"),
        (record("100 %"), "100 %"),
        (record("%(a)s", {"a": 1}), "1"),
        (record(ValueError("x")), "x"),
        (record(None), "None"),
        (record(Hostile()), "an unprintable Hostile"),
        (record("%s", Hostile()), "%s (its arguments do not fit: an unprintable tuple)"),
    ],
)
def test_a_message_that_cannot_be_formatted_is_still_one_line(
    made: logging.LogRecord, message: str
) -> None:
    assert parsed(made)["message"] == message


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), "<class 'float'>"),
        (float("inf"), "<class 'float'>"),
        pytest.param(10**5000, "<class 'int'>", id="a huge number"),
        (b"a\n", "b'a\\n'"),
        ((1, 2), [1, 2]),
        ({1: {2: {3: {4: {5: 6}}}}}, {"1": {"2": {"3": {"4": "{5: 6}"}}}}),
        (Hostile(), "an unprintable Hostile"),
        ([Hostile()], ["an unprintable Hostile"]),
        ({"a": True, "b": 1.5}, {"a": True, "b": 1.5}),
    ],
)
def test_every_value_of_a_field_can_be_written(value: object, written: object) -> None:
    assert parsed(record("x", detail=value))["detail"] == written


def test_a_value_that_contains_itself_can_be_written() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert parsed(record("x", detail=endless))["message"] == "x"


def test_a_line_has_a_limited_length() -> None:
    fields = parsed(record("x" * 10**6, detail=["y" * 10**5] * 3))
    assert len(fields["message"]) == lines.MAX_FIELD + 1
    assert {len(entry) for entry in fields["detail"]} == {lines.MAX_FIELD + 1}
    traceback = parsed(raised("z" * 10**5 + "the end"))["exception"]
    assert (len(traceback), traceback[-7:]) == (lines.MAX_TRACEBACK + 1, "the end")


def test_celerys_lines_have_the_id_of_the_task() -> None:
    task = {"id": "t-1", "name": "uploads.tasks.confirm_hint", "args": "('secret',)"}
    fields = parsed(record("Task %(name)s received", task, data=task))
    assert fields["task_id"] == "t-1"
    assert "secret" not in json.dumps(fields)


def test_the_message_of_the_access_log_is_not_repeated_in_text() -> None:
    access = record("GET /files 200", method="GET", path="/files", status=200, milliseconds=1.2)
    access.name = lines.ACCESS
    assert parsed(access)["path"] == "/files"
    text = LineFormatter("text").format(access)
    assert text.endswith("GET /files 200 [uploads.web.request_id] milliseconds=1.2")


def test_granians_warning_about_the_threads_of_the_procfile_is_left_out() -> None:
    warning = record("Configuration allows spawning up to 20 Python threads, which seems …")
    assert not Unremarkable().filter(warning)
    assert Unremarkable().filter(record("Killing worker-1 after it refused to gracefully stop"))
