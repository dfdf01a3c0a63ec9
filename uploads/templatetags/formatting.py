"""Template filters that format names, sizes, times, durations and reasons, and sign thumbnails."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import template
from django.utils import formats
from django.utils.translation import gettext

from uploads.core import texts
from uploads.core.names import display_name, name_parts
from uploads.core.reasons import Reason
from uploads.core.texts import file_size
from uploads.core.type_names import type_name
from uploads.files.thumbnails import thumbnail_url

register = template.Library()

# Every name in a template goes through one of these filters, or through File.__str__.
register.filter("display_name", display_name)
register.filter("name_parts", name_parts)
register.filter("file_size", file_size)
register.filter("type_name", type_name)
register.filter("thumbnail_url", thumbnail_url)


@register.filter
def timestamp(moment: datetime, precision: str = "minutes") -> str:
    """Format a time as 2026-01-31 13:05 UTC; with `timestamp:"seconds"` to the second."""
    return texts.timestamp(moment, seconds=precision == "seconds")


@register.filter
def sentences(reasons: Iterable[Reason]) -> str:
    """Format reasons as sentences. What they quote may be hostile."""
    return display_name(" ".join(map(texts.describe, reasons)))


@register.filter
def sentence(reason: Reason) -> str:
    """Format one reason. What it quotes may be hostile."""
    return sentences([reason])


@register.filter
def grouped(number: int) -> str:
    """Format 1234567 as 1,234,567, with the separator of the active language."""
    return formats.number_format(number, force_grouping=True)


@register.filter
def duration(seconds: float | None) -> str:
    """Format a duration: tenths below 10 s, then whole seconds, minutes, hours."""
    if seconds is None:
        return "–"
    if seconds < 9.95:
        return gettext("%(n)s s") % {"n": formats.number_format(seconds, 1)}
    whole = round(seconds)
    if whole < 60:
        return gettext("%(n)s s") % {"n": whole}
    if whole < 3600:
        return gettext("%(m)s min %(s)s s") % {"m": whole // 60, "s": whole % 60}
    return gettext("%(h)s h %(m)s min") % {"h": whole // 3600, "m": whole % 3600 // 60}
