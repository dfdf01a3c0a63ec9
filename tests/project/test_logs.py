"""Log lines: each on one line, without secrets and without characters that disguise others."""

from __future__ import annotations

import logging
import sys

import pytest

from filehub.logs import RedactingFormatter


def line(message: str, *arguments: object) -> str:
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, message, arguments, None)
    return RedactingFormatter("%(levelname)s %(message)s").format(record)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/files/1", "/files/1"),
        ("/a\nERROR all is lost", "/a\ufffdERROR all is lost"),
        ("/a\r\x1b[2K", "/a\ufffd\ufffd[2K"),
        ("/\u202excod.exe", "/\ufffdxcod.exe"),
        ("/\ud800", "/\ufffd"),
        ("/Übersicht", "/Übersicht"),
        ("/s3/multipart/secret/1", "/s3/multipart/…/1"),
    ],
)
def test_a_line_cannot_be_forged(path: str, shown: str) -> None:
    assert line("Not Found: %s", path) == f"INFO Not Found: {shown}"


def test_a_traceback_keeps_its_lines() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "x\ny", (), sys.exc_info())
    lines = RedactingFormatter("%(message)s").format(record).splitlines()
    assert (lines[0], lines[1]) == ("x\ufffdy", "Traceback (most recent call last):")
