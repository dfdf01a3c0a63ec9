"""Selections that ignore invalid primary keys, for which Django would return a 500."""

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
    # In a mixin, the other base class provides ModelAdmin.
    ModelAdminBase = object


class SafeSelectionMixin(ModelAdminBase):
    """A ModelAdmin that ignores invalid primary keys in the selection of an action."""

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Model], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        key = self.model._meta.pk
        selection = request.POST.copy()
        selection.setlist(
            ACTION_CHECKBOX_NAME,
            [text for text in selection.getlist(ACTION_CHECKBOX_NAME) if _is_valid_key(key, text)],
        )
        request.POST = selection  # type: ignore[assignment]
        return super().response_action(request, queryset, *args, **kwargs)


class SafeAutocompleteSelect(AutocompleteSelect):
    """An autocomplete widget that ignores invalid primary keys when it renders its value."""

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        key = self.field.remote_field.model._meta.pk
        return super().optgroups(name, [text for text in value if _is_valid_key(key, text)], attrs)


def _is_valid_key(field: Field[Any, Any], text: str) -> bool:
    try:
        field.clean(text, None)
    except ValidationError:
        return False
    return True
