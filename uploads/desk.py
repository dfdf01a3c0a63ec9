"""The site of Django's admin, with an overview on its first page.

Not in the package `admin`: its pages register themselves while they are imported, with the site
that would have to import them first.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse

from uploads.operations import dashboard

#: What a part of the overview leads to: page -> the permission it needs.
_PAGES = {
    "file": "uploads.view_file",
    "queue": "uploads.view_queue",
    "storagereport": "uploads.view_storagereport",
}


class Desk(AdminSite):
    """Django's own site; whoever may see all files is also told how things stand."""

    index_template = "admin/operator_index.html"

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if request.user.has_perm("uploads.view_file"):
            extra_context = {
                "overview": dashboard.collect(),
                "newest": dashboard.NEWEST,
                "pages": self._pages(request),
                **(extra_context or {}),
            }
        return super().index(request, extra_context)

    def _pages(self, request: HttpRequest) -> dict[str, str]:
        """The addresses of those pages that there are for this user."""
        pages = {}
        for model, permission in _PAGES.items():
            if request.user.has_perm(permission):
                try:
                    pages[model] = reverse(f"{self.name}:uploads_{model}_changelist")
                except NoReverseMatch:
                    continue
        return pages
