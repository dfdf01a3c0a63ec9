"""Uppy from npm, in the versions of `five/` and `six/`, bundled with a script as integrators do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
VERSIONS = ("five", "six")


def install(version: str) -> Path:
    """Install the packages once for each lock file; return the directory. Skips if it cannot."""
    directory = ROOT / ".local" / "uppy" / version
    directory.mkdir(parents=True, exist_ok=True)
    lock = (HERE / version / "package-lock.json").read_text()
    installed = directory / ".installed"
    if installed.exists() and installed.read_text() == lock:
        return directory
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, so Uppy cannot be tested")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / version / name, directory / name)
    done = run(directory, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    if done.returncode:
        pytest.skip(f"npm could not install Uppy, perhaps offline: {done.stderr.strip()[-300:]}")
    installed.write_text(lock)
    return directory


def bundle(version: str, script: str, name: str) -> dict[str, bytes]:
    """Bundle a script with the packages; return the files for the browser, by their names.

    filehub's own modules are left out of the bundle: the site serves them.
    """
    directory = install(version)
    source = directory / f"{name}.js"
    styles = 'import "@uppy/core/css/style.min.css";\nimport "@uppy/dashboard/css/style.min.css";\n'
    source.write_text(styles + script)
    done = run(
        directory, "node_modules/.bin/esbuild", source.name, "--bundle", "--format=esm",
        "--external:/static/*", "--log-level=error", f"--outdir=out/{name}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {f"{name}.{kind}": (directory / "out" / name / f"{name}.{kind}").read_bytes()
            for kind in ("js", "css")}  # fmt: skip


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=directory, capture_output=True, text=True)
