"""Import every page, which registers it with the admin site (see `uploads.apps`)."""

from uploads.admin import queues, report, tokens, users, webhook_deliveries, webhooks
from uploads.admin.audit import pages as audit_pages
from uploads.admin.files import pages

__all__ = [
    "audit_pages",
    "pages",
    "queues",
    "report",
    "tokens",
    "users",
    "webhook_deliveries",
    "webhooks",
]
