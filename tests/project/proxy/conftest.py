"""The fault proxy in front of a server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.project.proxy.server import Talk, Upstream
from tests.support.proxy import Proxy


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    with Proxy(upstream.server_address[1]) as proxy:
        yield proxy


@pytest.fixture
def talk(proxy: Proxy) -> Iterator[Talk]:
    talk = Talk(proxy)
    yield talk
    talk.connection.close()
