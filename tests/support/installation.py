"""filehub as `make run` starts it, with proxies in front of it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from boto3.dynamodb.conditions import Attr

from local.aws import free_port
from tests.support.http import send
from tests.support.processes import ROOT
from tests.support.proxy import Proxy
from tests.support.users import PASSWORD
from tests.support.waiting import wait_for

#: Bytes: files above the threshold are uploaded in parts of that size.
THRESHOLD = 8 * 1024**2
SMALL_PART = 5 * 1024**2


#: Only for the members of a group, so that other users' pages are without them.
DESTINATIONS = {
    "photos": {
        "label": "Photo archive", "types": "image/*", "max_size": 1_000_000, "who": ["press"],
        "folder": "Archive",
    },
    "handover": {"keep_days": 7, "who": ["press"]},
}  # fmt: skip


class Installation:
    """filehub as `make run` starts it, with a proxy in front of the web and one in front of S3.

    All requests to S3 go through its proxy, presigned ones and those of the processes.
    """

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.port, self.aws_port = free_port(), free_port()
        self.web, self.s3 = Proxy(self.port, host="localhost"), Proxy(self.aws_port)
        self.url = self.web.url
        self.log = directory / "run.log"
        #: The cookies of a signed-in browser, if there is one.
        self.session: Any = None
        self._environment = environment
        self._child: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.directory.mkdir(exist_ok=True)
        self.web.start()
        self.s3.start()
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FILEHUB_", "DJANGO_", "AWS_", "DATABASE_"))
        }
        environment |= {
            "PORT": str(self.port),
            "AWS_PORT": str(self.aws_port),
            "LOCAL_DIR": str(self.directory / "local"),
            "DEMO_PASSWORD": PASSWORD,
            "AWS_ENDPOINT_URL_S3": self.s3.url,
            # The page's origin is what the browser sees.
            "FILEHUB_CORS_ORIGINS": f"{self.url},http://localhost:{self.port}",
        } | self._environment
        with self.log.open("a") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "local.run"],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=output,
                text=True,
            )
        wait_for(self._is_ready, 120)
        self.reset()

    def reset(self) -> None:
        """Remove all faults and clear the logs."""
        self.web.reset()
        self.s3.reset()

    @cached_property
    def bucket(self) -> Any:
        """The bucket itself, past the proxy."""
        return boto3.resource(
            "s3", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.aws_port}"
        ).Bucket("filehub-uploads")

    def remove_folders(self) -> None:
        """Remove all folders, but not the files in them: lists begin with folders, so a test would
        not see its files below those of others.
        """
        table = boto3.resource(
            "dynamodb", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{self.aws_port}"
        ).Table("files")
        found = table.scan(
            ProjectionExpression="id", FilterExpression=Attr("id").begins_with("folder#")
        )
        for item in found["Items"]:
            table.delete_item(Key=item)

    def abort_unfinished(self) -> None:
        """Abort all unfinished uploads in parts."""
        for upload in self.bucket.multipart_uploads.all():
            # It may end between the listing and the abort.
            with suppress(upload.meta.client.exceptions.NoSuchUpload):
                upload.abort()

    @cached_property
    def _headers(self) -> dict[str, str]:
        token = self.manage("create_api_token", "demo")
        return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def create_user(self, name: str, group: str = "") -> None:
        """Create another user, with the password of the demo user, perhaps in a group."""
        self.manage(
            "shell",
            "--no-imports",
            "-c",
            "from django.contrib.auth.models import Group, User; "
            f"user = User.objects.create_user({name!r}, password={PASSWORD!r}); "
            f"{group!r} and user.groups.add(Group.objects.get_or_create(name={group!r})[0])",
        )

    def api(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Call the API as the demo user, past the proxy; return the parsed response."""
        url = f"http://localhost:{self.port}{path}"
        response = send(
            method, url, None if body is None else json.dumps(body).encode(), self._headers
        )
        assert response.status < 300, (response.status, response.body)
        return json.loads(response.body) if response.body else None

    def files(self, term: str = "", folder: str | None = None) -> list[dict[str, Any]]:
        """All files of the demo user whose names contain this, newest first; of one folder
        if given.

        Without a term, a folder has only what is directly inside.
        """
        files: list[dict[str, Any]] = []
        path = f"/files?limit=100&q={quote(term)}"
        path += "" if folder is None else f"&folder={quote(folder)}"
        while path:
            response = send("GET", f"http://localhost:{self.port}{path}", headers=self._headers)
            assert response.status == 200, response.body
            files += json.loads(response.body)
            link = re.match(r'<([^>]*)>; rel="next"', response.headers.get("Link", ""))
            path = link[1].removeprefix(f"http://localhost:{self.port}") if link else ""
        return files

    def download(self, file_id: str) -> bytes:
        return send("GET", self.api(f"/files/{file_id}/download")["url"]).body

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def _is_ready(self) -> bool:
        assert self._child is not None
        assert self._child.poll() is None, self.log.read_text()
        try:
            return send("GET", f"{self.url}/readyz").status == 200
        except OSError:
            return False

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self._child is not None:
            if self._child.poll() is None:
                self._child.send_signal(signum)
            self._child.wait(90)
        self.web.stop()
        self.s3.stop()

    def manage(self, *arguments: str) -> str:
        """Run a manage.py command as the README does: with `.local/env` loaded."""
        script = f'. "{self.directory}/local/env" && exec "{sys.executable}" manage.py "$@"'
        done = subprocess.run(
            ["sh", "-c", script, "manage", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextmanager
def with_small_parts(directory: Path, **environment: str) -> Iterator[Installation]:
    running = Installation(
        directory,
        FILEHUB_MULTIPART_THRESHOLD=str(THRESHOLD),
        FILEHUB_PART_SIZE=str(SMALL_PART),
        FILEHUB_DESTINATIONS=json.dumps(DESTINATIONS),
        **environment,
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()
