"""Uploads in Chromium: filehub's page beside Uppy, `curl -T` and boto3."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

from benchmarks import pages
from benchmarks.figures import Row, Target, at_least, at_most
from benchmarks.pages import BARE, CONFIRMING, CORE, DASHBOARD, FILEHUB, MIB, Measured, Pages
from benchmarks.site import ROOT, Site
from benchmarks.turns import Effort, in_turns
from tests.support.waiting import wait_for
from uploads.aws import clients
from uploads.files import queries

CURL, BOTO3 = "curl -T", "boto3 upload_file"
#: Seconds for a round trip on the connections that are called slow.
ROUND_TRIP = 0.05
OWNER = "1"


@dataclass(frozen=True)
class Case:
    """Some files of the same size in bytes, and the targets beside each other program."""

    name: str
    count: int
    size: int
    targets: dict[str, Target]
    in_parts: bool = False
    latency: float = 0.0


SMALL = {DASHBOARD: at_least(1.5), CORE: at_least(0.8)}
MEDIUM = {DASHBOARD: at_least(1.3), CORE: at_least(0.9)}
CASES = (
    Case("500 × 10 KiB", 500, 10 * 1024, SMALL),
    Case("500 × 10 KiB, 50 ms", 500, 10 * 1024, SMALL, latency=ROUND_TRIP),
    Case("40 × 5 MiB", 40, 5 * MIB, MEDIUM),
    Case("40 × 5 MiB, 50 ms", 40, 5 * MIB, MEDIUM, latency=ROUND_TRIP),
    Case("512 MiB", 1, 512 * MIB, {CURL: at_least(0.7)}, in_parts=True),
    Case("512 MiB, 50 ms", 1, 512 * MIB, {DASHBOARD: at_least(3.0), CORE: at_least(3.0)},
         in_parts=True, latency=ROUND_TRIP),
)  # fmt: skip


def run(site: Site, effort: Effort) -> list[Row]:
    """Measure all cases. With a small scale there are fewer files, but none in parts is smaller."""
    rows: list[Row] = []
    with pages.serve(site) as served:
        for case in CASES:
            count = effort.scaled(case.count)
            served.set_latency(case.latency)
            programs = _programs(site, served, case, count)
            measured = in_turns(effort.rounds, programs, warm_up=case is CASES[0])
            rows += _speeds(case, count, measured, served.missing)
            if case is CASES[0]:
                rows += _main_thread(count, measured)
    return rows


def _programs(
    site: Site, served: Pages, case: Case, count: int
) -> dict[str, Callable[[], Measured]]:
    def in_browser(name: str) -> Callable[[], Measured]:
        def program() -> Measured:
            paths = pages.make_files(site.directory / secrets.token_hex(4), count, case.size)
            try:
                measured = served.upload(name, paths, in_parts=case.in_parts)
                _check(name, served, paths)
            finally:
                shutil.rmtree(paths[0].parent)
            return measured

        return program

    left_out = {BARE} if case.in_parts else set()
    if case is not CASES[0]:
        left_out.add(CONFIRMING)
    programs = {name: in_browser(name) for name in served.urls if name not in left_out}
    if case.in_parts:
        programs |= {
            name: _from_shell(site, served, case, upload)
            for name, upload in {CURL: _curl, BOTO3: _boto3}.items()
        }
    return programs


def _from_shell(
    site: Site, served: Pages, case: Case, upload: Callable[[Pages, Path], float]
) -> Callable[[], Measured]:
    def program() -> Measured:
        [path] = pages.make_files(site.directory / secrets.token_hex(4), 1, case.size)
        try:
            seconds = upload(served, path)
            _check(CURL, served, [path])
        finally:
            shutil.rmtree(path.parent)
        return Measured(seconds, 0, 0)

    return program


def _curl(served: Pages, path: Path) -> float:
    # A client of its own, because the address of the proxy has to be signed.
    client = boto3.client("s3", endpoint_url=served.s3.url, config=Config(signature_version="s3v4"))
    url = client.generate_presigned_url(
        "put_object", Params={"Bucket": served.uppy_bucket, "Key": path.name}
    )
    began = time.perf_counter()
    subprocess.run(["curl", "--fail", "--silent", "--show-error", "-T", str(path), url], check=True)
    return time.perf_counter() - began


def _boto3(served: Pages, path: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.boto3_upload",
         served.s3.url, served.uppy_bucket, str(path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


def _check(name: str, served: Pages, paths: list[Path]) -> None:
    """Wait until every file is where the program puts it; the clock has stopped before."""
    expected = {path.name: path.stat().st_size for path in paths}
    prefix = paths[0].name.partition("-")[0]
    is_own = name in {FILEHUB, CONFIRMING, BARE}
    stored = _listed if is_own else lambda _: _objects(served.uppy_bucket, prefix)
    wait_for(lambda: stored(prefix) == expected, timeout=120, every=0.5)


def _listed(prefix: str) -> dict[str, int]:
    """Names and sizes of the files in filehub whose names start with this."""
    found: dict[str, int] = {}
    cursor: str | None = None
    while True:
        page = queries.files_of(OWNER, limit=100, cursor=cursor, search=prefix)
        found |= {info.file_name: info.size for info in page.files}
        cursor = page.next_cursor
        if cursor is None:
            return found


def _objects(bucket: str, prefix: str) -> dict[str, int]:
    """The same for a bucket whose keys end with the names; Companion puts an id before them."""
    found: dict[str, int] = {}
    for page in clients.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            start = entry["Key"].find(f"{prefix}-")
            if start >= 0:
                found[entry["Key"][start:]] = entry["Size"]
    return found


def _speeds(
    case: Case, count: int, measured: dict[str, tuple[Measured, ...]], missing: str
) -> list[Row]:
    """filehub's speed beside each other program, in files or in megabytes per second."""
    amount, unit = (count, "files/s") if count > 1 else (case.size / 1e6, "MB/s")
    speeds = {
        name: tuple(amount / one.seconds for one in several) for name, several in measured.items()
    }
    others = (DASHBOARD, CORE, *((CURL, BOTO3) if case.in_parts else (BARE,)))
    rows = [
        Row(f"{case.name} / {other}", unit, speeds[FILEHUB], other, speeds[other],
            case.targets.get(other))
        if other in speeds
        else Row(f"{case.name} / {other}", unit, baseline=other, target=case.targets.get(other),
                 missing=missing)
        for other in others
    ]  # fmt: skip
    if CONFIRMING in speeds:
        name = f"{case.name}, confirming"
        rows += [
            Row(f"{name} / {other}", unit, speeds[CONFIRMING], other, speeds[other])
            for other in (DASHBOARD, CORE)
            if other in speeds
        ]
    return rows


def _main_thread(count: int, measured: dict[str, tuple[Measured, ...]]) -> list[Row]:
    """What the page's main thread does for each file, its confirmation included.

    The figures of Uppy, and of a page that only sends the requests, are shown for comparison.
    """
    rows = []
    for name in (CONFIRMING, *(name for name in measured if name not in {FILEHUB, CONFIRMING})):
        several = measured[name]
        is_own = name == CONFIRMING
        work = tuple(one.main_thread * 1000 / count for one in several)
        longest = tuple(one.longest_task for one in several)
        rows += [
            Row(f"main thread per file, {name}", "ms", work, target=at_most(8) if is_own else None),
            Row(f"longest task over 50 ms, {name}", "ms", longest,
                target=at_most(0) if is_own else None),
        ]  # fmt: skip
    return rows
