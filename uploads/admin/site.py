"""The admin site, with the dashboard on its index page.

It imports no other page: they register with the site when they are imported.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from uploads.admin.audited import Audited
from uploads.operations import dashboard

#: Pages that the dashboard links to -> the permission each requires.
_PAGE_PERMISSIONS = {
    "file": "uploads.view_file",
    "queue": "uploads.view_queue",
    "storagereport": "uploads.view_storagereport",
}


class DashboardSite(AdminSite):
    """Django's admin site, plus a dashboard for users who may view all files."""

    site_header = "filehub"
    site_title = "filehub"
    index_title = _("Dashboard")
    index_template = "admin/uploads/operator_index.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django does; changes on the pages are recorded in the audit log."""
        base = admin_class or ModelAdmin
        if not issubclass(base, Audited):
            base = type(base.__name__, (Audited, base), {"__module__": base.__module__})
        super().register(model_or_iterable, base, **options)

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the site's sign-in page, which leads back (`next`).

        Raises PermissionDenied for a signed-in user who may not use the admin.
        """
        target = request.GET.get(REDIRECT_FIELD_NAME) or reverse(f"{self.name}:index")
        if not request.user.is_authenticated:
            return redirect_to_login(target)
        if not self.has_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse(f"{self.name}:index"))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        if request.user.has_perm("uploads.view_file"):
            extra_context = {
                "overview": dashboard.collect(),
                "newest": dashboard.NEWEST,
                "pages": self._page_urls(request),
                **(extra_context or {}),
            }
        return super().index(request, extra_context)

    def _page_urls(self, request: HttpRequest) -> dict[str, str]:
        """Return model -> URL of the registered pages that this user may view."""
        pages = {}
        for model, permission in _PAGE_PERMISSIONS.items():
            if request.user.has_perm(permission):
                try:
                    pages[model] = reverse(f"{self.name}:uploads_{model}_changelist")
                except NoReverseMatch:
                    continue
        return pages
