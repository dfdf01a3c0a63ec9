"""A serializer field for Django REST framework, which only this module needs.

A `ModelSerializer` has it for each `uploads.fields.StoredFileField` of its model. In another one:

class ProductSerializer(serializers.Serializer):
    manual = StoredFileField(Product._meta.get_field("manual").options)
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from uploads.attachments import checking
from uploads.attachments.attached import AttachedFile, as_attached
from uploads.attachments.options import Options
from uploads.fields import StoredFileField as FileColumn


class StoredFileField(serializers.Field):
    """Takes the id of a file, checks it as a form does, and gives an `AttachedFile`.

    The user is that of `context["request"]`, which DRF's views set; without one, nothing is
    accepted. What the instance has already stays valid. In responses a file is an object, whose
    `url` is presigned: answer only those who may have it. Without `options`, they are those of the
    field of the serializer's model.
    """

    def __init__(self, options: Options | None = None, **kwargs: Any) -> None:
        self._options = options
        super().__init__(**kwargs)

    @property
    def options(self) -> Options:
        if self._options is not None:
            return self._options
        column: FileColumn = self.parent.Meta.model._meta.get_field(self.source)
        return column.options

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """Clients send "" for no file, as HTML forms do."""
        is_empty, value = super().validate_empty_values(None if data == "" else data)
        return is_empty, value

    def to_internal_value(self, data: Any) -> AttachedFile:
        """Raises ValidationError, with the codes of `uploads.attachments.checking`."""
        user = getattr(self.context.get("request"), "user", None)
        instance = getattr(self.parent, "instance", None)
        # A list has several; none of them is the one that is being changed.
        current = as_attached(getattr(instance, str(self.source), None))
        initial = {current.id} if current is not None else set()
        checked = checking.check([str(data)], self.options.accepts(user), initial=initial)
        for problem in checked.problems:
            raise serializers.ValidationError(problem.message, code=problem.code)
        return checked.files[0]

    def to_representation(self, value: AttachedFile) -> dict[str, Any]:
        return {
            "id": value.id,
            "name": value.name,
            "size": value.size,
            "content_type": value.content_type,
            "sha256": value.sha256,
            "state": value.state,
            "url": value.url(),
        }


# Otherwise DRF takes the id of any file, unchecked.
serializers.ModelSerializer.serializer_field_mapping[FileColumn] = StoredFileField
