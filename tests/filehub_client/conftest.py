"""A token for the running installation, and both clients with short pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from filehub_client import AsyncClient, Client, Retries
from tests.support.installation import Installation

#: As many attempts as usual, without the pauses.
QUICK = Retries(first_pause=0.01, longest_pause=0.05)


@pytest.fixture(scope="session")
def token(installation: Installation) -> str:
    return installation.manage("create_api_token", "demo")


@pytest.fixture
def clean(installation: Installation) -> Iterator[Installation]:
    """The installation without faults, before and after the test."""
    installation.reset()
    yield installation
    installation.reset()
    installation.abort_unfinished()


@pytest.fixture
def client(clean: Installation, token: str) -> Iterator[Client]:
    with Client(clean.url, token=token, retries=QUICK) as client:
        yield client


@pytest.fixture(params=["threads", "asyncio"])
def call(request: pytest.FixtureRequest, clean: Installation, token: str) -> Callable[..., Any]:
    """Call a method of `Client`, or the same of `AsyncClient`: `call("upload", path)`."""

    def with_threads(method: str, *args: Any, **fields: Any) -> Any:
        with Client(clean.url, token=token, retries=QUICK) as client:
            result = getattr(client, method)(*args, **fields)
            return list(result) if method == "files" else result

    async def with_asyncio(method: str, *args: Any, **fields: Any) -> Any:
        async with AsyncClient(clean.url, token=token, retries=QUICK) as client:
            result = getattr(client, method)(*args, **fields)
            return [file async for file in result] if method == "files" else await result

    if request.param == "threads":
        return with_threads

    def in_a_loop_of_its_own(*args: Any, **fields: Any) -> Any:
        # In this thread Playwright may have a running loop.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(with_asyncio(*args, **fields))).result()

    return in_a_loop_of_its_own


@pytest.fixture
def token_file(tmp_path: Path, token: str) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{token}\n")
    return path
