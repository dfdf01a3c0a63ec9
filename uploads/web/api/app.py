"""The API itself: how it reads bodies, and how it answers errors."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.types import DictStrAny

from uploads.core.errors import BodyTooLarge, FilehubError, InvalidRequest, NotAuthenticated
from uploads.core.strict_json import parse_json
from uploads.web.api.auth import CALLERS
from uploads.web.api.throttling import ADDRESS_RATE, refusal
from uploads.web.errors import error_response, json_error

logger = logging.getLogger(__name__)

#: Where Uppy asks what it asks of its Companion.
COMPANION = "/s3/"


class JsonObjectParser(Parser):
    """Takes one JSON object; everything else is one clear error."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        try:
            body = parse_json(request.body or b"{}")
        except ValueError as exc:
            raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from exc
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
        return body


class Api(NinjaAPI):
    """Answers Uppy's errors as Companion does: it shows its users a `message`."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Generated clients call their functions so: not after where a view happens to be."""
        view = operation.view_func
        return f"uploads_api_{view.__module__.rpartition('.')[2]}_{view.__name__}"

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        response = super().on_exception(request, exc)
        if request.path.startswith(COMPANION):
            answer = json.loads(response.content)
            response.content = json.dumps({**answer, "message": answer["error"]}).encode()
        return response


api = Api(
    title="filehub",
    version="1",
    description="Uploads go straight to S3; a file exists once S3 has said so.",
    auth=CALLERS,
    docs_url="/api/docs",
    openapi_url="/api/openapi.json",
    parser=JsonObjectParser(),
    urls_namespace="api",
)


@api.exception_handler(FilehubError)
def _on_filehub_error(request: HttpRequest, exc: FilehubError) -> HttpResponse:
    return error_response(request, exc, as_json=True)


@api.exception_handler(AuthenticationError)
def _on_unauthenticated(request: HttpRequest, exc: AuthenticationError) -> HttpResponse:
    # ninja throttles only after it has authenticated. Guesses of tokens must be counted too.
    if not ADDRESS_RATE.allow_request(request):
        return _on_filehub_error(request, refusal(request))
    return json_error(401, NotAuthenticated.message, NotAuthenticated.code)


@api.exception_handler(Throttled)
def _on_throttled(request: HttpRequest, exc: Throttled) -> HttpResponse:
    return _on_filehub_error(request, refusal(request))


@api.exception_handler(RequestDataTooBig)
def _on_too_large(request: HttpRequest, exc: RequestDataTooBig) -> HttpResponse:
    return _on_filehub_error(request, BodyTooLarge())


@api.exception_handler(Http404)
def _on_not_found(request: HttpRequest, exc: Http404) -> HttpResponse:
    return json_error(404, "Not Found", "not_found")


@api.exception_handler(HttpError)
def _on_http_error(request: HttpRequest, exc: HttpError) -> HttpResponse:
    # ninja wraps what the parser raised.
    if isinstance(exc.__cause__, FilehubError):
        return _on_filehub_error(request, exc.__cause__)
    return json_error(exc.status_code, exc.message, "invalid_request")


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    error = exc.errors[0]
    name = str(error["loc"][-1])
    if error["type"] == "missing":
        return json_error(400, f"Missing {name}", f"missing_{name}")
    return json_error(400, f"{name} is wrong: {error['msg']}.", f"invalid_{name}")


@api.exception_handler(Exception)
def _on_unexpected(request: HttpRequest, exc: Exception) -> HttpResponse:
    logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return json_error(500, "Something went wrong here. It has been logged.", "internal_error")
