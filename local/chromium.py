"""Find Chromium for the browser tests, or install the system package if permitted."""

from __future__ import annotations

import shutil
import sys

from local import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of an installed Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> int:
    if find() is None:
        print("Installing Chromium …", flush=True)  # noqa: T201
        try:
            debian.install("chromium")
        except RuntimeError as exc:
            print(f"Chromium is missing. {exc}", file=sys.stderr)  # noqa: T201
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
