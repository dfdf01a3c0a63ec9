"""Types for the schemas of django-ninja.

class NewProduct(Schema):
    manual: Annotated[AttachedFile, StoredFileId(Product._meta.get_field("manual").options)]
    photos: Annotated[list[AttachedFile], StoredFileIds(Options("shop.photos", "image/*"))]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from ninja import Schema
from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from uploads.attachments import checking
from uploads.attachments.attached import AttachedFile
from uploads.attachments.options import Options

__all__ = ["AttachedFile", "Options", "StoredFileId", "StoredFileIds", "StoredFileOut"]


@dataclass(frozen=True)
class StoredFileIds:
    """In a request: ids of files, which are checked together, as a form does.

    The user is `request.user`, or `request.auth` if an authenticator returns users; without one,
    nothing is accepted. Errors have the codes of `uploads.attachments.checking` as their type.
    """

    options: Options

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.validate)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "format": "uuid"}}

    def validate(self, value: Any, info: ValidationInfo) -> Any:
        """The files. Raises PydanticCustomError."""
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise PydanticCustomError("invalid", "This must be a list of ids.")
        return self._checked(value, info)

    def _checked(self, ids: list[str], info: ValidationInfo) -> list[AttachedFile]:
        request = (info.context or {}).get("request")
        user = getattr(request, "user", AnonymousUser())
        if not user.is_authenticated:
            user = getattr(request, "auth", None)
        checked = checking.check(ids, self.options.accepts(user))
        for problem in checked.problems:
            # It may contain braces, which the template would replace.
            raise PydanticCustomError(problem.code, "{sentence}", {"sentence": problem.message})
        return list(checked.files)


@dataclass(frozen=True)
class StoredFileId(StoredFileIds):
    """The same for the id of one file."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}

    def validate(self, value: Any, info: ValidationInfo) -> AttachedFile:
        if not isinstance(value, str):
            raise PydanticCustomError("invalid", "This must be the id of a file.")
        return self._checked([value], info)[0]


class StoredFileOut(Schema):
    """In a response: what is known about a file. `url` is presigned, so give it to nobody else."""

    id: str
    name: str
    size: int
    content_type: str
    sha256: str
    state: str
    url: str

    @staticmethod
    def resolve_url(file: AttachedFile) -> str:
        return file.url()
