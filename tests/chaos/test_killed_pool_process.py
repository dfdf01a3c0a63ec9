"""A process of the worker's pool is killed, as the kernel does when memory runs out."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.plugin import AWS_PORT
from tests.support.files import upload
from tests.support.processes import consumer as consuming
from tests.support.processes import worker
from tests.support.proxy import Proxy, Request
from tests.support.waiting import wait_for
from uploads.files import queries

pytestmark = pytest.mark.usefixtures("own_queues")

OWNER = "7"


def is_head_object(request: Request) -> bool:
    return request.method == "HEAD"


@pytest.mark.exhaustive
def test_a_killed_pool_process_loses_neither_its_task_nor_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.chaos.chaos_settings")
    with Proxy(AWS_PORT) as proxy, consuming(tmp_path):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.url)
        with worker(tmp_path) as child:
            proxy.hold(is_head_object)
            upload_id = upload(OWNER)
            wait_for(lambda: proxy.requests(is_head_object))
            (victim,) = psutil.Process(child.pid).children()
            victim.kill()
            proxy.release()
            wait_for(lambda: [i.id for i in queries.files_of(OWNER, limit=9).files] == [upload_id])
            assert child.poll() is None
    assert "Unrecoverable" not in (tmp_path / "worker.log").read_text()
