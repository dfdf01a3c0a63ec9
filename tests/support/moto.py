"""moto's server: a second implementation of S3, SQS and DynamoDB, as a process of its own."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.aws import free_port
from tests.support.local_aws import TEMPLATE
from tests.support.processes import process
from tests.support.waiting import wait_for

#: An entry of a list that may be left out. moto inserts null instead.
_OPTIONAL_ENTRY = re.compile(r"^( +)- !If\n(?:\1 +.*\n)*?\1 +- !Ref AWS::NoValue\n", re.MULTILINE)


def template_for_moto(path: Path) -> Path:
    """Write infra/filehub.yaml without the entries of lists that are there on a condition."""
    text, removed = _OPTIONAL_ENTRY.subn("", TEMPLATE.read_text())
    assert removed
    assert "- !If\n" not in text
    path.write_text(text)
    return path


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
