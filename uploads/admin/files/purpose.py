"""What a file was uploaded for, as the admin site shows it."""

from __future__ import annotations

from django.utils.translation import gettext

from uploads.core.names import display_name
from uploads.core.texts import timestamp
from uploads.files.record import FileInfo


def purpose_text(info: FileInfo) -> str:
    """The destination or the form field, what uses the file, and until when it is kept."""
    parts = [display_name(info.destination or info.field)]
    if info.claimed_by:
        parts.append(gettext("used by %(claim)s") % {"claim": display_name(info.claimed_by)})
    if info.kept_until is not None:
        parts.append(gettext("kept until %(time)s") % {"time": timestamp(info.kept_until)})
    return " · ".join(filter(None, parts)) or "—"
