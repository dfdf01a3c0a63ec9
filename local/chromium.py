"""Find Chromium for the browser tests, or install the system package if permitted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of an installed Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Debian's package. Raises RuntimeError if that is not possible."""
    if shutil.which("apt-get") is None:
        raise RuntimeError("Chromium is missing. Install it with your system's package manager.")
    prefix: list[str] = []
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True).returncode:
            raise RuntimeError(
                "Chromium is missing, and you do not have permission to install it. "
                "Ask an administrator to run: apt-get install chromium"
            )
        prefix = [sudo, "-n"]
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
        done = subprocess.run(
            [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *arguments],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"apt-get {arguments[0]} failed:\n{done.stderr.strip()}")


def main() -> int:
    if find() is None:
        print("Installing Chromium …", flush=True)  # noqa: T201
        try:
            install()
        except RuntimeError as exc:
            print(exc, file=sys.stderr)  # noqa: T201
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
