"""Debian's Prometheus: its tool, and a server that scrapes a site, or a text."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from local import debian
from local.aws import free_port
from tests.support.http import send
from tests.support.processes import ROOT, stop
from tests.support.waiting import wait_for

MONITORING = ROOT / "deploy/monitoring"
RULES = MONITORING / "alerts.yaml"


def programs(directory: Path) -> Path:
    """Return the folder with `prometheus` and `promtool`. Downloads them if they are missing."""
    if installed := shutil.which("promtool"):
        return Path(installed).parent
    debian.extract("prometheus", directory)
    return directory / "usr/bin"


def promtool(folder: Path, *arguments: str) -> str:
    """Run promtool; return what it printed. Fails the test if promtool fails."""
    done = subprocess.run([folder / "promtool", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> list[dict[str, Any]]:
    """The rules as they are in the file."""
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


@contextmanager
def prometheus(
    folder: Path, directory: Path, target: str, *, token: str = "", every: str = "1s"
) -> Iterator[str]:
    """Run a server that scrapes this address, and alerts at once; yield its URL.

    A scrape that takes longer than `every` counts as failed.
    """
    rules = yaml.safe_load(RULES.read_text())
    for rule in rules["groups"][0]["rules"]:
        rule.pop("for", None)
    (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
    scrape: dict[str, Any] = {
        "job_name": "filehub",
        "static_configs": [{"targets": [target]}],
    }
    if token:
        scrape["authorization"] = {"credentials": token}
    configuration = {
        "global": {
            "scrape_interval": every,
            "scrape_timeout": every,
            "evaluation_interval": "1s",
        },
        "rule_files": ["rules.yaml"],
        "scrape_configs": [scrape],
    }
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{free_port()}"
    with (directory / "log").open("w") as log:
        child = subprocess.Popen(
            [
                folder / "prometheus",
                f"--config.file={directory / 'prometheus.yaml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
            text=True,
        )
    try:
        wait_for(partial(_is_ready, address))
        yield f"http://{address}"
    finally:
        stop(child)


def _is_ready(address: str) -> bool:
    try:
        return send("GET", f"http://{address}/-/ready").status == 200
    except OSError:
        return False


def firing(url: str) -> set[str]:
    """The names of the alerts that fire now."""
    return {alert["labels"]["alertname"] for alert in query(url, "alerts")["alerts"]}


def query(url: str, path: str) -> Any:
    """The data of an answer of Prometheus's API."""
    answer = json.loads(send("GET", f"{url}/api/v1/{path}").body)
    assert answer["status"] == "success", answer
    return answer["data"]


@contextmanager
def serving(metrics: Callable[[], bytes]) -> Iterator[str]:
    """Serve these metrics; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
