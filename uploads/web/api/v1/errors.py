"""Errors with more to say: every invalid field, or the state that is in the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Field, Schema
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from uploads.core.errors import FilehubError, InvalidRequest
from uploads.web.api.app import invalid_field
from uploads.web.errors import error_response

#: Where a value was, as ninja calls it.
_BODY = "body"
#: The type of errors that `checked` raises.
_CHECKED = "filehub"


class FieldError(Schema):
    """What is wrong with one field of the body, parameter or header."""

    field: str = Field(description="Its name; `body` for the body as a whole.")
    pointer: str | None = Field(
        description="A JSON pointer (RFC 6901) into the body; null for a parameter or header."
    )
    error: str = Field(description="A sentence.")
    code: str


class CurrentState(Schema):
    id: str
    state: str


class Problem(Schema):
    """An error. `errors` and `current` are only there if they apply."""

    error: str = Field(description="A sentence to show to users.")
    code: str = Field(description="Stable.")
    request_id: str | None = Field(None, description="Also in the header `X-Request-ID`.")
    errors: list[FieldError] | None = Field(
        None, description="Everything that is invalid, if values are; the first one is above."
    )
    current: CurrentState | None = Field(
        None, description="With 409: the file and its state, which does not permit the call."
    )


class DetailedError(FilehubError):
    """An error whose response has more fields."""

    @property
    def details(self) -> dict[str, Any]:
        raise NotImplementedError


class InvalidFields(DetailedError):
    """Every invalid field of a request. Status, sentence and code are those of the first one."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        """`errors` are pydantic's, and not empty."""
        found = [_field_error(error) for error in errors]
        self.errors = [field for field, _ in found]
        self.status = found[0][1]
        super().__init__(self.errors[0].error, code=self.errors[0].code)

    @property
    def details(self) -> dict[str, Any]:
        return {"errors": [error.dict() for error in self.errors]}


class StateConflict(DetailedError):
    """The state of the caller's own file does not permit the call."""

    code = "wrong_state"
    status = 409

    def __init__(self, upload_id: str, state: str, message: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.current = CurrentState(id=upload_id, state=state)

    @property
    def details(self) -> dict[str, Any]:
        return {"current": self.current.dict()}


def respond(request: HttpRequest, error: FilehubError) -> HttpResponse:
    """Return the response for an error, with its details."""
    response = error_response(request, error)
    if isinstance(error, DetailedError) and isinstance(response, JsonResponse):
        response.content = json.dumps(json.loads(response.content) | error.details).encode()
    return response


def checked(check: Callable[[Any], object]) -> AfterValidator:
    """Validate a field with a function that raises FilehubError.

    So what is wrong with the values is found at the same time as wrong types and missing fields.
    """

    def validate(value: Any) -> Any:
        try:
            check(value)
        except FilehubError as exc:
            raise PydanticCustomError(
                _CHECKED,
                "{error}",
                {"error": exc.message, "code": exc.code, "status": exc.status},
            ) from exc
        return value

    return AfterValidator(validate)


def _field_error(error: Mapping[str, Any]) -> tuple[FieldError, int]:
    """What is wrong with a field, and the status for it."""
    parts = _path(error["loc"])
    pointer = "".join(f"/{_escape(str(part))}" for part in parts) if _is_body(error) else None
    field = next((part for part in reversed(parts) if isinstance(part, str)), _BODY)
    if error["type"] == _CHECKED:
        context = error["ctx"]
        sentence, code, status = context["error"], context["code"], context["status"]
    else:
        known = invalid_field(error)
        sentence, code, status = known.message, known.code, InvalidRequest.status
    return FieldError(field=field, pointer=pointer, error=sentence, code=code), status


def _is_body(error: Mapping[str, Any]) -> bool:
    # Fields of a batch were not parsed by ninja, which puts the place first.
    return error["loc"][:1] not in [("query",), ("path",), ("header",)]


def _path(loc: Sequence[int | str]) -> list[int | str]:
    """The place of a value, without the place and the name that ninja puts before it."""
    parts = list(loc)
    if parts[:2] == [_BODY, _BODY]:
        return parts[2:]
    if parts[:1] in [["query"], ["path"], ["header"]]:
        return parts[-1:] if isinstance(parts[-1], str) else parts[-2:]
    return parts


def _escape(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
