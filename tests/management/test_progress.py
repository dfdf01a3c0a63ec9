"""The progress of a long command, on a terminal and in a log."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from uploads.management.progress import Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_on_one_line() -> None:
    out = Terminal()
    with Progress(OutputWrapper(out)) as bar:
        bar.show(0.5, "1,000 looked at")
        bar.show(1.0, "2 looked at")
    first, second = out.getvalue().removesuffix("\n").split("\r")[1:]
    assert first == f"[{'#' * 15}{'.' * 15}]  50% 1,000 looked at"
    # A shorter text is padded to cover the longer one before it.
    assert second == f"[{'#' * 30}] 100% 2 looked at    "


def test_a_log_gets_occasional_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    with Progress(OutputWrapper(out)) as bar:
        bar.show(0.5, "too soon")
        monkeypatch.setattr("filehub_client.progress.LINE_INTERVAL", -1)
    with Progress(OutputWrapper(out)) as bar:
        bar.show(0.25, "1,000 looked at")
        bar.show(None, "2,000 looked at")
    assert out.getvalue() == "25% 1,000 looked at\n2,000 looked at\n"
