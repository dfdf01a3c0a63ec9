"""Get the Debian packages that a target of make needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def extract(package: str, directory: Path) -> None:
    """Download a package and extract its files, without installing it, so without its services.

    Raises RuntimeError, which says what to do, if that is impossible.
    """
    if shutil.which("apt-get") is None:
        raise RuntimeError(f"Install {package} with your system's package manager.")
    _run(directory, "apt-get", "-qq", "download", package)
    _run(directory, "dpkg-deb", "-x", *map(str, directory.glob("*.deb")), ".")


def _run(directory: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


def install(*packages: str) -> None:
    """Install these packages. Raises RuntimeError, which says what to do, if that is impossible."""
    names = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise RuntimeError(f"Install {names} with your system's package manager.")
    prefix: list[str] = []
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True).returncode:
            raise RuntimeError(
                "You do not have permission to install packages. "
                f"Ask an administrator to run: apt-get install {names}"
            )
        prefix = [sudo, "-n"]
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *arguments],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"apt-get {arguments[0]} failed:\n{done.stderr.strip()}")
