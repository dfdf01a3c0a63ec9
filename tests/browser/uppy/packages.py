"""Uppy from npm, in the versions of `five/` and `six/`, bundled with a script as integrators do."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
VERSIONS = ("five", "six")


def install(version: str) -> Path:
    """Install the packages once for each lock file; return the directory."""
    directory = ROOT / ".local" / "uppy" / version
    directory.mkdir(parents=True, exist_ok=True)
    lock = (HERE / version / "package-lock.json").read_text()
    installed = directory / ".installed"
    if installed.exists() and installed.read_text() == lock:
        return directory
    assert shutil.which("npm"), "npm is missing, so Uppy cannot be tested: install node"
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / version / name, directory / name)
    done = run(directory, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    assert done.returncode == 0, f"npm could not install Uppy: {done.stderr.strip()[-300:]}"
    installed.write_text(lock)
    return directory


@dataclass(frozen=True)
class Bundle:
    """The two files that a page loads."""

    script: bytes
    style: bytes


def bundle(version: str, script: str) -> Bundle:
    """Bundle a script with the packages. filehub's modules are left out: the site serves them."""
    directory = install(version)
    styles = 'import "@uppy/core/css/style.min.css";\nimport "@uppy/dashboard/css/style.min.css";\n'
    with tempfile.TemporaryDirectory() as output:
        done = run(
            directory, "node_modules/.bin/esbuild", "--bundle", "--format=esm",
            "--external:/static/*", "--log-level=error", f"--outdir={output}", text=styles + script,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return Bundle(*((Path(output) / f"stdin.{kind}").read_bytes() for kind in ("js", "css")))


def run(directory: Path, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, input=text, capture_output=True, text=True)
