"""What a result was measured on: the processor, the versions, and the commit."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from local import chromium

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("Django", "granian", "celery", "boto3", "pynamodb", "ministack")


def describe() -> dict[str, str]:
    """Names and values for the result file."""
    browser = chromium.find()
    npm = json.loads((ROOT / "benchmarks" / "uppy" / "package.json").read_text())["dependencies"]
    return {
        "processor": _processor(),
        "processors": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "system": platform.platform(),
        "commit": _output("git", "describe", "--always", "--dirty"),
        "python": platform.python_version(),
        "node": _output("node", "--version"),
        "chromium": _output(browser, "--version") if browser else "",
        **{name: version(name) for name in PACKAGES},
        **npm,
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _output(program: str, *arguments: str) -> str:
    """The output of a command; "" if there is no such program."""
    if shutil.which(program) is None:
        return ""
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()
