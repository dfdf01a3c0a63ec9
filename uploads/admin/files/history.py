"""What operators did to files, in the admin log and in the audit log."""

from __future__ import annotations

from django.contrib.admin.models import LogEntry
from django.http import HttpRequest

from uploads.accounts.audit.record import Target, record
from uploads.accounts.requests import user_of
from uploads.core.reasons import Reason, dump
from uploads.models import AuditAction, File

#: The code in the admin log -> the action in the audit log. The others are results of a check.
_AUDITED = {
    "trashed": AuditAction.FILE_TRASHED,
    "restored": AuditAction.FILE_RESTORED,
    "deletion_requested": AuditAction.FILE_DELETED,
    "malware_released": AuditAction.FILE_RELEASED,
    "malware_check_requested": AuditAction.FILE_SCANNED,
    "owner_changed": AuditAction.OWNER_CHANGED,
    "listed_in_download": AuditAction.LIST_EXPORTED,
}


def log(request: HttpRequest, files: list[File], flag: int, what: Reason) -> None:
    """Log what an operator did to files; `flag` is that of Django's `LogEntry`."""
    changes = "".join(f", {name} {value}" for name, value in what.parameters.items())
    record(
        request,
        _AUDITED.get(what.code, AuditAction.FILE_CHECKED),
        [
            Target("file", file.pk, file.file_name, f"{what.code} by an operator{changes}")
            for file in files
        ],
    )
    # As a code: the history (`FileAdmin.history_view`) is in the language of who reads it.
    LogEntry.objects.log_actions(user_of(request).pk, files, flag, dump(what))
