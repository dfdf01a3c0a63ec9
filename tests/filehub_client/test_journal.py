"""The state file of an upload."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from filehub_client import LocalFileError
from filehub_client.journal import Entry, Journal, Key
from filehub_client.models import PartsPlan

KEY = Key("https://a.example", "/tmp/gr\udcf6\udcdfe", "größe", "Photos/2024", 10, 123)
OTHER = Key("https://a.example", "/tmp/b", "b", "", 10, 123)
PLAN = PartsPlan("id", "token", 5, 2)


def test_the_last_entry_of_each_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.jsonl"
    journal = Journal(path)
    journal.record(KEY, Entry("id", plan=PLAN))
    journal.record(OTHER, Entry("other"))
    assert Journal(path).entries() == {KEY: Entry("id", plan=PLAN), OTHER: Entry("other")}
    journal.record(KEY, Entry("id", is_sent=True))
    journal.forget(OTHER)
    assert Journal(path).entries() == {KEY: Entry("id", is_sent=True)}
    journal.delete()
    assert Journal(path).entries() == {}
    journal.delete()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.jsonl"
    before = os.umask(0)
    try:
        Journal(path).record(KEY, Entry("id", plan=PLAN))
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)]
    assert modes == [0o600, 0o700]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_killed_process_loses_at_most_the_last_line(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "state.jsonl"
    journal = Journal(path)
    journal.record(KEY, Entry("id"))
    journal.record(OTHER, Entry("other"))
    path.write_bytes(path.read_bytes()[: -cut - 1])
    reopened = Journal(path)
    assert reopened.entries() == {KEY: Entry("id")}
    # What is appended to the unfinished line is not lost with it.
    reopened.record(OTHER, Entry("again"))
    assert Journal(path).entries() == {KEY: Entry("id"), OTHER: Entry("again")}


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\x00", b"[]", b"{}", b"null", b'{"key": {}, "entry": null}', b"[" * 100_000,
        b'{"key": {"site": "a"}, "entry": {"id": "x"}}', b'{"key": 1, "entry": 2}',
    ],
)  # fmt: skip
def test_lines_of_others_are_ignored(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "state.jsonl"
    Journal(path).record(KEY, Entry("id"))
    path.write_bytes(path.read_bytes() + line + b"\n")
    assert Journal(path).entries() == {KEY: Entry("id")}


def test_a_file_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LocalFileError, match="state file"):
        Journal(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalFileError, match="state file"):
        Journal(tmp_path / "file" / "state").record(KEY, Entry("id"))
