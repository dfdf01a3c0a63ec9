"""An installation whose requests to AWS are counted, those of all processes and clients."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from benchmarks.cost import recorder
from benchmarks.cost.meter import Meter
from benchmarks.site import Site
from tests.support.proxy import Proxy
from uploads.core.limits import S3_MIN_PART_SIZE


class CountedSite(Site):
    """A proxy stands before the local AWS. This process is the web, by Django's test client."""

    def __enter__(self) -> CountedSite:
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._proxy.stop()

    def _set_environment(self) -> None:
        super()._set_environment()
        self._proxy = Proxy(self.aws.port)
        self._proxy.start()
        self._units = self.directory / "units.jsonl"
        self._units.touch()
        os.environ.update(
            {
                recorder.FILE: str(self._units),
                "AWS_ENDPOINT_URL": self._proxy.url,
                "DJANGO_SETTINGS_MODULE": "benchmarks.cost.settings",
                "DJANGO_ALLOWED_HOSTS": "testserver",
                # The smallest, so that an upload in parts is small too.
                "FILEHUB_MULTIPART_THRESHOLD": str(S3_MIN_PART_SIZE),
                "FILEHUB_PART_SIZE": str(S3_MIN_PART_SIZE),
                # One task at a time: none is repeated because another changed the same counter.
                "WORKER_CONCURRENCY": "1",
            }
        )

    def meter(self) -> Meter:
        return Meter(self._proxy, Path(self._units), self.aws.url)
