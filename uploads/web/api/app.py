"""The API object: request parsing and error handling."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError
from ninja.openapi.docs import Swagger
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import BaseRenderer
from ninja.types import DictStrAny
from pydantic_core import to_json

from uploads.core.errors import BodyTooLarge, FilehubError, InvalidRequest, NotAuthenticated
from uploads.core.strict_json import parse_json, replace_lone_surrogates
from uploads.web import navigation
from uploads.web.api.auth import requires
from uploads.web.api.openapi import ScopedSchema
from uploads.web.api.throttling import UNAUTHENTICATED_RATE, rate_limited
from uploads.web.errors import as_filehub_error, error_response, internal_error, respond
from uploads.web.navigation import is_navigation, page_about, redirect

logger = logging.getLogger(__name__)

#: Prefix of the routes for Uppy, which expects the protocol of its Companion there.
COMPANION = "/s3/"
#: Prefix of the routes to which Uppy speaks S3's own protocol, with its XML.
SIGNED = f"{COMPANION}signed/"
#: Fields with the name of a file, the second one as Uppy calls it.
NAMES = ("file_name", "filename")
#: Fields with the path of a folder.
FOLDERS = ("folder", "to")
#: Fields with tags and context.
LABELS = ("tags", "context")


class JsonObjectParser(Parser):
    """Accept a JSON object as the body, and reject everything else with one clear error."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        try:
            body = parse_json(request.body or b"{}")
        except ValueError as exc:
            body = _with_invalid_names(request.body)
            if body is None:
                raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from exc
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
        return body


def _with_invalid_names(body: bytes) -> Any:
    """Parse a body that is invalid only because the names of files are not valid Unicode.

    Names with half of a surrogate pair exist: Windows allows them, and JavaScript sends them as the
    escape of what is not a character. In a batch of files, the error takes the place of its file;
    otherwise InvalidRequest is raised. Returns None if the names are not why it is invalid.
    """
    try:
        fields = parse_json(replace_lone_surrogates(body))
    except ValueError:
        return None
    if error := _invalid_name(fields):
        raise error
    files = fields.get("files") if isinstance(fields, dict) else None
    if not isinstance(files, list) or not any(_invalid_name(file) for file in files):
        return None
    return {**fields, "files": [_invalid_name(file) or file for file in files]}


def _invalid_name(fields: Any) -> InvalidRequest | None:
    """Return an error if a name or path has U+0000, which replaces what was not Unicode."""
    if not isinstance(fields, dict):
        return None
    if any("\0" in str(fields.get(field)) for field in NAMES):
        return InvalidRequest("The file name is not valid Unicode.", code="invalid_name")
    for field in LABELS:
        if "\\u0000" in json.dumps(fields.get(field)):
            return InvalidRequest(f"Invalid {field}: not valid Unicode.", code=f"invalid_{field}")
    metadata = fields.get("metadata")
    path = metadata.get("relativePath") if isinstance(metadata, dict) else None
    if any("\0" in str(folder) for folder in (path, *map(fields.get, FOLDERS))):
        return InvalidRequest("The folder is not valid Unicode.", code="invalid_folder")
    return None


class JsonRenderer(BaseRenderer):
    """Write JSON with pydantic, several times as fast as ninja's renderer."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return to_json(data)


@lru_cache(maxsize=4)  # The prefix is fixed for each installation.
def _schema(api: Api, path_prefix: str) -> ScopedSchema:
    """The description of all routes. It takes a seventh of a second, and never changes."""
    return api.schema_class(api, path_prefix)


class Api(NinjaAPI):
    """A NinjaAPI whose errors also suit Uppy, which shows users the field `message`.

    Its responses to people are pages.
    """

    schema_class = ScopedSchema

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Generated clients name functions after these ids, so they omit the package path."""
        view = operation.view_func
        return f"uploads_api_{view.__module__.rpartition('.')[2]}_{view.__name__}"

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> ScopedSchema:
        if path_prefix is None:
            path_prefix = self.get_root_path(path_params or {})
        return _schema(self, path_prefix)

    def create_response(
        self, request: HttpRequest, data: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Return JSON; people who open an address of the API get the page about the same thing."""
        if is_navigation(request):
            return redirect(page_about(request))
        return super().create_response(request, data, *args, **kwargs)

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        response = super().on_exception(request, exc)
        path = request.path.removeprefix(navigation.base())
        if not path.startswith(COMPANION) or not isinstance(response, JsonResponse):
            return response
        body = json.loads(response.content)
        if path.startswith(SIGNED):
            response["Content-Type"] = "application/xml"
            response.content = s3_error(body["code"], body["error"], body["request_id"])
        else:
            response.content = json.dumps({**body, "message": body["error"]}).encode()
        return response


def s3_error(code: str, message: str, request_id: str | None) -> bytes:
    """Return an error as S3 writes it, which Uppy reads only if its type is `application/xml`."""
    fields = {"Code": code, "Message": message, "RequestId": request_id or ""}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<Error>{inner}</Error>".encode()


class Docs(Swagger):
    """The page of the API. A project's other APIs keep ninja's template."""

    template = "uploads/api_docs.html"


api = Api(
    title="filehub",
    version="1",
    description="Clients upload directly to S3. A file exists once S3 confirms it.",
    # A route without a scope of its own accepts no API tokens.
    auth=requires(None),
    docs=Docs(),
    docs_url="/api/docs",
    openapi_url="/api/openapi.json",
    parser=JsonObjectParser(),
    renderer=JsonRenderer(),
    # Below that of uploads/urls.py.
    urls_namespace="filehub:api",
)


def invalid_field(error: Mapping[str, Any]) -> InvalidRequest:
    """Return the error for one of pydantic's, which names the field and what is wrong with it."""
    # The last part may be the index of an item, whose list is the field.
    name = next((part for part in reversed(error["loc"]) if isinstance(part, str)), "body")
    if error["type"] == "missing":
        return InvalidRequest(f"Missing {name}", code=f"missing_{name}")
    return InvalidRequest(f"Invalid {name}: {error['msg']}.", code=f"invalid_{name}")


@api.exception_handler(FilehubError)
def _on_filehub_error(request: HttpRequest, exc: FilehubError) -> HttpResponse:
    return error_response(request, exc)


@api.exception_handler(AuthenticationError)
@api.exception_handler(NotAuthenticated)
def _on_unauthenticated(
    request: HttpRequest, exc: AuthenticationError | NotAuthenticated
) -> HttpResponse:
    if not UNAUTHENTICATED_RATE.allow_request(request):
        return _on_filehub_error(request, rate_limited(request))
    error = exc if isinstance(exc, NotAuthenticated) else NotAuthenticated()
    return _on_filehub_error(request, error)


@api.exception_handler(Throttled)
def _on_throttled(request: HttpRequest, exc: Throttled) -> HttpResponse:
    return _on_filehub_error(request, rate_limited(request))


@api.exception_handler(RequestDataTooBig)
def _on_body_too_large(request: HttpRequest, exc: RequestDataTooBig) -> HttpResponse:
    return _on_filehub_error(request, BodyTooLarge())


@api.exception_handler(Http404)
def _on_not_found(request: HttpRequest, exc: Http404) -> HttpResponse:
    return respond(request, 404, "Not Found", "not_found")


@api.exception_handler(HttpError)
def _on_http_error(request: HttpRequest, exc: HttpError) -> HttpResponse:
    # ninja wraps exceptions of the parser.
    if isinstance(exc.__cause__, FilehubError):
        return _on_filehub_error(request, exc.__cause__)
    return respond(request, exc.status_code, exc.message, "invalid_request")


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    return _on_filehub_error(request, invalid_field(exc.errors[0]))


@api.exception_handler(Exception)
def _on_unexpected(request: HttpRequest, exc: Exception) -> HttpResponse:
    error = as_filehub_error(exc) or getattr(request, "response_error", None)
    if error is not None:
        return _on_filehub_error(request, error)
    logger.error("%s %s failed", request.method, request.path, exc_info=exc)
    return internal_error(request)
