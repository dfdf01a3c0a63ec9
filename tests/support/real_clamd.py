"""Debian's clamd, with a signature database of a single test signature: real ones are 300 MB."""

from __future__ import annotations

import shutil
import subprocess
from hashlib import md5
from pathlib import Path

from local import debian
from tests.support.waiting import wait_for
from uploads.scanning.clamd import EICAR

CONFIGURATION = """
Foreground yes
LocalSocket {folder}/clamd.ctl
DatabaseDirectory {folder}/signatures
TemporaryDirectory {folder}
LogFile {folder}/clamd.log
StreamMaxLength {stream}M
MaxFileSize {file}M
MaxScanSize 64M
AlertExceedsMax {alerts}
AlertEncrypted {alerts}
ConcurrentDatabaseReload no
"""


class RealClamd:
    """A clamd that finds EICAR and nothing else. `folder` has a short path, for its socket."""

    def __init__(
        self, folder: Path, *, stream_mib: int = 64, file_mib: int = 64, alerts: str = "yes"
    ) -> None:
        self.socket = folder / "clamd.ctl"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        if shutil.which("clamd") is None:
            debian.install("clamav-daemon")
        (folder / "signatures").mkdir()
        digest = md5(EICAR, usedforsecurity=False).hexdigest()
        (folder / "signatures" / "test.hdb").write_text(f"{digest}:{len(EICAR)}:Test.Eicar\n")
        (folder / "clamd.conf").write_text(
            CONFIGURATION.format(folder=folder, stream=stream_mib, file=file_mib, alerts=alerts)
        )

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        process = self._process = subprocess.Popen(
            ["clamd", "--config-file", str(self._folder / "clamd.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: self.socket.exists() or process.poll() is not None)
        assert process.poll() is None, (self._folder / "clamd.log").read_text()

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
