"""The API object, and its OpenAPI description with an example for each operation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja.errors import ValidationError
from ninja.operation import Operation

from uploads.core.errors import FilehubError
from uploads.web.api.app import Api, Docs, JsonObjectParser, JsonRenderer
from uploads.web.api.app import api as root_api
from uploads.web.api.auth import requires
from uploads.web.api.openapi import ScopedSchema
from uploads.web.api.v1 import errors
from uploads.web.api.v1.examples import EXAMPLES, PARAMETERS

_JSON = "application/json"
_DESCRIPTION = """\
Upload and manage files. Clients send files directly to S3, with requests that this API signs, and a
file exists once S3 has reported it. Scripts of this site may use the session instead of an API
token, and then send its CSRF token in `X-CSRFToken` with everything but `GET`.
"""
_TAGS = {
    "uploads": "Begin uploads, and see what became of them.",
    "parts": "Large files, which are sent in parts.",
    "files": "Stored files: list, read, change, download and delete them.",
    "trash": "Files that can still be restored.",
    "folders": "Folders, and what is in them.",
}
#: Headers of responses, by operation and status.
_HEADERS: dict[tuple[str, int], tuple[str, str]] = {
    ("list_files", 200): ("Link", 'The address of the next page, `rel="next"`, if there is one.'),
    ("get_folder", 200): ("Link", 'The address of the next page, `rel="next"`, if there is one.'),
    ("get_version", 200): ("ETag", "For `If-None-Match`."),
    ("begin_upload", 201): ("Location", "The state of the upload."),
    ("delete_file", 202): ("Location", "The file, whose state becomes `deleted`."),
}


class DescribedSchema(ScopedSchema):
    """The description, with examples, and with the headers of responses."""

    def operation_details(self, operation: Operation) -> dict[str, Any]:
        details: dict[str, Any] = super().operation_details(operation)
        name = details["operationId"]
        example = EXAMPLES[name]
        if example.body is not None:
            details["requestBody"]["content"][_JSON]["example"] = example.body
        for parameter in details["parameters"]:
            value = example.query.get(parameter["name"], PARAMETERS.get(parameter["name"]))
            if value is not None:
                parameter["example"] = value
        for status, response in details["responses"].items():
            if status == example.status and example.response is not None:
                response["content"][_JSON]["example"] = example.response
            if (name, status) in _HEADERS:
                header, description = _HEADERS[name, status]
                schema = {"description": description, "schema": {"type": "string"}}
                response["headers"] = {header: schema}
        return details


class ApiV1(Api):
    """Operations have the names of their functions, after which clients name theirs."""

    schema_class = DescribedSchema

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)


api = ApiV1(
    title="filehub",
    version="1",
    description=_DESCRIPTION,
    # A route without a scope of its own accepts no API tokens.
    auth=requires(None),
    docs=Docs(),
    docs_url="/docs",
    openapi_url="/openapi.json",
    openapi_extra={
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
    },
    parser=JsonObjectParser(),
    renderer=JsonRenderer(),
    # Below that of uploads/urls.py.
    urls_namespace="filehub:api-v1",
)
# The same errors, unless this API says more about them.
api._exception_handlers.update(root_api._exception_handlers)


@api.exception_handler(FilehubError)
def _on_filehub_error(request: HttpRequest, exc: FilehubError) -> HttpResponse:
    return errors.respond(request, exc)


@api.exception_handler(ValidationError)
def _on_invalid(request: HttpRequest, exc: ValidationError) -> HttpResponse:
    return errors.respond(request, errors.InvalidFields(exc.errors))
