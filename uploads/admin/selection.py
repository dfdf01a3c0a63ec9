"""Choices from many rows that survive being made up; Django answers those with a bare 500."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse

if TYPE_CHECKING:
    ModelAdminBase = admin.ModelAdmin[Any]
else:
    # A mixin: ModelAdmin comes from the class that it is mixed into.
    ModelAdminBase = object


class ForgivingSelection(ModelAdminBase):
    """A change list: what cannot be a primary key is dropped from a selection."""

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Model], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        key = self.model._meta.pk
        selection = request.POST.copy()
        selection.setlist(
            ACTION_CHECKBOX_NAME,
            [text for text in selection.getlist(ACTION_CHECKBOX_NAME) if _is_key(key, text)],
        )
        request.POST = selection  # type: ignore[assignment]
        return super().response_action(request, queryset, *args, **kwargs)


class ForgivingAutocomplete(AutocompleteSelect):
    """A field with a search: what cannot be a primary key is not looked up to be shown again."""

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        key = self.field.remote_field.model._meta.pk
        return super().optgroups(name, [text for text in value if _is_key(key, text)], attrs)


def _is_key(field: Field[Any, Any], text: str) -> bool:
    try:
        field.clean(text, None)
    except ValidationError:
        return False
    return True
