"""Uppy and its server Companion from npm, in the versions of benchmarks/uppy/package-lock.json."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.site import DIRECTORY, ROOT, Site, answers, shell
from benchmarks.static_page import serve_directory
from local.aws import free_port

SOURCES = ROOT / "benchmarks" / "uppy"
PACKAGES = DIRECTORY / "npm"


class BaselineMissing(Exception):
    """A baseline cannot run here. The text is the reason, for the table of results."""


def install() -> None:
    """Install the packages once for each version of the lock file. Raises BaselineMissing."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise BaselineMissing(f"{program} is not installed")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    installed = PACKAGES / ".installed"
    lock = (SOURCES / "package-lock.json").read_text()
    for source in SOURCES.iterdir():
        shutil.copy(source, PACKAGES / source.name)
    if installed.exists() and installed.read_text() == lock:
        return
    print("Installing Uppy and Companion …", flush=True)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=PACKAGES,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BaselineMissing(f"npm could not install Uppy: {done.stderr.strip()[-200:]}")
    installed.write_text(lock)


@contextmanager
def companion(site: Site, *, bucket: str, s3_url: str) -> Iterator[str]:
    """Run Companion for a bucket; yield its URL. Raises BaselineMissing."""
    install()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    files = site.directory / "companion"
    files.mkdir(exist_ok=True)
    command = f"cd {PACKAGES} && {shell('node', 'companion.mjs')}"
    with site.process(
        command,
        lambda _: answers(f"{url}/healthz"),
        PORT=str(port),
        BUCKET=bucket,
        S3_URL=s3_url,
        FILE_PATH=str(files),
        NODE_ENV="production",
    ):
        yield url


@contextmanager
def page(companion_url: str) -> Iterator[str]:
    """Serve a page with Uppy; yield its URL. With `&dashboard` added to it, it has the Dashboard.

    Raises BaselineMissing.
    """
    with serve_directory(_bundle()) as url:
        yield f"{url}?companion={companion_url}"


def _bundle() -> Path:
    """Bundle the page for a browser; return the directory with its files."""
    install()
    directory = PACKAGES / "page"
    done = subprocess.run(
        ["node_modules/.bin/esbuild", "page.js", "--bundle", "--minify",
         f"--outfile={directory}/bundle.js"],
        cwd=PACKAGES,
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode:
        raise BaselineMissing(f"Uppy could not be bundled: {done.stderr.strip()[-200:]}")
    shutil.copy(SOURCES / "index.html", directory / "index.html")
    return directory
