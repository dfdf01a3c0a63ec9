"""The site of Django's admin, with the dashboard on its first page.

It imports no other page: those register themselves with it while they are imported.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from uploads.operations import dashboard

#: What a part of the dashboard leads to: page -> the permission it needs.
_PAGES = {
    "file": "uploads.view_file",
    "queue": "uploads.view_queue",
    "storagereport": "uploads.view_storagereport",
}


class DashboardSite(AdminSite):
    """Django's own site; whoever may see all files is also told how things stand."""

    site_header = "filehub"
    site_title = "filehub"
    index_title = _("Operator’s desk")
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
