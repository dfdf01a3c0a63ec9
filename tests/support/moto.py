"""moto's server: a second implementation of S3, SQS and DynamoDB, as a process of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws import free_port
from tests.support.processes import process
from tests.support.waiting import wait_for


@contextmanager
def moto_server(log: Path) -> Iterator[str]:
    """Start moto's server on a free port; yield its URL."""
    port = free_port()
    with process("-m", "moto.server", "-H", "127.0.0.1", "-p", str(port), log=log) as child:

        def is_listening() -> bool:
            assert child.poll() is None, log.read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(is_listening)
        yield f"http://127.0.0.1:{port}"
