"""The protocol of clamd, with a scanner that dies, stalls, refuses and answers late."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.support.clamd import FakeClamd, die
from uploads.core import conf
from uploads.core.conf import InvalidSettings
from uploads.scanning import clamd as client
from uploads.scanning import verdict
from uploads.scanning.clamd import EICAR, Answer
from uploads.scanning.errors import ScannerUnavailable

pytestmark = pytest.mark.usefixtures("scanning")


def scan(*chunks: bytes, seconds: float = 20) -> Answer:
    return client.scan(chunks, deadline=time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("stream: OK", Answer("clean")),
        ("stream: Eicar FOUND", Answer("infected", verdict.infected("Eicar"))),
        ("stream: A FOUND FOUND", Answer("infected", verdict.infected("A FOUND"))),
        ("INSTREAM size limit exceeded. ERROR", Answer("unknown", verdict.TOO_LARGE)),
        (
            "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND",
            Answer("unknown", verdict.TOO_LARGE),
        ),
        ("stream: Heuristics.Encrypted.Zip FOUND", Answer("unknown", verdict.ENCRYPTED)),
    ],
)
def test_answers(answer: str, expected: Answer) -> None:
    assert client.parse(answer) == expected


@pytest.mark.parametrize("answer", ["", "stream: ", "OK?", "stream: Can't allocate memory ERROR"])
def test_what_is_no_verdict_is_never_clean(answer: str) -> None:
    with pytest.raises(ScannerUnavailable):
        client.parse(answer)


def test_a_file_is_sent_in_pieces(clamd: FakeClamd) -> None:
    half = len(EICAR) // 2
    assert scan(b"x" * client.CHUNK * 2, EICAR[:half], b"", EICAR[half:]).kind == "infected"
    assert scan(b"harmless").kind == "clean"
    assert scan().kind == "clean"
    assert clamd.files == [client.CHUNK * 2 + len(EICAR), 8, 0]
    assert client.version() == "ClamAV 1.4.3/27800/today"


def test_a_scanner_that_stops_listening_says_why(clamd: FakeClamd) -> None:
    clamd.refuses_with = b"INSTREAM size limit exceeded. ERROR"
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += client.CHUNK
            yield b"x" * client.CHUNK

    answer = client.scan(endless(), deadline=time.monotonic() + 20)
    assert answer == Answer("unknown", verdict.TOO_LARGE)
    assert sent < 100 * client.CHUNK


def test_a_scanner_that_dies_has_found_nothing(clamd: FakeClamd) -> None:
    for answer in (die, lambda _: b""):
        clamd.answer = answer
        with pytest.raises(ScannerUnavailable):
            scan(EICAR)


def test_a_scanner_that_stalls_is_given_up_in_time(clamd: FakeClamd) -> None:
    clamd.may_answer.clear()
    with pytest.raises(ScannerUnavailable):
        scan(b"hello", seconds=0.3)
    assert clamd.has_read.wait(60)


def test_a_scanner_that_is_not_there(settings: Settings, clamd: FakeClamd) -> None:
    for url in ("tcp://127.0.0.1:1", "unix:///nowhere/clamd.ctl"):
        settings.FILEHUB = {**settings.FILEHUB, "CLAMD": url}
        with pytest.raises(ScannerUnavailable):
            client.version()


@pytest.mark.parametrize(
    "value", ["127.0.0.1:3310", "tcp://host", "tcp://:1", "tcp://h:x", "unix://", "unix://h/p", ""]
)
def test_what_is_no_address_of_clamd(value: str) -> None:
    with pytest.raises(InvalidSettings):
        conf.validate({"CLAMD": value})
