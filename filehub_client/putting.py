"""Send bytes with a presigned request, and again after errors that pass."""

from __future__ import annotations

from collections.abc import Callable

from filehub_client.errors import ConnectionFailed, FilehubError, StorageError
from filehub_client.flow import Flow, Request, pause, send
from filehub_client.local_files import FileSlice
from filehub_client.models import SignedRequest
from filehub_client.retry import Retries

#: `sign(is_renewal, is_uncertain)`: the request to send, or None if an earlier attempt has arrived.
#: `is_renewal`: the last signature is no longer valid. `is_uncertain`: an attempt had no response.
Sign = Callable[[bool, bool], Flow[SignedRequest | None]]


def put(body: FileSlice, sign: Sign, retries: Retries) -> Flow[None]:
    """Send the bytes until S3 has them. Raises StorageError, ConnectionFailed, LocalFileError, and
    what `sign` raises.
    """
    is_renewal = is_uncertain = False
    failures = 0
    while True:
        signed = yield from sign(is_renewal, is_uncertain)
        if signed is None:
            body.skip()
            return
        try:
            yield from _put_once(signed, body)
            return
        except FilehubError as exc:
            body.rewind()
            failures += 1
            seconds = retries.pause_after(failures, exc)
            if seconds is None:
                raise
            is_renewal = isinstance(exc, StorageError) and exc.remedy == "sign again"
            is_uncertain = is_uncertain or isinstance(exc, ConnectionFailed)
        yield from pause(seconds)


def _put_once(signed: SignedRequest, body: FileSlice) -> Flow[None]:
    """Send the bytes. 412 means that an attempt whose response was lost has stored them."""
    headers = {**signed.headers, "Content-Length": str(body.size)}
    response = yield from send(Request(signed.method, signed.url, headers, body))
    if not 200 <= response.status < 300:
        error = StorageError(response.status, response.body)
        if error.remedy != "arrived":
            raise error
