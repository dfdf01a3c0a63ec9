from importlib import import_module

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin
from django.utils.translation import gettext_lazy as _


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = _("Uploads")
    default = True

    def ready(self) -> None:
        import_module("uploads.operations.checks")  # registers the system checks
        import_module("uploads.accounts.token_cache").watch_changes()
        if apps.is_installed("django.contrib.admin"):
            # Not by autodiscovery, which would import `uploads.admin` while the admin site in that
            # package is still being imported.
            import_module("uploads.admin.registration")
        if apps.is_installed("rest_framework"):
            import_module("uploads.rest_framework")  # registers the serializer field


class AdminSiteConfig(admin.AdminConfig):
    """Django's admin, with `DashboardSite` as `django.contrib.admin.site`."""

    default_site = "uploads.admin.site.DashboardSite"
    default = False
