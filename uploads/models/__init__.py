"""Django models, by what they are about. Those of `tableless` have no table."""

from uploads.models.accounts import ApiToken, Identity, Quota, Scope
from uploads.models.audit import AppendOnly, AuditAction, AuditEntry, AuditOutcome
from uploads.models.tableless import STATE_NAMES, File, Queue, StorageReport
from uploads.models.webhooks import DeliveryStatus, WebhookDelivery, WebhookEndpoint

__all__ = [
    "STATE_NAMES",
    "ApiToken",
    "AppendOnly",
    "AuditAction",
    "AuditEntry",
    "AuditOutcome",
    "DeliveryStatus",
    "File",
    "Identity",
    "Queue",
    "Quota",
    "Scope",
    "StorageReport",
    "WebhookDelivery",
    "WebhookEndpoint",
]
