"""The progress of a transfer, on a terminal and in a log."""

from __future__ import annotations

from io import StringIO

import pytest

from filehub_client import progress
from filehub_client.progress import Progress, TransferProgress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BAR_INTERVAL", 0)


def transfer(out: StringIO, *, is_quiet: bool = False) -> list[str]:
    """Three files of 10 bytes, of which one fails after 5; returns what was shown."""
    with Progress(out, is_quiet=is_quiet) as shown:
        counted = TransferProgress(shown, total=30, count=3)
        counted.add_bytes(10)
        counted.end_file()
        counted.add_bytes(5)
        counted.add_bytes(-5)
        counted.end_file(missing=10)
        counted.add_bytes(10)
        counted.end_file()
    return out.getvalue().split("\r")


def test_the_bar_reaches_its_end_although_a_file_fails() -> None:
    lines = transfer(Terminal())
    assert [line.split("]")[1].strip() for line in lines[1:]] == [
        "33% 0 of 3 files", "33% 1 of 3 files", "50% 1 of 3 files", "33% 1 of 3 files",
        "50% 2 of 3 files", "100% 2 of 3 files", "100% 3 of 3 files",
    ]  # fmt: skip
    assert lines[-1].startswith(f"[{'#' * 30}]")
    assert "".join(lines).count("\n") == 1


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert transfer(StringIO()) == [""]
    monkeypatch.setattr(progress, "LINE_INTERVAL", -1)
    assert transfer(StringIO())[0].splitlines()[::6] == ["33% 0 of 3 files", "100% 3 of 3 files"]


@pytest.mark.parametrize("out", [Terminal(), StringIO()])
def test_nothing_is_shown_if_quiet(monkeypatch: pytest.MonkeyPatch, out: StringIO) -> None:
    monkeypatch.setattr(progress, "LINE_INTERVAL", -1)
    assert transfer(out, is_quiet=True) == [""]


def test_without_bytes_there_is_no_percentage() -> None:
    out = Terminal()
    with Progress(out) as shown:
        TransferProgress(shown, total=0, count=1).end_file()
    assert out.getvalue() == "\r1 of 1 files\n"


def test_a_fraction_beyond_the_end_fills_the_bar() -> None:
    out = Terminal()
    with Progress(out) as shown:
        shown.show(1.5, "more than announced")
        shown.show(-1, "less than nothing")
    assert "100% more" in out.getvalue()
    assert "  0% less" in out.getvalue()
