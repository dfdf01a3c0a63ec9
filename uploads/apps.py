from django.apps import AppConfig
from django.contrib.admin import apps as admin
from django.utils.translation import gettext_lazy as _


class UploadsConfig(AppConfig):
    name = "uploads"
    verbose_name = _("Uploads")
    default = True

    def ready(self) -> None:
        from uploads.operations import checks  # noqa: F401, PLC0415  # registers the system checks


class DeskConfig(admin.AdminConfig):
    """Django's admin with a site of our own; `django.contrib.admin.site` is that one."""

    default_site = "uploads.desk.Desk"
    default = False
