"""Debian's clamd, with a signature database of a single test signature."""

from __future__ import annotations

import io
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path

import pytest
from pytest_django import Settings

from local import debian
from tests.support.waiting import wait_for
from uploads.operations.doctor import scanner
from uploads.scanning import clamd as client
from uploads.scanning import verdict
from uploads.scanning.clamd import EICAR, Answer
from uploads.scanning.errors import ScannerUnavailable

pytestmark = pytest.mark.exhaustive

CONFIGURATION = """
Foreground yes
LocalSocket {folder}/clamd.ctl
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
LogFile {folder}/clamd.log
StreamMaxLength 2M
MaxFileSize 1M
MaxScanSize 4M
AlertExceedsMax yes
AlertEncrypted yes
ConcurrentDatabaseReload no
"""


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A clamd that knows EICAR and nothing else: real signatures are 300 MB."""
    if shutil.which("clamd") is None:
        debian.install("clamav-daemon")
    # The path of a socket is at most 107 bytes.
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "signatures").mkdir()
    digest = md5(EICAR, usedforsecurity=False).hexdigest()
    (folder / "signatures" / "test.hdb").write_text(f"{digest}:{len(EICAR)}:Test.Eicar\n")
    (folder / "clamd.conf").write_text(CONFIGURATION.format(folder=folder))
    process = subprocess.Popen(
        ["clamd", "--config-file", str(folder / "clamd.conf")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: (folder / "clamd.ctl").exists() or process.poll() is not None)
        assert process.poll() is None, (folder / "clamd.log").read_text()
        yield folder / "clamd.ctl"
    finally:
        process.terminate()
        process.wait(20)


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
