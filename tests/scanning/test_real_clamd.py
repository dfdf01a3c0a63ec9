"""The client of clamd, and doctor, with Debian's clamd (tests/support/real_clamd.py)."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.support.real_clamd import RealClamd
from uploads.operations.doctor import scanner
from uploads.scanning import clamd as client
from uploads.scanning import verdict
from uploads.scanning.clamd import EICAR, Answer
from uploads.scanning.errors import ScannerUnavailable

pytestmark = pytest.mark.exhaustive


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clamd that knows EICAR and nothing else."""
    clamd = RealClamd(tmp_path_factory.mktemp("clamd"), stream_mib=2, file_mib=1)
    clamd.start()
    yield clamd.socket
    clamd.stop()


@pytest.fixture(autouse=True)
def real_scanner(settings: Settings, socket: Path) -> None:
    settings.FILEHUB = {**settings.FILEHUB, "SCAN": "clamd", "CLAMD": f"unix://{socket}"}


def scan(*chunks: bytes) -> Answer:
    return client.scan(chunks, deadline=time.monotonic() + 60)


def test_it_finds_the_test_file_also_in_an_archive() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("inner.com", EICAR)
    # clamd marks signatures that are not ClamAV's own.
    found = Answer("infected", verdict.infected("Test.Eicar.UNOFFICIAL"))
    assert scan(EICAR[:20], EICAR[20:]) == found
    assert scan(archive.getvalue()) == found
    assert scan(b"harmless") == Answer("clean")
    assert client.version().startswith("ClamAV ")


def test_what_it_does_not_read_is_not_clean() -> None:
    """Streams above StreamMaxLength and above MaxFileSize: of the latter, it says OK by default."""
    chunk = b"x" * 256 * 1024
    assert scan(*[chunk] * 40) == Answer("unknown", verdict.TOO_LARGE)
    assert scan(*[chunk] * 6) == Answer("unknown", verdict.TOO_LARGE)


def test_doctor_sends_the_test_file(settings: Settings) -> None:
    (finding,) = scanner.inspect()
    assert (finding.level, "Test.Eicar" in finding.text) == ("ok", True)
    settings.FILEHUB = {**settings.FILEHUB, "CLAMD": "tcp://127.0.0.1:1"}
    (finding,) = scanner.inspect()
    assert finding.level == "FAIL"
    with pytest.raises(ScannerUnavailable):
        client.version()


def test_doctor_warns_if_encrypted_files_are_called_clean(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clamd = RealClamd(tmp_path_factory.mktemp("clamd"), alerts="no")
    clamd.start()
    try:
        settings.FILEHUB = {**settings.FILEHUB, "CLAMD": f"unix://{clamd.socket}"}
        (finding,) = scanner.inspect()
    finally:
        clamd.stop()
    assert (finding.level, "FILEHUB_SCAN_UNKNOWN=hold" in finding.text) == ("warn", True)
