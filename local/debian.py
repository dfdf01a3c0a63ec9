"""Install the Debian packages that a target of make needs, if the user has permission to."""

from __future__ import annotations

import os
import shutil
import subprocess


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
