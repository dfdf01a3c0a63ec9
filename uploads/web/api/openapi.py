"""The OpenAPI description, with the scope that each operation needs."""

from __future__ import annotations

from typing import Any

from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from uploads.web.api.auth import Bearer


class ScopedSchema(OpenAPISchema):
    """ninja's description, in which an operation lists its scope, or offers no bearer token at all.

    OpenAPI 3.1 allows names of roles there for schemes other than OAuth 2.
    https://spec.openapis.org/oas/v3.1.1.html#security-requirement-object
    """

    def operation_security(self, operation: Operation) -> list[dict[str, Any]]:
        requirements = super().operation_security(operation) or []
        scopes = {
            type(method).__name__: method.scope
            for method in operation.auth_callbacks
            if isinstance(method, Bearer)
        }
        return [
            {name: [str(scopes[name])] if name in scopes else []}
            for requirement in requirements
            for name in requirement
            if scopes.get(name, "") is not None
        ]
