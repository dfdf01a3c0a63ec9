"""The fewest requests that upload files to filehub from a browser: each signed before, none made to
wait for anything but its turn. So it shows what the browser, the proxies and the local AWS allow.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.static_page import serve_directory
from tests.support.http import send, sha256

#: Files that filehub signs in one request.
BATCH = 100


def page() -> AbstractContextManager[str]:
    """Serve the page; yield its URL. It needs the result of `sign` before files are chosen."""
    return serve_directory(Path(__file__).parent)


def sign(url: str, token: str, paths: list[Path]) -> list[dict[str, Any]]:
    """Have filehub sign one request for each file; return their `{method, url, headers}`."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    requests: list[dict[str, Any]] = []
    for start in range(0, len(paths), BATCH):
        files = [
            {
                "file_name": path.name,
                "content_type": "application/octet-stream",
                "size": path.stat().st_size,
                "sha256": sha256(path.read_bytes()),
            }
            for path in paths[start : start + BATCH]
        ]
        body = json.dumps({"files": files}).encode()
        response = send("POST", f"{url}/uploads/batch", body, headers)
        if response.status != 200:
            raise RuntimeError(f"Signing failed: {response.status} {response.body[:200]!r}")
        requests += json.loads(response.body)["results"]
    return requests
