"""Search for usernames however their characters were typed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest

from uploads.admin.invalid_keys import ModelAdminBase


class UsernameSearchMixin(ModelAdminBase):
    """A ModelAdmin whose search also tries the form in which Django stores usernames (NFKC).

    Other fields that are searched, such as a user's first name, are stored as they were typed.
    """

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, duplicates = super().get_search_results(request, queryset, search_term)
        normalized = get_user_model().normalize_username(search_term)
        if normalized == search_term:
            return found, duplicates
        others, more = super().get_search_results(request, queryset, normalized)
        return found | others, duplicates or more
