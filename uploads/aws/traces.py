"""A span for each request to AWS, within traces that are being recorded.

botocore calls this through its events, including for the clients of PynamoDB and kombu.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.session import Session

from uploads.core import tracing

if TYPE_CHECKING:
    from uploads.core.spans import Attributes

#: The key of the span in botocore's context of a request.
_KEY = "filehub_span"


def attach(session: Session) -> None:
    """Record spans for the clients of a new session, if tracing is on."""
    if tracing.recorder() is not None:
        session.register("before-call", _before_call)
        session.register("after-call", _after_call)
        session.register("after-call-error", _after_error)


def _before_call(**event: Any) -> None:
    recorder = tracing.recorder()
    if recorder is None:
        return
    model = event["model"]
    service = str(model.service_model.service_id)
    event["context"][_KEY] = recorder.start_request(
        f"{service}.{model.name}",
        {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": str(model.name)},
    )


def _after_call(**event: Any) -> None:
    status = int(event["http_response"].status_code)
    # Other codes may be expected: a missing object, a condition that is not met.
    _end(
        event["context"],
        {"http.response.status_code": status},
        str(status) if status >= 500 else "",
    )


def _after_error(**event: Any) -> None:
    _end(event["context"], {}, type(event["exception"]).__name__)


def _end(context: dict[str, Any], attributes: Attributes, error: str) -> None:
    recorder, span = tracing.recorder(), context.pop(_KEY, None)
    if recorder is not None and span is not None:
        recorder.end_request(span, attributes, error)
