"""`make run` can be stopped and restarted without losing or leaving anything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.aws import free_port
from tests.support.http import send
from tests.support.installation import Installation
from tests.support.processes import ROOT
from tests.support.waiting import wait_for


@pytest.mark.exhaustive
def test_files_and_users_survive_a_restart(tmp_path: Path) -> None:
    running = Installation(tmp_path)
    running.start()
    try:
        token = running.manage("create_api_token", "demo")
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        signed = json.loads(
            send("POST", f"{running.url}/get-url", b'{"file_name": "kept.txt"}', headers).body
        )
        assert send("PUT", signed["url"], b"kept", signed["headers"]).status == 200
        path = f"{running.url}/files/{signed['id']}"
        wait_for(lambda: send("GET", path, headers=headers).status == 200)
        children = psutil.Process(running.pid).children(recursive=True)
        running.stop(signal.SIGINT)
        assert not [child for child in children if child.is_running()]
        running.start()
        assert json.loads(send("GET", path, headers=headers).body)["file_name"] == "kept.txt"
        url = json.loads(send("GET", f"{path}/download", headers=headers).body)["url"]
        assert send("GET", url).body == b"kept"
    finally:
        running.stop()
    assert "Traceback" not in running.log.read_text()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "eighty"), pytest.param("AWS_PORT", "0", marks=pytest.mark.exhaustive)],
)
def test_an_invalid_port_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.run"],
        cwd=ROOT,
        env=os.environ
        | {"PORT": str(free_port()), "AWS_PORT": str(free_port()), "LOCAL_DIR": str(tmp_path)}
        | {name: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == f"{name} must be a port number, not {value!r}."
