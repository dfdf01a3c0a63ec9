"""A provider of single sign-on as a process of its own, which behaves well.

Installations of the tests name it as theirs, although it runs only for the tests that sign in
there. tests/support/oidc.py has one that misbehaves.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.aws import free_port
from tests.support.http import send
from tests.support.processes import stop
from tests.support.waiting import wait_for

_PORT = free_port()
#: Another site for browsers than that of the installation, which is at localhost.
ISSUER = f"http://127.0.0.1:{_PORT}"
SETTINGS = {
    "FILEHUB_OIDC_ISSUER": ISSUER,
    "FILEHUB_OIDC_CLIENT_ID": "filehub",
    "FILEHUB_OIDC_CLIENT_SECRET": "a-secret-for-the-tests",
    "FILEHUB_OIDC_BUTTON": "Sign in with Example",
    "FILEHUB_OIDC_STAFF": "files-admins",
}


@contextmanager
def provider(log: Path, *users: dict[str, Any]) -> Iterator[None]:
    """Run oidc-provider-mock with these users, each a dict of claims with `sub`."""
    module = [sys.executable, "-m", "oidc_provider_mock", "--port", str(_PORT), "--require-nonce"]
    arguments = [part for user in users for part in ("--user-claims", json.dumps(user))]
    with _running([*module, *arguments], log):
        yield


@contextmanager
def certified_provider(log: Path, url: str) -> Iterator[None]:
    """Run the npm package oidc-provider, for a filehub at this URL. It needs node."""
    script = Path(__file__).parents[1] / "browser" / "sso-provider.mjs"
    return_to = (f"{url}/accounts/sso/callback", f"{url}/accounts/login/")
    with _running(["node", str(script), str(_PORT), *return_to], log):
        yield


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[None]:
    with log.open("a") as output:
        child = subprocess.Popen(command, stdout=output, stderr=output, text=True)

    def is_ready() -> bool:
        assert child.poll() is None, log.read_text()
        try:
            return send("GET", f"{ISSUER}/.well-known/openid-configuration").status == 200
        except OSError:
            return False

    try:
        wait_for(is_ready)
        yield
    finally:
        stop(child)
