"""The clients. `Client` uses threads, `AsyncClient` asyncio; both run the same flows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx

from filehub_client import config, downloads, sending, waiting
from filehub_client.api import Api
from filehub_client.drivers import CONCURRENCY, TIMEOUT, AsyncDriver, ThreadDriver
from filehub_client.flow import Flow
from filehub_client.journal import Journal
from filehub_client.local_files import LocalFile, Progress, files_in
from filehub_client.models import NOTHING, About, File, Outcome, UploadStatus
from filehub_client.retry import Retries

T = TypeVar("T")
AnyPath = str | PathLike[str]

#: Seconds until a file that has been sent should be stored.
WAIT = 120.0


class _Flows:
    """The calls of both clients, as flows."""

    def __init__(
        self,
        url: str | None,
        token: str | None,
        token_file: AnyPath | None,
        retries: Retries | None,
    ) -> None:
        path = None if token_file is None else Path(token_file)
        self.site = config.site(url, token, path)
        self.retries = retries or Retries()
        self.api = Api(self.site, self.retries)

    def upload(
        self, path: AnyPath, name: str | None, folder: str, about: About, timeout: float
    ) -> Flow[File]:
        local = Path(path)
        file = LocalFile(local, name or local.name, folder)
        options = sending.Options(self.site.url, retries=self.retries, about=about)
        (outcome,) = yield from sending.send_files(self.api, [file], options)
        if outcome.error:
            raise outcome.error
        statuses = yield from waiting.settled(self.api, [outcome.id], timeout=timeout)
        return waiting.stored_file(statuses.get(outcome.id))

    def upload_many(
        self,
        files: Iterable[LocalFile],
        state: AnyPath | None,
        options: sending.Options,
    ) -> Flow[list[Outcome]]:
        journal = Journal(None if state is None else Path(state))
        options = replace(options, site=self.site.url, retries=self.retries, journal=journal)
        outcomes = yield from sending.send_files(self.api, files, options)
        if all(outcome.error is None for outcome in outcomes):
            journal.delete()
        return outcomes

    def wait(self, ids: Sequence[str], timeout: float) -> Flow[dict[str, UploadStatus]]:
        return waiting.settled(self.api, ids, timeout=timeout)

    def download(
        self,
        file_id: str,
        to: AnyPath,
        *,
        overwrite: bool,
        keep_folder: bool,
        progress: Progress | None,
    ) -> Flow[Path]:
        options = downloads.Options(Path(to), overwrite, keep_folder, self.retries)
        options = replace(options, progress=progress or options.progress)
        return downloads.download(self.api, file_id, options)


def _local_files(
    paths: AnyPath | Iterable[AnyPath | LocalFile], folder: str
) -> Iterator[LocalFile]:
    several = [paths] if isinstance(paths, str | PathLike) else paths
    found = (path if isinstance(path, LocalFile) else Path(path) for path in several)
    return files_in(found, folder)


def _query(
    search: str, name: str, folder: str | None, tag: str, limit: int
) -> dict[str, str | int]:
    query: dict[str, str | int] = {"limit": limit}
    query |= {key: text for key, text in (("q", search), ("name", name), ("tag", tag)) if text}
    # An empty folder is the root; without one, the files of all folders are listed.
    return query if folder is None else query | {"folder": folder}


def _options(
    progress: Progress | None, on_outcome: Callable[[Outcome], None] | None, about: About
) -> sending.Options:
    options = sending.Options(about=about)
    return replace(
        options,
        progress=progress or options.progress,
        on_outcome=on_outcome or options.on_outcome,
    )


class Client:
    """A filehub site, as the user of a token sees it. Thread-safe.

    Address and token default to the environment: FILEHUB_URL, and FILEHUB_TOKEN or
    FILEHUB_TOKEN_FILE. `http` is for other proxies, certificates or time limits than httpx's own;
    it is not closed. `concurrency` is the number of requests to S3 at a time. Every method raises
    `FilehubError`.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: AnyPath | None = None,
        retries: Retries | None = None,
        concurrency: int = CONCURRENCY,
        http: httpx.Client | None = None,
    ) -> None:
        self._flows = _Flows(url, token, token_file, retries)
        self._owns_http = http is None
        self._http = http or httpx.Client(timeout=TIMEOUT)
        self._driver = ThreadDriver(self._http, concurrency)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._owns_http:
            self._http.close()

    def _run(self, flow: Flow[T]) -> T:
        return self._driver.run(flow)

    def upload(
        self,
        path: AnyPath,
        *,
        name: str | None = None,
        folder: str = "",
        about: About = NOTHING,
        timeout: float = WAIT,
    ) -> File:
        """Upload one file to a folder, and wait at most `timeout` seconds until it is stored.

        `about` has its tags, its context and its destination. Raises UploadRejected with filehub's
        reason, and NotStoredInTime.
        """
        return self._run(self._flows.upload(path, name, folder, about, timeout))

    def upload_many(
        self,
        paths: AnyPath | Iterable[AnyPath | LocalFile],
        *,
        folder: str = "",
        about: About = NOTHING,
        state: AnyPath | None = None,
        progress: Progress | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> list[Outcome]:
        """Upload files, and directories with all their files; one that fails stops no other.

        Directories become folders in `folder`; the paths of deep ones are shortened in the middle
        to what filehub accepts.

        With a file for the `state`, an upload that was interrupted goes on where it stopped when
        this is called again. `progress` gets numbers of bytes from several threads, and
        `on_outcome` each file as soon as it has ended. The files are in S3 then; `wait` tells
        when they are stored.
        """
        options = _options(progress, on_outcome, about)
        return self._run(self._flows.upload_many(_local_files(paths, folder), state, options))

    def wait(self, ids: Sequence[str], *, timeout: float = WAIT) -> dict[str, UploadStatus]:
        """Wait at most `timeout` seconds until no upload is pending; return all states by id."""
        return self._run(self._flows.wait(ids, timeout))

    def files(
        self,
        *,
        search: str = "",
        name: str = "",
        folder: str | None = None,
        tag: str = "",
        page_size: int = 200,
    ) -> Iterator[File]:
        """All stored files, newest first; requests a page (1 to 200 files) when it is needed.

        `search` is part of a name, ignoring case and accents, and `name` a whole name. Of a
        `folder` ("" is the root), they are those directly inside; with a search, a name or a tag,
        also those in its subfolders.
        """
        query = _query(search, name, folder, tag, page_size)
        while True:
            page = self._run(self._flows.api.page(query))
            yield from page.files
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    def file(self, file_id: str) -> File:
        """One stored file. Raises NotFound."""
        return self._run(self._flows.api.file(file_id))

    def download(
        self,
        file_id: str,
        to: AnyPath = ".",
        *,
        overwrite: bool = False,
        keep_folder: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """Download a file into a directory, or to a path; return its path.

        With `keep_folder`, it goes to its folder in that directory, under safe names.
        Resumes what an earlier call has left in `<id>.part`, and verifies the checksum. Raises
        FileExists unless it may `overwrite`, and ChecksumMismatch.
        """
        flow = self._flows.download(
            file_id, to, overwrite=overwrite, keep_folder=keep_folder, progress=progress
        )
        return self._run(flow)

    def delete(self, file_id: str) -> None:
        """Permanently delete a file (not to the trash).

        It disappears from the list within seconds. Raises NotFound.
        """
        self._run(self._flows.api.delete(file_id))


class AsyncClient:
    """`Client` for asyncio: the same arguments and methods, to be awaited."""

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        token_file: AnyPath | None = None,
        retries: Retries | None = None,
        concurrency: int = CONCURRENCY,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._flows = _Flows(url, token, token_file, retries)
        self._owns_http = http is None
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT)
        self._driver = AsyncDriver(self._http, concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._owns_http:
            await self._http.aclose()

    async def _run(self, flow: Flow[T]) -> T:
        return await self._driver.run(flow)

    async def upload(
        self,
        path: AnyPath,
        *,
        name: str | None = None,
        folder: str = "",
        about: About = NOTHING,
        timeout: float = WAIT,
    ) -> File:
        """As `Client.upload`."""
        return await self._run(self._flows.upload(path, name, folder, about, timeout))

    async def upload_many(
        self,
        paths: AnyPath | Iterable[AnyPath | LocalFile],
        *,
        folder: str = "",
        about: About = NOTHING,
        state: AnyPath | None = None,
        progress: Progress | None = None,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> list[Outcome]:
        """As `Client.upload_many`; `progress` is called by several threads here, too."""
        options = _options(progress, on_outcome, about)
        return await self._run(self._flows.upload_many(_local_files(paths, folder), state, options))

    async def wait(self, ids: Sequence[str], *, timeout: float = WAIT) -> dict[str, UploadStatus]:
        """As `Client.wait`."""
        return await self._run(self._flows.wait(ids, timeout))

    async def files(
        self,
        *,
        search: str = "",
        name: str = "",
        folder: str | None = None,
        tag: str = "",
        page_size: int = 200,
    ) -> AsyncIterator[File]:
        """As `Client.files`, for `async for`."""
        query = _query(search, name, folder, tag, page_size)
        while True:
            page = await self._run(self._flows.api.page(query))
            for file in page.files:
                yield file
            if not page.next_cursor:
                return
            query["cursor"] = page.next_cursor

    async def file(self, file_id: str) -> File:
        """As `Client.file`."""
        return await self._run(self._flows.api.file(file_id))

    async def download(
        self,
        file_id: str,
        to: AnyPath = ".",
        *,
        overwrite: bool = False,
        keep_folder: bool = False,
        progress: Progress | None = None,
    ) -> Path:
        """As `Client.download`."""
        flow = self._flows.download(
            file_id, to, overwrite=overwrite, keep_folder=keep_folder, progress=progress
        )
        return await self._run(flow)

    async def delete(self, file_id: str) -> None:
        """As `Client.delete`."""
        await self._run(self._flows.api.delete(file_id))
