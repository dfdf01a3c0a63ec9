"""The operator's desk: Django's admin over DynamoDB, S3 and SQS. One module for each page."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from uploads.admin import files, queues, report, tokens, users

__all__ = ["files", "queues", "report", "tokens", "users"]

admin.site.site_header = "filehub"
admin.site.site_title = "filehub"
admin.site.index_title = _("Operator’s desk")
